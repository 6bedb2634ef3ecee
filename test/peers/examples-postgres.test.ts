/** config/examples/several-processes-postgres.yaml as it is meant: two processes, one data base of PostgreSQL. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { labelOf } from '../../src/cli/demo-print.ts';
import { startGateway, type Gateway } from '../../scripts/peers/gateway.ts';
import { startMppsScp, type MppsScp } from '../../scripts/peers/mpps.ts';
import { startPostgres } from '../../scripts/peers/postgres.ts';
import { Cleanup } from '../../scripts/peers/process.ts';
import { openPassage, type Passage } from '../support/example-bed.ts';
import { completeOf, createOf, progressOf, series } from './mpps-cases.ts';
import { create, retrieve, update } from './mpps-bed.ts';

const EXAMPLE = join(import.meta.dirname, '../../config/examples/several-processes-postgres.yaml');
const STEPS = 12;

interface Example {
  listeners: Record<string, { host: string; port: number }>;
  upstreams: Record<string, object>;
  store: { url: string };
  console: { port: number };
}

describe('several-processes-postgres', () => {
  const cleanup = new Cleanup();
  let scp: MppsScp;
  let passage: Passage;
  let gateways: Gateway[];

  beforeAll(async () => {
    const folder = await cleanup.folder();
    const postgres = await startPostgres({ fsync: false });
    cleanup.add(() => postgres.remove());
    scp = await startMppsScp('dcmjs', folder);
    cleanup.add(() => scp.running.stop());
    passage = await openPassage('dimse');
    cleanup.add(() => passage.tap.close());
    passage.tap.relayTo(scp.port);
    const url = await postgres.createDatabase('shared');
    const text = await readFile(EXAMPLE, 'utf8');
    gateways = [];
    for (const name of ['first', 'second']) {
      const example = parse(text) as Example;
      for (const listener of Object.values(example.listeners)) Object.assign(listener, { host: '127.0.0.1', port: 0 });
      Object.assign(example.upstreams['ris'] ?? {}, {
        host: '127.0.0.1',
        port: passage.tap.port,
        aeTitle: scp.aeTitle,
      });
      example.store.url = url;
      example.console.port = 0;
      const gateway = await startGateway(folder, example, name);
      cleanup.add(() => gateway.running.stop());
      gateways.push(gateway);
    }
  }, 60_000);
  afterAll(() => cleanup.run());

  const baseUrl = (turn: number): string => {
    const port = gateways[turn % gateways.length]?.port('web') ?? 0;
    return `http://127.0.0.1:${port}/dicomweb`;
  };

  test('each message of a step by another process: all are taken, and arrive in the order of each step', async () => {
    const uids = Array.from({ length: STEPS }, (_, i) => `2.25.${BigInt(Date.now())}${i}`);
    const life = async (uid: string, turn: number): Promise<number[]> => [
      (await create(baseUrl(turn), uid, createOf())).status,
      (await update(baseUrl(turn + 1), uid, progressOf(series(1, 2)))).status,
      (await update(baseUrl(turn), uid, completeOf(series(1, 2), series(2, 1)))).status,
    ];
    expect(await Promise.all(uids.map(life))).toEqual(uids.map(() => [201, 200, 200]));
    for (const [turn, uid] of uids.entries()) {
      // What is not delivered yet is answered from the store, by every process.
      expect((await retrieve(baseUrl(turn + 1), uid)).status).toBe(200);
    }
    const final = (): number =>
      passage.seen.filter((seen) => seen.kind === 'dimse-answer' && labelOf(seen) === 'N-SET-RSP 0000H').length;
    await passage.until(() => final() === 2 * STEPS);
    const received = (await scp.received()).filter(({ message }) => message !== 'N-GET');
    for (const uid of uids) {
      const ofOne = received.filter((each) => each.uid === uid);
      const states = ofOne.map(({ message, dataSet }) => [message, dataSet?.['00400252']?.[1]]);
      expect(states).toEqual([
        ['N-CREATE', 'IN PROGRESS'],
        ['N-SET', undefined],
        ['N-SET', 'COMPLETED'],
      ]);
    }
  }, 60_000);
});
