import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AuditClock } from '../../../src/audit/audit-clock.ts';
import { applicationActivity, securityAlert } from '../../../src/audit/events.ts';
import type { AuditedExchange } from '../../../src/audit/exchange-events.ts';
import type { AuditEvent } from '../../../src/audit/message.ts';
import { AuditTrail } from '../../../src/audit/trail.ts';
import type { AuditDestination } from '../../../src/audit/trail.ts';
import { systemClock } from '../../../src/gateway/clock.ts';
import { SILENT } from '../../../src/observe/log.ts';
import { ClientTls } from '../../../src/tls/client-tls.ts';
import { CALLER, tlsCollector, udpCollector } from '../../support/audit-collector.ts';
import type { AuditCollector } from '../../support/audit-collector.ts';
import { eventBreaches, parseAuditMessage, schemaBreaches } from '../../support/audit-schema.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { SELF_SIGNED } from '../../support/self-signed.ts';

const SELF = { processId: '4711', processName: 'dimseway', host: 'gateway.test', aeTitles: ['GATE'] };
/** This process learns of a connection that was cut within `settleMs`. */
const TIMES = { patienceMs: 5_000, firstRetryMs: 5, longestRetryMs: 20, settleMs: 150 };
const AT = Date.UTC(2026, 10, 21, 7, 30);

let folder: string;
const ends: (() => Promise<void>)[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'audit-trail-'));
});
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
  await rm(folder, { recursive: true });
});

interface Settings {
  readonly maximumBytes?: number;
  readonly clock?: AuditClock;
  readonly times?: typeof TIMES;
}

async function trailTo(
  to: readonly AuditDestination[],
  { maximumBytes = 1_000_000, clock = systemClock, times = TIMES }: Settings = {},
): Promise<AuditTrail> {
  const spool = { path: join(folder, 'spool'), maximumBytes };
  const trail = await AuditTrail.open(
    { source: 'gate', site: 'Hospital', self: SELF, patients: true, to, spool, times },
    clock,
    SILENT,
  );
  ends.push(() => trail.close(1_000));
  return trail;
}

async function collector(make: () => Promise<AuditCollector>): Promise<AuditCollector> {
  const made = await make();
  ends.push(() => made.close().catch(() => undefined));
  return made;
}

function tls(port: number): AuditDestination {
  return { kind: 'syslog-tls', host: '127.0.0.1', port, tls: CALLER };
}

function udp(port: number): AuditDestination {
  return { kind: 'syslog-udp', host: '127.0.0.1', port };
}

function numbered(number: number): AuditEvent {
  const subject = { node: String(number) };
  return securityAlert({ type: 'nodeAuthentication', outcome: '4', description: 'x', subject }, SELF, AT + number);
}

function record(trail: AuditTrail, from: number, count: number): void {
  for (let number = from; number < from + count; number++) trail.record(numbered(number));
}

/** The numbers that have come, in the order of their first coming. */
function numbersOf(messages: readonly Buffer[]): number[] {
  const numbers = messages.map((message) => Number(/ParticipantObjectID="(\d+)"/.exec(message.toString())?.[1]));
  return numbers.filter((number, index) => numbers.indexOf(number) === index);
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

/** Until a condition holds that nothing tells of. */
async function until(isSo: () => boolean): Promise<void> {
  const endMs = performance.now() + 4_000;
  while (!isSo()) {
    if (performance.now() > endMs) throw new Error('it did not come so');
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

describe('the audit trail by syslog', () => {
  test.each([
    ['TLS, framed (RFC 5425, PS3.15 A.6)', tlsCollector, tls],
    ['UDP, a datagram each (RFC 5426, PS3.15 A.7)', udpCollector, udp],
  ] as const)('brings messages by %s', async (_, make, to) => {
    const far = await collector(() => make());
    const trail = await trailTo([to(far.port)]);
    trail.record(applicationActivity('start', SELF, AT));
    record(trail, 0, 50);
    await far.has(51);
    const [first] = far.messages;
    expect(String(first)).toMatch(
      /^<85>1 2026-11-21T07:30:00\.000Z gateway\.test dimseway 4711 DICOM\+RFC3881 - \uFEFF</,
    );
    expect(String(far.messages[1])).toMatch(/^<84>1 /);
    expect(numbersOf(far.messages.slice(1))).toEqual(upTo(50));
    expect(far.breaches).toEqual([]);
    for (const message of far.messages.slice(0, 2)) {
      const xml = parseAuditMessage(String(message).replace(/^[^\uFEFF]*\uFEFF/, ''));
      expect([...schemaBreaches(xml), ...eventBreaches(xml)]).toEqual([]);
    }
  });

  test('trusts a collector as any other far end (PS3.15 A.6, B.12), and sends nothing to one it does not trust', async () => {
    const far = await collector(() => tlsCollector());
    const authority = join(folder, 'authority.pem');
    await writeFile(authority, SELF_SIGNED.cert);
    const callerOf = (authorities?: string[]): Promise<ClientTls> =>
      ClientTls.load('audit', { profile: 'bcp195-rfc9325', authorities }, SILENT);
    const [trusting, strange] = [await callerOf([authority]), await callerOf()];
    ends.push(async () => [trusting, strange].forEach((each) => each.close()));
    const target = { kind: 'syslog-tls', host: 'localhost', port: far.port } as const;
    const without = await trailTo([{ ...target, tls: strange }]);
    record(without, 0, 1);
    await until(() => without.states()[0]?.isUp === false);
    await without.close(1_000);
    expect(far.messages).toEqual([]);
    await trailTo([{ ...target, tls: trusting }]);
    await far.has(1);
  });

  test('waits in the spool while the collector is down, and drains in order', async () => {
    const first = await tlsCollector();
    const trail = await trailTo([tls(first.port)]);
    record(trail, 0, 20);
    await first.has(20);
    await first.close();
    record(trail, 20, 300);
    await until(() => trail.states()[0]?.isUp === false);
    const second = await collector(() => tlsCollector(first.port));
    record(trail, 320, 20);
    await until(() => new Set([...numbersOf(first.messages), ...numbersOf(second.messages)]).size === 340);
    const fresh = numbersOf(second.messages).filter((number) => !numbersOf(first.messages).includes(number));
    expect(fresh).toEqual(Array.from({ length: 320 }, (_, index) => 20 + index));
    expect(numbersOf(second.messages)).toEqual(numbersOf(second.messages).toSorted((a, b) => a - b));
    await until(() => trail.states()[0]?.isUp === true);
    expect(trail.states()[0]?.lost).toBe(0);
  });

  test('misses nothing of a collector that cuts its connections again and again', async () => {
    const far = await collector(() => tlsCollector());
    const trail = await trailTo([tls(far.port)]);
    for (let round = 0; round < 10; round++) {
      record(trail, round * 30, 30);
      await far.has(far.messages.length + 1);
      far.cut();
    }
    await until(() => numbersOf(far.messages).length === 300);
    expect(numbersOf(far.messages)).toEqual(upTo(300));
    expect(far.breaches).toEqual([]);
  });

  test('sends again what a collector had for too short a time, without waiting for something new', async () => {
    const first = await tlsCollector();
    const trail = await trailTo([tls(first.port)], { times: { ...TIMES, settleMs: 1_000 } });
    record(trail, 0, 3);
    await first.has(3);
    await first.close();
    const second = await collector(() => tlsCollector(first.port));
    await second.has(3);
    expect(numbersOf(second.messages)).toEqual(upTo(3));
  });

  test('counts what the spool has no room for, keeps the oldest, and says in the trail that there is a gap', async () => {
    const gone = await tlsCollector();
    await gone.close();
    const trail = await trailTo([tls(gone.port)], { maximumBytes: 20_000 });
    record(trail, 0, 100);
    await until(() => (trail.states()[0]?.lost ?? 0) > 0);
    const { lost = 0 } = trail.states()[0] ?? {};
    const far = await collector(() => tlsCollector(gone.port));
    await far.has(1);
    await until(() => trail.states()[0]?.waitingBytes === 0);
    trail.record(numbered(1_000));
    await until(() => String(far.messages.at(-1)).includes('110133'));
    const kept = numbersOf(far.messages).filter((number) => number < 1_000);
    expect(kept).toEqual(upTo(kept.length));
    expect(kept.length + lost).toBe(100);
    expect(
      Buffer.from(
        /Alert Description" value="([^"]+)"/.exec(String(far.messages.at(-1)))?.[1] ?? '',
        'base64',
      ).toString(),
    ).toBe(`${lost} audit messages before this one are lost`);
  });

  test('leaves what could not be sent to the next process', async () => {
    const gone = await tlsCollector();
    await gone.close();
    const trail = await trailTo([tls(gone.port)]);
    record(trail, 0, 30);
    await trail.close(1_000);
    const far = await collector(() => tlsCollector(gone.port));
    const next = await trailTo([tls(gone.port)]);
    record(next, 30, 1);
    await far.has(31);
    expect(numbersOf(far.messages)).toEqual(upTo(31));
  });

  test('sends everything before it closes, and leaves nothing behind', async () => {
    const far = await collector(() => tlsCollector());
    const trail = await trailTo([tls(far.port)], { times: { ...TIMES, settleMs: 60_000 } });
    record(trail, 0, 200);
    await trail.close(5_000);
    expect(numbersOf(far.messages)).toEqual(upTo(200));
    const [name = ''] = await readdir(join(folder, 'spool'));
    expect(await readdir(join(folder, 'spool', name))).toEqual([]);
  });

  test('does not wait for ever for a collector that takes nothing', async () => {
    const far = await collector(() => tlsCollector(0, false));
    const trail = await trailTo([tls(far.port)], {
      maximumBytes: 100_000_000,
      times: { ...TIMES, patienceMs: 50, settleMs: 60_000 },
    });
    // Sooner or later the buffers of both sockets are full.
    const description = 'x'.repeat(300_000);
    await until(() => {
      trail.record(securityAlert({ type: 'restrictedFunction', outcome: '0', description }, SELF, AT));
      return trail.states()[0]?.isUp === false;
    });
  });

  test('a datagram that is too long is lost alone (RFC 5426)', async () => {
    const far = await collector(() => udpCollector());
    const trail = await trailTo([udp(far.port)]);
    trail.record(
      securityAlert({ type: 'restrictedFunction', outcome: '0', description: 'x'.repeat(60_000) }, SELF, AT),
    );
    record(trail, 0, 3);
    await far.has(3);
    expect(numbersOf(far.messages)).toEqual(upTo(3));
    expect(trail.states()[0]?.lost).toBe(1);
  });

  test('one collector that is down does not hold up another', async () => {
    const gone = await tlsCollector();
    await gone.close();
    const far = await collector(() => udpCollector());
    const trail = await trailTo([tls(gone.port), udp(far.port)]);
    record(trail, 0, 10);
    await far.has(10);
    expect(numbersOf(far.messages)).toEqual(upTo(10));
  });
});

describe('the audit trail as a file', () => {
  const files = async (): Promise<string[]> => (await readdir(folder)).toSorted();
  const linesOf = async (name: string): Promise<string[]> =>
    (await readFile(join(folder, name), 'utf8')).trimEnd().split('\n');

  test.each(['xml', 'json'] as const)('has one message a line, as %s, readable by the owner only', async (form) => {
    const path = join(folder, 'audit.log');
    await writeFile(path, '', { mode: 0o644 });
    const trail = await trailTo([{ kind: 'file', path, form, maximumBytes: 1_000_000 }]);
    record(trail, 0, 3);
    await trail.close(1_000);
    const lines = await linesOf('audit.log');
    expect(lines).toHaveLength(3);
    for (const line of lines) {
      if (form === 'xml') expect(schemaBreaches(parseAuditMessage(line))).toEqual([]);
      else
        expect(JSON.parse(line)).toMatchObject({
          AuditMessage: { AuditSourceIdentification: { AuditSourceID: 'gate' } },
        });
    }
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  test('goes on in a new file each day, and when one has grown to its size; none is replaced', async () => {
    const clock = new FakeClock(AT);
    const path = join(folder, 'audit.log');
    const trail = await trailTo([{ kind: 'file', path, form: 'json', maximumBytes: 2_000 }], { clock });
    const recorded = async (from: number, count: number): Promise<void> => {
      for (let number = from; number < from + count; number++) {
        trail.record(numbered(number));
        await until(() => trail.states()[0]?.waitingBytes === 0);
      }
    };
    await recorded(0, 7);
    await clock.pass(24 * 3_600_000);
    await recorded(7, 1);
    const closed = trail.close(1_000);
    await clock.pass(1_000);
    await closed;
    const names = await files();
    expect(names).toContain('audit.2026-11-21.1.log');
    expect(names).toContain('audit.2026-11-21.2.log');
    expect(names.some((name) => name.startsWith('audit.2026-11-22'))).toBe(false);
    const all = await Promise.all(names.filter((name) => name.endsWith('.log')).map(linesOf));
    expect(all.flat()).toHaveLength(8);
    expect(await linesOf('audit.log')).toHaveLength(1);
  });

  test('that cannot be opened is told at the start: AUDIT_UNWRITABLE', async () => {
    const path = join(folder, 'no', 'audit.log');
    await expect(trailTo([{ kind: 'file', path, form: 'xml', maximumBytes: 1 }])).rejects.toMatchObject({
      code: 'AUDIT_UNWRITABLE',
    });
  });
});

describe('recording', () => {
  test('takes no time and never fails, even of what cannot be written', async () => {
    const trail = await trailTo([{ kind: 'file', path: join(folder, 'a'), form: 'json', maximumBytes: 1_000 }]);
    const circle: Record<string, unknown> = {};
    circle['self'] = circle;
    expect(() => trail.record(circle as unknown as AuditEvent)).not.toThrow();
    expect(() => trail.observer({ operation: 'create' } as AuditedExchange)).not.toThrow();
  });

  test('an observer of exchanges records what A.5.3 has a message for', async () => {
    const path = join(folder, 'audit.log');
    const trail = await trailTo([{ kind: 'file', path, form: 'json', maximumBytes: 1_000_000 }]);
    const requester = { listener: 'ward', protocol: 'dimse', address: '10.1.2.3' } as const;
    for (const operation of ['search', 'create', 'request'] as const) {
      trail.observer({ operation, requester, traceId: 't', route: undefined });
    }
    await trail.close(1_000);
    const lines = (await readFile(path, 'utf8')).trimEnd().split('\n');
    expect(lines.map((line) => /"Query"|"Procedure Record"/.exec(line)?.[0])).toEqual([
      '"Query"',
      '"Procedure Record"',
    ]);
  });
});
