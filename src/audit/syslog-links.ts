/** Connections to a collector: syslog over TLS (RFC 5425) and over UDP (RFC 5426). Neither is ever acknowledged. */
import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import type { TLSSocket } from 'node:tls';
import { inTime } from './audit-clock.ts';
import type { AuditClock } from './audit-clock.ts';
import { framed } from './syslog.ts';

export interface SyslogLink {
  /** It carries nothing any more, and what was sent last may not have arrived. */
  readonly isBroken: boolean;
  /** Longer messages cannot be sent. */
  readonly maximumMessageBytes: number;
  /** Resolves once the network has them. Rejects when it does not take them in time. */
  send(messages: readonly Buffer[]): Promise<void>;
  /** Ends it; true: everything has arrived, as far as can be told. Never rejects. */
  close(limitMs: number): Promise<boolean>;
  destroy(): void;
}

/** Rejects when there is no connection in time. @param broken called once, when the link has broken */
export type OpenLink = (broken: () => void) => Promise<SyslogLink>;

export interface Collector {
  /** Name or address. */
  readonly host: string;
  readonly port: number;
}

/** What a link needs of `ClientTls`. */
export interface TlsCaller {
  connect(target: Collector): TLSSocket;
}

export interface LinkTimes {
  /** For connecting, and for a collector to take what is sent. */
  readonly patienceMs: number;
  readonly clock: AuditClock;
}

const KEEP_ALIVE_MS = 60_000;

/** A connection over TLS. */
export function tlsLink(collector: Collector, tls: TlsCaller, { patienceMs, clock }: LinkTimes): OpenLink {
  return async (broken) => {
    const socket = tls.connect(collector);
    // After `once` has rejected, an error has no other listener.
    socket.on('error', () => undefined);
    try {
      await mustBeInTime(once(socket, 'secureConnect'), patienceMs, clock);
    } catch (error) {
      socket.destroy();
      throw error;
    }
    return new TlsLink(socket, broken, patienceMs, clock);
  };
}

class TlsLink implements SyslogLink {
  readonly maximumMessageBytes = Number.POSITIVE_INFINITY;
  readonly #socket: TLSSocket;
  readonly #patienceMs: number;
  readonly #clock: AuditClock;
  #isEnding = false;
  #isBroken = false;

  constructor(socket: TLSSocket, broken: () => void, patienceMs: number, clock: AuditClock) {
    this.#socket = socket;
    this.#patienceMs = patienceMs;
    this.#clock = clock;
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    // A collector says nothing; only by reading one learns that it has gone.
    socket.resume();
    const gone = (): void => {
      if (this.#isBroken || this.#isEnding) return;
      this.#isBroken = true;
      socket.destroy();
      broken();
    };
    for (const event of ['end', 'error', 'close']) socket.on(event, gone);
  }

  get isBroken(): boolean {
    return this.#isBroken;
  }

  async send(messages: readonly Buffer[]): Promise<void> {
    const written = new Promise<void>((resolve, reject) => {
      const bytes = Buffer.concat(messages.map(framed));
      this.#socket.write(bytes, (error) => (error ? reject(error) : resolve()));
    });
    await mustBeInTime(written, this.#patienceMs, this.#clock);
  }

  async close(limitMs: number): Promise<boolean> {
    if (this.#isBroken) return false;
    this.#isEnding = true;
    // The collector's own end follows ours, so it has read all that came before.
    const ended = once(this.#socket, 'close').then(([hadError]) => hadError !== true);
    this.#socket.end();
    const isOrderly = await inTime(ended, limitMs, this.#clock).catch(() => false);
    this.#socket.destroy();
    return isOrderly === true;
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

/** RFC 768: what a length of 16 bits leaves after the headers of UDP and IPv4. */
const MAXIMUM_DATAGRAM_BYTES = 65_507;
/** So many datagrams go at once; a collector would not see more of a flood. */
const BURST = 20;
const BETWEEN_BURSTS_MS = 10;

/** A datagram for each message. That nobody listens is learned only where the far end says so by ICMP. */
export function udpLink({ host, port }: Collector, { patienceMs, clock }: LinkTimes): OpenLink {
  return async (broken) => {
    const found = await mustBeInTime(lookup(host), patienceMs, clock);
    const socket = createSocket(found.family === 6 ? 'udp6' : 'udp4');
    let isBroken = false;
    const end = (): void => {
      if (isBroken) return;
      isBroken = true;
      socket.close();
    };
    socket.on('error', () => {
      if (isBroken) return;
      end();
      broken();
    });
    socket.unref();
    socket.connect(port, found.address);
    await mustBeInTime(once(socket, 'connect'), patienceMs, clock);
    const sendOne = (message: Buffer): Promise<void> =>
      new Promise((resolve, reject) => socket.send(message, (error) => (error === null ? resolve() : reject(error))));
    return {
      get isBroken() {
        return isBroken;
      },
      maximumMessageBytes: MAXIMUM_DATAGRAM_BYTES,
      async send(messages) {
        for (const [index, message] of messages.entries()) {
          if (index > 0 && index % BURST === 0) await new Promise<void>((go) => clock.setTimer(go, BETWEEN_BURSTS_MS));
          await mustBeInTime(sendOne(message), patienceMs, clock);
        }
      },
      async close() {
        const wasBroken = isBroken;
        end();
        return !wasBroken;
      },
      destroy: end,
    };
  };
}

async function mustBeInTime<Result>(work: Promise<Result>, limitMs: number, clock: AuditClock): Promise<Result> {
  const result = await inTime(
    work.then((value) => ({ value })),
    limitMs,
    clock,
  );
  if (result === undefined) throw Object.assign(new Error('no answer in time'), { code: 'ETIMEDOUT' });
  return result.value;
}
