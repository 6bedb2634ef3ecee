/**
 * What the peer tests share: two gateways between third-party programs, and the questions put to them.
 * The programs themselves are started by scripts/peers/.
 */
import { expect, jest } from '@jest/globals';
import { join } from 'node:path';
import { startCapture, type Capture, type Verdict } from '../../scripts/peers/capture.ts';
import { dumpToFile, findWithDcmtk, type WorklistScp } from '../../scripts/peers/dcmtk.ts';
import { startGateway, type Gateway } from '../../scripts/peers/gateway.ts';
import { Cleanup, type Running } from '../../scripts/peers/process.ts';
import { asMultiset, readBody, readFiles, type PlainDataSet } from '../../scripts/peers/read-dicom.ts';

// Real programs start, answer and stop at their own pace.
jest.setTimeout(120_000);

export const WORKLIST_PATH = 'modality-scheduled-procedure-steps';

type Options = Readonly<Record<string, unknown>>;

export interface Target {
  readonly port: number;
  readonly aeTitle: string;
}

export interface WebAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Buffer;
}

/** One test file's peers: everything started here ends in `close`. */
export class Peers {
  readonly cleanup = new Cleanup();
  private capture: Capture | undefined;
  private readonly dicomPorts = new Set<number>();
  private count = 0;

  async folder(): Promise<string> {
    return this.cleanup.folder();
  }

  /** Records loopback from here on; `judge` looks at the ports of everything started through `watch` and gateways. */
  async startJudging(): Promise<void> {
    this.capture = await startCapture(await this.folder());
    this.cleanup.add(async () => this.capture?.stop());
  }

  /** Registers a peer: it is stopped at the end, and its port is judged. */
  watch<Peer extends { readonly running: Running; readonly port: number }>(peer: Peer): Peer {
    this.cleanup.add(() => peer.running.stop());
    this.dicomPorts.add(peer.port);
    return peer;
  }

  async judge(): Promise<Verdict> {
    if (this.capture === undefined) throw new Error('startJudging was not called');
    return this.capture.judge([...this.dicomPorts]);
  }

  async gateway(configuration: Options, dicomListeners: readonly string[] = []): Promise<Gateway> {
    const gateway = await startGateway(await this.folder(), configuration, `gateway${++this.count}`);
    this.cleanup.add(() => gateway.running.stop());
    for (const listener of dicomListeners) this.dicomPorts.add(gateway.port(listener));
    return gateway;
  }

  /** Web in, DIMSE out: an origin server in front of a worklist SCP. */
  async originServer(scp: Target, options: { upstream?: Options; worklist?: Options } = {}): Promise<string> {
    const gateway = await this.gateway({
      listeners: { web: { protocol: 'dicomweb', port: 0, basePath: '/dicomweb' } },
      upstreams: { scp: { ...dimseUpstream(scp), ...options.upstream } },
      routes: [{ name: 'web-to-scp', from: { listener: 'web' }, worklist: { to: 'scp', ...options.worklist } }],
      console: { port: 0 },
      log: { level: 'warn' },
    });
    return `http://127.0.0.1:${gateway.port('web')}/dicomweb`;
  }

  /** DIMSE in, web out: an SCP in front of an origin server. */
  async scpBefore(
    baseUrl: string,
    options: { listener?: Options; upstream?: Options; route?: Options } = {},
  ): Promise<Target & { gateway: Gateway }> {
    const gateway = await this.gateway(
      {
        listeners: { ward: { protocol: 'dimse', aeTitle: 'DIMSEWAY', port: 0, ...options.listener } },
        upstreams: { web: { protocol: 'dicomweb', baseUrl, ...options.upstream } },
        routes: [{ name: 'ward-to-web', from: { listener: 'ward' }, worklist: { to: 'web' }, ...options.route }],
        console: { port: 0 },
        log: { level: 'warn' },
      },
      ['ward'],
    );
    return { port: gateway.port('ward'), aeTitle: 'DIMSEWAY', gateway };
  }

  /** DIMSE in, DIMSE out. */
  async scpBeforeScp(scp: Target, options: { listener?: Options; upstream?: Options } = {}): Promise<Target> {
    const gateway = await this.gateway(
      {
        listeners: { ward: { protocol: 'dimse', aeTitle: 'DIMSEWAY', port: 0, ...options.listener } },
        upstreams: { scp: { ...dimseUpstream(scp), ...options.upstream } },
        routes: [{ name: 'ward-to-scp', from: { listener: 'ward' }, worklist: { to: 'scp' } }],
        console: { port: 0 },
        log: { level: 'warn' },
      },
      ['ward'],
    );
    return { port: gateway.port('ward'), aeTitle: 'DIMSEWAY' };
  }

  async close(): Promise<void> {
    await this.cleanup.run();
  }
}

function dimseUpstream(scp: Target): Options {
  return { protocol: 'dimse', host: '127.0.0.1', port: scp.port, aeTitle: scp.aeTitle, callingAeTitle: 'DIMSEWAY' };
}

/** The data sets a worklist SCP sends to findscu, read by pydicom. */
export async function findPlain(
  folder: string,
  target: Target,
  query: { file?: string; keys?: readonly string[]; args?: readonly string[] },
): Promise<PlainDataSet[]> {
  const { files, code, log } = await findWithDcmtk({
    port: target.port,
    aeTitle: target.aeTitle,
    ...(query.file === undefined ? {} : { query: query.file }),
    keys: query.keys ?? [],
    args: query.args ?? [],
    outputFolder: join(folder, 'responses'),
  });
  if (code !== 0 || !/Final Find Response \(Success\)/.test(log))
    throw new Error(`findscu ended with ${code}:\n${log}`);
  return readFiles(files);
}

/** The final C-FIND status in findscu's log, e.g. `Success`, `Refused: OutOfResources`. */
export function finalStatus(log: string): string | undefined {
  return /Received Final Find Response \((.*)\)/.exec(log)?.[1];
}

/** Pending responses in findscu's log, FF00 and FF01. */
export function countMatches(log: string): number {
  return log.match(/Find Response: \d+ \(Pending/g)?.length ?? 0;
}

export async function search(
  baseUrl: string,
  parameters: string,
  accept = 'application/dicom+json',
): Promise<WebAnswer> {
  const question = parameters === '' ? '' : `?${parameters}`;
  const response = await fetch(`${baseUrl}/${WORKLIST_PATH}${question}`, { headers: { accept } });
  return { status: response.status, headers: response.headers, body: Buffer.from(await response.arrayBuffer()) };
}

/** The data sets of a 200 or 204 answer, read by Python. */
export async function searchPlain(
  folder: string,
  baseUrl: string,
  parameters: string,
  accept?: string,
): Promise<PlainDataSet[]> {
  const { status, headers, body } = await search(baseUrl, parameters, accept);
  if (status === 204 && body.length === 0) return [];
  if (status !== 200) throw new Error(`${status}: ${body.toString('utf8')}`);
  return readBody(folder, headers.get('content-type') ?? '', body);
}

interface Leaf {
  path: string;
  vr: string;
  values: string[];
}

function leavesOf(dataSet: PlainDataSet, prefix = ''): Leaf[] {
  return Object.entries(dataSet).flatMap(([tag, [vr, ...values]]) => {
    if (vr !== 'SQ') return [{ path: prefix + tag, vr, values: values as string[] }];
    const inside = leavesOf((values[0] ?? {}) as PlainDataSet, `${prefix}${tag}.`);
    // Without keys inside, the whole sequence is asked for.
    return inside.length > 0 ? inside : [{ path: prefix + tag, vr, values: [] }];
  });
}

/** A C-FIND identifier as search parameters (PS3.18 8.3.4): values match, empty attributes are fields to include. */
export function toParameters(identifier: PlainDataSet): string {
  const leaves = leavesOf(identifier);
  const matches = leaves
    .filter(({ values }) => values.length > 0)
    .map(({ path, vr, values }) => `${path}=${values.map(encodeURIComponent).join(vr === 'UI' ? ',' : '%5C')}`);
  const fields = leaves.filter(({ values }) => values.length === 0).map(({ path }) => path);
  return [...matches, ...(fields.length === 0 ? [] : [`includefield=${fields.join(',')}`])].join('&');
}

/** What an identifier asks for out of a result: its attributes, inside items too; a sequence without keys means all of it. */
export function project(result: PlainDataSet, identifier: PlainDataSet): PlainDataSet {
  const kept: PlainDataSet = {};
  for (const [tag, [vr, item]] of Object.entries(identifier)) {
    const found = result[tag];
    if (found === undefined) continue;
    const [foundVr, ...values] = found;
    const asked = (item ?? {}) as PlainDataSet;
    kept[tag] =
      vr === 'SQ' && Object.keys(asked).length > 0
        ? [foundVr, ...values.map((value) => project(value as PlainDataSet, asked))]
        : found;
  }
  return kept;
}

/** What the SCP answers to findscu when it sends the very identifier that the gateway sent last. */
export async function replayLastRequest(folder: string, scp: WorklistScp): Promise<PlainDataSet[]> {
  const last = (await scp.requests()).at(-1);
  if (last === undefined) throw new Error('The SCP has seen no request');
  const file = join(folder, 'replayed.dcm');
  await dumpToFile(last, file);
  return findPlain(folder, scp, { file });
}

/** Both lists hold the same data sets, each as often, whatever the order. */
export function expectSameDataSets(actual: readonly PlainDataSet[], expected: readonly PlainDataSet[]): void {
  expect(asMultiset(actual)).toEqual(asMultiset(expected));
}

/** tshark saw associations and messages of ours and nothing wrong with any PDU. */
export function expectSoundPdus(verdict: Verdict): void {
  expect(verdict.problems).toEqual([]);
  for (const type of ['1', '2', '4', '5', '6']) expect([type, verdict.pdus.get(type) ?? 0]).not.toEqual([type, 0]);
}
