/** openssl as either end of TLS, one handshake at a time. */
import { runProgram, startProgram, type Running } from './process.ts';

export type Version = '-tls1' | '-tls1_1' | '-tls1_2' | '-tls1_3';

/** Everything OpenSSL has, however weak. */
const ALL_TLS12 = 'ALL:COMPLEMENTOFALL:@SECLEVEL=0';
const ALL_TLS13 = [
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_128_CCM_SHA256',
  'TLS_AES_128_CCM_8_SHA256',
];

/** The suite a server on loopback agrees to, undefined when the handshake fails. @param more options of s_client */
export async function handshakeWith(
  port: number,
  version: Version,
  suites: string,
  more: readonly string[] = [],
): Promise<string | undefined> {
  const lists = version === '-tls1_3' ? ['-ciphersuites', suites] : ['-cipher', suites];
  const target = ['-connect', `127.0.0.1:${port}`, version, ...lists, ...more];
  const { stdout } = await runProgram('openssl', ['s_client', ...target], { timeoutMs: 10_000 });
  const [, suite] = /^(?:New, .*, |\s*)Cipher (?:is|:) (\S+)/m.exec(stdout) ?? [];
  return suite === undefined || suite === '(NONE)' || suite === '0000' ? undefined : suite;
}

/** Every suite a server takes, in the order it prefers them: each that was agreed to is left out the next time. */
export async function suitesOf(port: number, version: '-tls1_2' | '-tls1_3'): Promise<string[]> {
  const taken: string[] = [];
  for (;;) {
    const left =
      version === '-tls1_3'
        ? ALL_TLS13.filter((suite) => !taken.includes(suite)).join(':')
        : [ALL_TLS12, ...taken.map((suite) => `!${suite}`)].join(':');
    const suite = left === '' ? undefined : await handshakeWith(port, version, left);
    if (suite === undefined) return taken;
    taken.push(suite);
  }
}

export interface OpensslServer {
  readonly running: Running;
  readonly port: number;
}

/** A server of TLS that has one suite. */
export async function startServer(
  files: { readonly certificate: string; readonly key: string },
  version: Version,
  suite: string,
): Promise<OpensslServer> {
  const suites = version === '-tls1_3' ? ['-ciphersuites', suite] : ['-cipher', `${suite}:@SECLEVEL=0`];
  const own = ['-cert', files.certificate, '-key', files.key];
  const running = await startProgram(
    'openssl',
    ['s_server', '-accept', '127.0.0.1:0', '-www', version, ...suites, ...own],
    { readyText: /ACCEPT 127\.0\.0\.1:(\d+)/ },
  );
  return { running, port: Number(running.ready?.[1]) };
}
