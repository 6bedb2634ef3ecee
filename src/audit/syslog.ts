/** Syslog around an audit message: the header (RFC 5424), the frame of a TLS stream (RFC 5425). */

/** security/authorization messages (PS3.15 A.6). */
const FACILITY = 10;
/** Normal but significant, which most messages are, and warning (PS3.15 A.6). */
const SEVERITIES = { notice: 5, warning: 4 } as const;
export type Severity = keyof typeof SEVERITIES;

/** PS3.15 A.6 gives this MSGID to messages of its schema. */
const MESSAGE_ID = 'DICOM+RFC3881';

export interface SyslogOrigin {
  readonly host: string;
  readonly application: string;
  readonly processId: string;
}

/** A SYSLOG-MSG. @param text without line breaks @param atMs wall clock, ms since 1970 */
export function syslogMessage(text: string, severity: Severity, origin: SyslogOrigin, atMs: number): Buffer {
  const header = [
    `<${FACILITY * 8 + SEVERITIES[severity]}>1`,
    new Date(atMs).toISOString(),
    headerField(origin.host, 255),
    headerField(origin.application, 48),
    headerField(origin.processId, 128),
    MESSAGE_ID,
    '-',
  ].join(' ');
  // RFC 5424 6.4: UTF-8 begins with its byte order mark.
  return Buffer.from(`${header} \uFEFF${text}`);
}

/** Octet counting (RFC 5425 4.3). */
export function framed(message: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${message.length} `), message]);
}

/** PRINTUSASCII without spaces; what is none is nil. */
function headerField(text: string, maximumLength: number): string {
  const printable = text.replace(/[^\x21-\x7e]/g, '');
  return printable === '' ? '-' : printable.slice(0, maximumLength);
}
