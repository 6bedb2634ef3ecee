/** Gateways for MPPS between third-party programs, and what is expected to have crossed them. */
import { join } from 'node:path';
import type { Verdict } from '../../scripts/peers/capture.ts';
import type { Gateway } from '../../scripts/peers/gateway.ts';
import {
  sendMpps,
  startMppsScp,
  writeDicomFiles,
  type MppsAnswer,
  type MppsPeer,
  type MppsScp,
  type MppsStep,
  type ReceivedMpps,
  type SendOptions,
} from '../../scripts/peers/mpps.ts';
import { readBody, readJson, type PlainDataSet } from '../../scripts/peers/read-dicom.ts';
import { Peers, type Target, type WebAnswer } from '../support/peers.ts';
import type { CaseMessage, JsonDataSet, MppsCase } from './mpps-cases.ts';

type Options = Readonly<Record<string, unknown>>;

export const MPPS_PATH = 'modality-performed-procedure-steps';
export const JSON_TYPE = 'application/dicom+json';

const CONSOLE_AND_LOG = { console: { port: 0 }, log: { level: 'warn' } };

/** A case in the form of the independent reader, and as files. */
export interface PreparedCase {
  readonly messages: readonly { readonly file: string; readonly dataSet: PlainDataSet }[];
  /** What an SCP that took the lawful messages has of each instance. */
  readonly kept: readonly PlainDataSet[];
}

export class MppsBed {
  readonly peers = new Peers();
  folder = '';
  private stores = 0;
  private files = 0;
  private readonly gateways: Gateway[] = [];
  private readonly prepared = new Map<MppsCase, PreparedCase>();

  async open(): Promise<void> {
    this.folder = await this.peers.folder();
  }

  close(): Promise<void> {
    return this.peers.close();
  }

  async scp(peer: MppsPeer, faults: readonly string[] = [], port?: number): Promise<MppsScp> {
    const options = port === undefined ? { faults } : { faults, port };
    return this.peers.watch(await startMppsScp(peer, this.folder, options));
  }

  /** A store of its own for each gateway. */
  store(): Options {
    return { kind: 'sqlite', path: join(this.folder, `store-${++this.stores}.db`) };
  }

  /** Web in, DIMSE out. */
  webConfiguration(
    scp: Target,
    options: { port?: number; mpps?: Options; upstream?: Options; listener?: Options } = {},
  ): Options {
    const { port = 0, mpps, upstream, listener } = options;
    const far = {
      protocol: 'dimse',
      host: '127.0.0.1',
      port: scp.port,
      aeTitle: scp.aeTitle,
      callingAeTitle: 'DIMSEWAY',
    };
    return {
      listeners: { web: { protocol: 'dicomweb', port, basePath: '/dicomweb', ...listener } },
      upstreams: { scp: { ...far, ...upstream } },
      routes: [{ name: 'web-to-scp', from: { listener: 'web' }, mpps: { to: 'scp', ...mpps } }],
      store: this.store(),
      ...CONSOLE_AND_LOG,
    };
  }

  /** DIMSE in, web out; AE title DIMSEWAY. */
  wardConfiguration(
    baseUrl: string,
    options: { port?: number; mpps?: Options; upstream?: Options; listener?: Options } = {},
  ): Options {
    const { port = 0, mpps, upstream, listener } = options;
    return {
      listeners: { ward: { protocol: 'dimse', aeTitle: 'DIMSEWAY', port, ...listener } },
      upstreams: { web: { protocol: 'dicomweb', baseUrl, ...upstream } },
      routes: [{ name: 'ward-to-web', from: { listener: 'ward' }, mpps: { to: 'web', ...mpps } }],
      store: this.store(),
      ...CONSOLE_AND_LOG,
    };
  }

  async originServer(scp: Target, options: Parameters<MppsBed['webConfiguration']>[1] = {}): Promise<string> {
    const gateway = await this.start(this.webConfiguration(scp, options));
    return `http://127.0.0.1:${gateway.port('web')}/dicomweb`;
  }

  async scpBefore(
    baseUrl: string,
    options: Parameters<MppsBed['wardConfiguration']>[1] = {},
  ): Promise<Target & { gateway: Gateway }> {
    const gateway = await this.start(this.wardConfiguration(baseUrl, options), ['ward']);
    return { port: gateway.port('ward'), aeTitle: 'DIMSEWAY', gateway };
  }

  private async start(configuration: Options, dicomListeners: readonly string[] = []): Promise<Gateway> {
    const gateway = await this.peers.gateway(configuration, dicomListeners);
    this.gateways.push(gateway);
    return gateway;
  }

  /** Judges every PDU, the release of pooled associations too: ends the gateways first. */
  async judge(): Promise<Verdict> {
    for (const { running } of this.gateways) await running.stop();
    return this.peers.judge();
  }

  /** DIMSE → gateway → web → second gateway → DIMSE. */
  async chainTo(scp: Target): Promise<Target> {
    return this.scpBefore(await this.originServer(scp));
  }

  /** Writes every data set of the cases as a DICOM file, and reads them all as Python does. */
  async prepare(cases: readonly MppsCase[]): Promise<void> {
    const messages = cases.flatMap((one) => one.messages);
    const files = await this.filesOf(messages);
    const instances = cases.flatMap((one) => instancesOf(one).map((instance) => finalOf(one, instance) ?? {}));
    const plain = await readJson(this.folder, [...messages.map(({ dataSet }) => dataSet), ...instances]);
    const kept = plain.slice(messages.length);
    for (const one of cases) {
      const prepared = one.messages.map(() => ({ file: files.shift() ?? '', dataSet: plain.shift() ?? {} }));
      this.prepared.set(one, { messages: prepared, kept: instancesOf(one).map(() => kept.shift() ?? {}) });
    }
  }

  of(one: MppsCase): PreparedCase {
    const prepared = this.prepared.get(one);
    if (prepared === undefined) throw new Error(`${one.title} was not prepared`);
    return prepared;
  }

  filesOf(messages: readonly Pick<CaseMessage, 'dataSet' | 'characterSet'>[]): Promise<string[]> {
    return writeDicomFiles(
      this.folder,
      messages.map(({ dataSet, characterSet }) => ({
        name: `sent-${++this.files}`,
        dataSet,
        ...(characterSet === undefined ? {} : { characterSet }),
      })),
    );
  }

  send(peer: MppsPeer, target: Target, steps: readonly MppsStep[], options?: SendOptions): Promise<MppsAnswer[]> {
    return sendMpps(peer, this.folder, target, steps, options);
  }

  /** Plays a case by DIMSE: one association for each calling AE title in a row. */
  async play(peer: MppsPeer, target: Target, one: MppsCase, uids: readonly string[]): Promise<MppsAnswer[]> {
    const { messages } = this.of(one);
    const answers: MppsAnswer[] = [];
    let group: MppsStep[] = [];
    for (const [i, message] of one.messages.entries()) {
      group.push(`${message.kind}:${uids[message.instance]}:${messages[i]?.file}`);
      if (i + 1 < one.messages.length && one.messages[i + 1]?.callingAeTitle === message.callingAeTitle) continue;
      const { callingAeTitle } = message;
      answers.push(...(await this.send(peer, target, group, callingAeTitle === undefined ? {} : { callingAeTitle })));
      group = [];
    }
    return answers;
  }

  plain(dataSets: readonly JsonDataSet[]): Promise<PlainDataSet[]> {
    return readJson(this.folder, dataSets);
  }

  /** The data sets of an answer with a body, read by Python. */
  read({ headers, body }: WebAnswer): Promise<PlainDataSet[]> {
    return readBody(this.folder, headers.get('content-type') ?? '', body);
  }
}

export async function call(
  method: string,
  url: string,
  body?: string | Uint8Array<ArrayBuffer>,
  headers: Readonly<Record<string, string>> = {},
): Promise<WebAnswer> {
  const response = await fetch(url, {
    method,
    headers: { accept: JSON_TYPE, ...(body === undefined ? {} : { 'content-type': JSON_TYPE }), ...headers },
    ...(body === undefined ? {} : { body }),
  });
  return { status: response.status, headers: response.headers, body: Buffer.from(await response.arrayBuffer()) };
}

export const create = (baseUrl: string, uid: string, dataSet: object): Promise<WebAnswer> =>
  call('POST', `${baseUrl}/${MPPS_PATH}/${uid}`, JSON.stringify(dataSet));

export const update = (baseUrl: string, uid: string, dataSet: object): Promise<WebAnswer> =>
  call('POST', `${baseUrl}/${MPPS_PATH}/${uid}?update`, JSON.stringify(dataSet));

export const retrieve = (
  baseUrl: string,
  uid: string,
  parameters = '',
  headers: Readonly<Record<string, string>> = {},
): Promise<WebAnswer> => call('GET', `${baseUrl}/${MPPS_PATH}/${uid}${parameters}`, undefined, headers);

/** Instances of a case, different for each test. */
export function uidsOf(one: MppsCase, test: number, n: number): string[] {
  return instancesOf(one).map((instance) => `1.2.826.0.1.3680043.10.999.8.${test + 1}.${n + 1}.${instance + 1}`);
}

function instancesOf(one: MppsCase): number[] {
  return [...new Set(one.messages.map(({ instance }) => instance))];
}

export const arrives = ({ arrives: told, status }: CaseMessage): boolean => told ?? status === '0000';

/** What the far end has in the end: whole top-level attributes replace (PS3.4 F.7.2.2). */
function finalOf(one: MppsCase, instance: number): JsonDataSet | undefined {
  const done = one.messages.filter((message) => message.instance === instance && message.status === '0000');
  return done.length === 0 ? undefined : (Object.assign({}, ...done.map(({ dataSet }) => dataSet)) as JsonDataSet);
}

/** The messages of these instances that changed or might have changed something, in a form to compare whole. */
export function writesOf(
  received: readonly ReceivedMpps[],
  uids: readonly string[],
): { message: string; uid: string; dataSet: PlainDataSet | undefined }[] {
  return received
    .filter(({ message, uid }) => message !== 'N-GET' && uids.includes(uid))
    .map(({ message, uid, dataSet }) => ({ message, uid, dataSet }));
}
