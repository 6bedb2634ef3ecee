/**
 * A gateway as `serve` runs it, with every service, every delivery and both protocols on both sides, between far ends that
 * write about patients where they should not; and all that it lets out but data sets to those who asked for them.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { App } from '../../src/app.ts';
import { ConfigFile } from '../../src/config/config-file.ts';
import type { ExchangeList } from '../../src/console/api-types.ts';
import { toJson } from '../../src/dataset/json.ts';
import type { DataSet } from '../../src/dataset/model.ts';
import type { AdjustableLogger, LogFields } from '../../src/observe/log.ts';
import { upstreamTo } from './beds.ts';
import { startListener } from './dimse-listener.ts';
import type { ScriptedHandler } from './dimse-listener.ts';
import { openPassage } from './example-bed.ts';
import { call } from './http-client.ts';
import type { HttpCall, HttpReply } from './http-client.ts';
import { leaksIn } from './marked-patient.ts';
import { StubOriginServer } from './stub-origin-server.ts';
import { certificateFile, filesOf } from './tls.ts';
import type { StubScript } from './stub-origin-server.ts';
import type { Upstream } from '../../src/services/port.ts';

/** Where a request goes: an AE title that is called, and in lower case a base path. */
export const TARGETS = ['RIS', 'WEB', 'DIMSE', 'STORED', 'STRICT'] as const;
export type Target = (typeof TARGETS)[number];

/** Of the console, for operators and monitoring. */
const PAGES = [
  ...['/health/ready', '/metrics', '/api/spool', '/api/commitments', '/api/exceptions?all=true'],
  ...['/api/me', '/api/overview', '/api/config'],
];

const TEN_YEARS_MS = 10 * 365 * 86_400_000;

export interface Output {
  readonly where: string;
  readonly text: string;
}

export interface RedactionBed {
  readonly folder: string;
  readonly configFile: string;
  readonly ports: { readonly ward: number; readonly web: number; readonly console: number };
  /** The gateway behind the far DIMSE listener; it fails as it is told. */
  readonly farDimse: ScriptedHandler;
  /** The far origin server answers by this. */
  farWeb: StubScript;
  /** A modality; what it was told besides data sets becomes output. */
  modality(target: Target): Promise<Upstream>;
  /** A web client; an answer that fails becomes output, and the header of every one. */
  ask(target: Target, path: string, options?: HttpCall): Promise<HttpReply>;
  /** At the console; only what is no data set by design becomes output. */
  operate(path: string, options?: HttpCall): Promise<HttpReply>;
  note(where: string, value: unknown): void;
  /** What has come out so far, pages of the console for operators and monitoring included. */
  outputs(): Promise<readonly Output[]>;
  /** How often these words have come out. */
  count(words: string): Promise<number>;
  /** Ages out what is old in the store. */
  housekeep(): Promise<void>;
  /** What has come out that has marked values. */
  leaks(): Promise<string[]>;
  close(): Promise<void>;
}

export interface RedactionOptions {
  readonly entries: readonly DataSet[];
  /** Of the console; `operate` sends it. */
  readonly token?: string;
  /** Headers of the far origin server, as YAML. */
  readonly headers?: string;
  /** Both listeners speak TLS only. What the modality is told is in no output then. */
  readonly tls?: boolean;
}

const route = (target: Target, services: string): string => `
  - { name: dimse-${target}, from: { listener: ward, calledAeTitles: [${target}] }, ${services} }
  - { name: web-${target}, from: { listener: web, basePath: /${target.toLowerCase()} }, ${services} }`;

function configOf(dimsePort: number, webPort: number, { token, headers = '{}', tls }: RedactionOptions): string {
  const { certificate, key } = filesOf('server-ec');
  const secured = tls === true ? `, tls: { certificate: ${certificate}, key: ${key} }` : '';
  const titles = TARGETS.join(', ');
  const paths = TARGETS.map((target) => `/${target.toLowerCase()}`).join(', ');
  const all = (to: string, mpps = ''): string =>
    `worklist: { to: ${to} }, mpps: { to: ${to}${mpps} }, storageCommitment: { to: ${to}, holdTime: 0s }`;
  return `
log: { level: debug, messages: tags }
listeners:
  ward: { protocol: dimse, aeTitles: [${titles}], port: 0${secured} }
  web: { protocol: dicomweb, port: 0, basePaths: [${paths}]${secured} }
upstreams:
  ris: { protocol: ris, entries: worklist.json }
  farDimse: { protocol: dimse, host: 127.0.0.1, port: ${dimsePort}, aeTitle: FAREND, callingAeTitle: DIMSE, spool: { firstDelay: 10ms, maximumDelay: 20ms } }
  farWeb: { protocol: dicomweb, baseUrl: "http://127.0.0.1:${webPort}/far", headers: ${headers}, spool: { firstDelay: 10ms, maximumDelay: 20ms } }
  nobody: { protocol: dicomweb, baseUrl: "http://127.0.0.1:1/far" }
routes:${route('RIS', all('ris'))}${route('WEB', all('farWeb'))}${route('DIMSE', all('farDimse'))}${route(
    'STORED',
    all('farWeb', ', delivery: store-and-forward, forwardTo: [farDimse, nobody], validation: off'),
  )}${route('STRICT', `${all('ris', ', validation: strict')}, characterSets: [ISO_IR 100], unencodable: fail`)}
store: { path: store.db }
audit: { source: gateway, to: [{ file: audit.log }, { file: audit.xml, form: xml }], spool: { path: audit } }
console: { port: 0, capture: { until: ${new Date(Date.now() + TEN_YEARS_MS).toISOString()} }${token === undefined ? '' : `, token: ${token}`} }
timers: { shutdown: 200ms }
`;
}

export async function startRedactionBed(options: RedactionOptions): Promise<RedactionBed> {
  const closers: (() => Promise<unknown>)[] = [];
  const close = async (): Promise<void> => {
    for (const end of closers.splice(0).toReversed()) await end();
  };
  try {
    return await openBed(options, closers, close);
  } catch (error) {
    await close();
    throw error;
  }
}

async function openBed(
  options: RedactionOptions,
  closers: (() => Promise<unknown>)[],
  close: () => Promise<void>,
): Promise<RedactionBed> {
  const folder = await mkdtemp(join(tmpdir(), 'dimseway-redaction-'));
  closers.push(() => rm(folder, { recursive: true }));
  const far = await startListener(undefined, { aeTitles: ['FAREND'] });
  closers.push(() => far.listener.close(0));
  const bed = { farWeb: (() => ({ status: 204 })) as StubScript };
  const stub = await StubOriginServer.start((request, index) => bed.farWeb(request, index));
  closers.push(() => stub.close());
  await writeFile(join(folder, 'worklist.json'), `[${options.entries.map(toJson).join()}]`);
  const configFile = join(folder, 'gateway.yaml');
  await writeFile(configFile, configOf(far.port, stub.port, options));

  const bearer = options.token === undefined ? {} : { authorization: `Bearer ${options.token}` };
  const outputs: Output[] = [];
  const note = (where: string, value: unknown): void => {
    const text = typeof value === 'string' ? value : inspect(value, { depth: 12, maxStringLength: null });
    outputs.push({ where, text });
  };
  const file = new ConfigFile(configFile, {});
  const app = new App(notingLogger(note), () => file.load(), file);
  closers.push(() => app.close());
  const { listeners, console } = await app.start((await file.load()).config);
  const ports = {
    ward: listeners['ward']?.port ?? 0,
    web: listeners['web']?.port ?? 0,
    console: console?.port ?? 0,
  };
  note('ready line', app.ports());
  const front = await openPassage('dimse');
  closers.push(() => front.tap.close());
  front.tap.relayTo(ports.ward);

  const noteReply = (reply: HttpReply): HttpReply => {
    note(`header of ${reply.status}`, reply.headers);
    if (reply.status >= 300) note(`body of ${reply.status}`, reply.body.toString('utf8'));
    return reply;
  };
  const authority = options.tls === true ? { authority: await readFile(certificateFile('ca')) } : {};
  let passed = 0;
  let exchanged = 0;
  const audited = new Map<string, number>();
  const visit = async (): Promise<readonly Output[]> => {
    const look = async (path: string): Promise<string> => {
      const { status, body } = await call(ports.console, path, { headers: bearer });
      note(`console ${path}`, `${status} ${body.toString('utf8')}`);
      return body.toString('utf8');
    };
    for (const path of PAGES) await look(path);
    const list = JSON.parse(await look(`/api/exchanges?limit=1000&after=${exchanged}`)) as ExchangeList;
    exchanged = list.last;
    for (const { id, uid } of list.exchanges) {
      await look(`/api/exchanges/${id}`);
      if (uid !== undefined && uid !== '') await look(`/api/steps/${encodeURIComponent(uid)}`);
    }
    for (const trail of ['audit.log', 'audit.xml']) {
      const text = await readFile(join(folder, trail), 'utf8');
      const end = text.lastIndexOf('\n') + 1;
      for (const message of text.slice(audited.get(trail), end).split('\n')) note(trail, message);
      audited.set(trail, end);
    }
    for (; passed < front.seen.length; passed++) {
      const seen = front.seen[passed];
      if (seen?.kind === 'dimse-answer') note('DIMSE response', seen.command);
    }
    return outputs;
  };
  return Object.assign(bed, {
    folder,
    configFile,
    ports,
    farDimse: far.handler,
    modality: async (target: Target) => {
      const secured = options.tls === true && { tls: { authorities: [certificateFile('ca')] } };
      const port = options.tls === true ? ports.ward : front.tap.port;
      const modality = await upstreamTo('dimse', port, { aeTitle: target, ...secured });
      closers.push(() => modality.close());
      return modality;
    },
    ask: async (target: Target, path: string, sent?: HttpCall) =>
      noteReply(await call(ports.web, `/${target.toLowerCase()}${path}`, { ...sent, ...authority })),
    operate: async (path: string, sent?: HttpCall) => {
      const headers = { 'content-type': 'application/json', ...bearer, ...sent?.headers };
      return noteReply(await call(ports.console, path, { ...sent, headers }));
    },
    note,
    outputs: visit,
    count: async (words: string) => (await visit()).filter(({ text }) => text.includes(words)).length,
    housekeep: () => app.housekeep(Date.now() + TEN_YEARS_MS),
    leaks: async () => {
      return (await visit()).flatMap(({ where, text }) => {
        const values = leaksIn(text);
        return values.length === 0 ? [] : [`${where}: ${values.join(', ')} in ${text}`];
      });
    },
    close,
  });
}

/** What an error holds, its causes included, counts as told: some day somebody logs it whole. */
function notingLogger(note: (where: string, value: unknown) => void, bound: LogFields = {}): AdjustableLogger {
  const at = (level: string) => (message: string, fields?: LogFields) =>
    note(`log ${level}`, { message, ...bound, ...fields });
  return {
    error: at('error'),
    warn: at('warn'),
    info: at('info'),
    debug: at('debug'),
    child: (fields) => notingLogger(note, { ...bound, ...fields }),
    setLevel: () => undefined,
  };
}
