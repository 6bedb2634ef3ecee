import { describe, expect, test } from '@jest/globals';
import { framed, syslogMessage } from '../../../src/audit/syslog.ts';

const ORIGIN = { host: 'gateway.test', application: 'dimseway', processId: '4711' };
const AT = Date.UTC(2026, 10, 21, 7, 30, 0, 5);

describe('a syslog message', () => {
  test('has facility 10, severity 5 and the MSGID of DICOM (PS3.15 A.6), and its text as marked UTF-8 (RFC 5424 6.4)', () => {
    expect(syslogMessage('<é/>', 'notice', ORIGIN, AT).toString('utf8')).toBe(
      '<85>1 2026-11-21T07:30:00.005Z gateway.test dimseway 4711 DICOM+RFC3881 - \uFEFF<é/>',
    );
  });

  test('warns with severity 4 (PS3.15 A.6)', () => {
    expect(syslogMessage('x', 'warning', ORIGIN, AT).toString()).toMatch(/^<84>1 /);
  });

  test('has no header field that is empty, has spaces or is too long (RFC 5424 6)', () => {
    const origin = { host: 'ward é\n1', application: 'a'.repeat(60), processId: ' ' };
    const [, , host, application = '', processId] = syslogMessage('x', 'notice', origin, AT).toString().split(' ');
    expect([host, application.length, processId]).toEqual(['ward1', 48, '-']);
  });

  test('is framed by its length in octets (RFC 5425 4.3)', () => {
    expect(framed(Buffer.from('é')).toString()).toBe('2 é');
  });
});
