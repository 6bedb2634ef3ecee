/** The way to a far end: its name, its port, TLS. */
import { lookup } from 'node:dns/promises';
import { connect, isIP } from 'node:net';
import type { Socket } from 'node:net';
import { factsOf, shownBy } from '../tls/certificates.ts';
import { explainTlsFailure, isTlsFailure, tlsCodeOf } from '../tls/tls-failure.ts';
import type { ClientTls } from '../tls/client-tls.ts';
import { seenCertificate } from './certificates.ts';
import { failed, ok, skipped } from './finding.ts';
import type { Examination, Seen } from './finding.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
  readonly tls?: ClientTls | undefined;
}

export interface NetworkOptions {
  /** Of each step. */
  readonly timeoutMs: number;
  /** Wall clock. */
  readonly nowMs: number;
}

/** True: the far end can be spoken to. */
export async function examineNetwork(
  examination: Examination,
  address: Address,
  options: NetworkOptions,
): Promise<boolean> {
  if (!(await examination.step('name', () => resolve(address.host, options.timeoutMs)))) return false;
  if (!(await examination.step('tcp', () => reach(address, options.timeoutMs)))) return false;
  const { tls } = address;
  return tls === undefined || examineTls(examination, { ...address, tls }, options);
}

async function resolve(host: string, timeoutMs: number): Promise<Seen> {
  if (isIP(host) !== 0) return ok(`${host} is an address`);
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(() => late.resolve(), timeoutMs);
  try {
    const found = await Promise.race([lookup(host, { all: true }), late.promise]);
    if (found === undefined)
      return failed(`${host}: the name server does not answer`, 'Look at the name server of this machine.');
    return ok(`${host} is ${found.map(({ address }) => address).join(', ')}`);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const fix = 'Check the spelling of the host, the name server of this machine, or give the address.';
    return failed(`${host} is not known (${code ?? 'no code'})`, fix);
  } finally {
    clearTimeout(timer);
  }
}

/** In TLS 1.3 a server judges our certificate after the handshake has ended for us (RFC 8446 4.4.2.4): so long for its word. */
const LAST_WORD_MS = 500;

const TCP_FIXES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'Nothing listens there: check the port, and whether the far end runs.',
  EHOSTUNREACH: 'No way leads there: check the address and the network.',
  ENETUNREACH: 'No way leads there: check the address and the network.',
  ETIMEDOUT: 'Check the address, whether the machine runs, and the firewalls between.',
  ECONNRESET: 'A firewall or the far end closes the connection at once: ask who lets this machine in.',
};

function reach({ host, port }: Address, timeoutMs: number): Promise<Seen> {
  const socket = connect({ host, port });
  return settled(
    socket,
    'connect',
    timeoutMs,
    () => ok(`${host}:${port} takes connections`),
    (code) => {
      const why = code === 'ETIMEDOUT' ? 'does not answer' : `refuses (${code})`;
      return failed(`${host}:${port} ${why}`, TCP_FIXES[code] ?? 'Check host and port, and the firewalls between.');
    },
  );
}

async function examineTls(
  examination: Examination,
  { host, port, tls }: Address & { tls: ClientTls },
  { timeoutMs, nowMs }: NetworkOptions,
): Promise<boolean> {
  for (const own of tls.certificates().filter(({ role }) => role === 'own')) {
    examination.note('own certificate', seenCertificate(own, nowMs));
  }
  let far: Seen = skipped('none was seen');
  const hasOwn = tls.certificates().some(({ role }) => role === 'own');
  const isOpen = await examination.step('tls', () => {
    const socket = tls.connect({ host, port });
    // Without somebody who reads, what comes after the handshake is not seen.
    socket.resume();
    return settled(
      socket,
      'secureConnect',
      timeoutMs,
      () => {
        const [shown] = shownBy(socket);
        if (shown !== undefined) far = seenCertificate(factsOf('', 'own', shown), nowMs);
        return ok(`${socket.getProtocol() ?? 'TLS'}, ${socket.getCipher().standardName}`);
      },
      (code, wasOpen) => tlsTrouble(code, wasOpen, hasOwn),
      Math.min(LAST_WORD_MS, timeoutMs),
    );
  });
  examination.note('certificate', far);
  return isOpen;
}

function tlsTrouble(code: string, wasOpen: boolean, hasOwn: boolean): Seen {
  if (!isTlsFailure(code)) {
    if (wasOpen) {
      const fix = hasOwn
        ? 'It seems not to accept our certificate: let it trust its authority, and look whether it has expired.'
        : 'It seems to ask for a certificate of ours: set tls.certificate and tls.key.';
      return failed(`it closes right after the handshake (${code})`, fix);
    }
    const fix = 'It closes or says nothing when TLS begins: does it speak TLS on this port?';
    return failed(`the handshake ends without a word (${code})`, fix);
  }
  const { why, fix } = explainTlsFailure(code);
  return failed(`${why} (${code})`, fix);
}

/**
 * One connection, opened for nothing but to see that it opens. Never rejects.
 * @param staysMs and that it stays so long
 */
function settled(
  socket: Socket,
  event: 'connect' | 'secureConnect',
  timeoutMs: number,
  onOpen: () => Seen,
  onFailure: (code: string, wasOpen: boolean) => Seen,
  staysMs = 0,
): Promise<Seen> {
  return new Promise<Seen>((resolve) => {
    let isOpen = false;
    let timer = setTimeout(() => end(onFailure('ETIMEDOUT', false)), timeoutMs);
    const end = (seen: Seen): void => {
      clearTimeout(timer);
      resolve(seen);
      socket.destroy();
    };
    socket.once(event, () => {
      isOpen = true;
      const seen = onOpen();
      clearTimeout(timer);
      if (staysMs === 0) end(seen);
      else timer = setTimeout(() => end(seen), staysMs);
    });
    socket.on('error', (error) => end(onFailure(codeOf(error), isOpen)));
    socket.once('close', () => end(onFailure('ECONNRESET', isOpen)));
  });
}

/** An error of several addresses has those of each. */
function codeOf(error: Error): string {
  const [first] = error instanceof AggregateError ? (error.errors as Error[]) : [];
  return tlsCodeOf(first ?? error);
}
