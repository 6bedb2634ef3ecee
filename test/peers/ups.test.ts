/**
 * UPS by a program nobody here wrote: one script of operations against odil's SCP by DIMSE, the UPS-RS server of the tests and
 * our own facade ends in the same outcomes, and tells subscribers the same (PS3.4 CC.1.1, CC.2; PS3.18 11).
 */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { playByOdil, startOdilUpsScp, type OdilUpsScp } from '../../scripts/peers/ups.ts';
import { WebSocket } from 'ws';
import { firstText } from '../../src/dataset/model.ts';
import type { DataSet } from '../../src/dataset/model.ts';
import { call } from '../support/http-client.ts';
import { bodyIn } from '../support/media-bodies.ts';
import { Peers } from '../support/peers.ts';
import { UpsServer } from '../support/ups-server.ts';
import { SUBSCRIBER, toDimse, toWeb, uidOf, UPS_SCRIPT } from '../support/ups/script.ts';
import type { UpsOperation } from '../support/ups/script.ts';

const titles = UPS_SCRIPT.map(({ on, operation, dimse }) => `${operation.kind} ${on} ${dimse}`);

/** What a DIMSE status of UPS is on the web, by transaction. */
function httpOf(kind: UpsOperation['kind'], status: string): number {
  const DONE = { create: 201, subscribe: 201, requestCancellation: 202 };
  if (status === '0000' || status.startsWith('b')) return DONE[kind as keyof typeof DONE] ?? 200;
  if (status === 'c307' || status === 'c308') return 404;
  if (status === '0111') return 409;
  if (status === 'c309' || status === 'c301') return 400;
  return kind === 'update' && status === 'c300' ? 400 : 409;
}

/** `uid event state`, of what the subscriber is told. */
function textOf(report: DataSet): string {
  const [uid, event, state = '-'] = ['00001000', '00001002', '00741000'].map((tag) => firstText(report, tag));
  return `${uid} ${event} ${state}`;
}

describe('one script, three parties', () => {
  const peers = new Peers();
  let scp: OdilUpsScp;
  let server: UpsServer;

  beforeAll(async () => {
    scp = peers.watch(await startOdilUpsScp());
    server = await UpsServer.start();
    peers.cleanup.add(() => server.close());
  });
  afterAll(() => peers.close());

  const playOnWeb = async (port: number, base: string): Promise<number[]> => {
    const statuses: number[] = [];
    for (const { method, path, payload } of UPS_SCRIPT.map(toWeb)) {
      const { contentType = '', body } = payload === undefined ? {} : bodyIn('json', payload);
      const headers = { accept: 'application/dicom+json', ...(body && { 'content-type': contentType }) };
      const reply = await call(port, `${base}${path}`, { method, headers, ...(body && { body }) });
      statuses.push(reply.status);
    }
    return statuses;
  };
  const named = (statuses: readonly (string | number)[]): string[] =>
    statuses.map((status, i) => `${titles[i]} → ${status}`);

  let toldByOdil: readonly string[] = [];

  test('odil by DIMSE: the statuses of Table CC.1.1-2, and what they are on the web', async () => {
    const answers = await playByOdil(
      await peers.folder(),
      { port: scp.port, aeTitle: 'ODIL' },
      UPS_SCRIPT.map(toDimse),
    );
    expect(named(answers.map(({ status }) => status))).toEqual(named(UPS_SCRIPT.map(({ dimse }) => dimse)));
    const onTheWeb = UPS_SCRIPT.map(({ operation, dimse }) => httpOf(operation.kind, dimse));
    expect(named(onTheWeb)).toEqual(named(UPS_SCRIPT.map(({ http }) => http)));
    toldByOdil = scp.events().map(({ uid, event, state }) => `${uid} ${event} ${state ?? '-'}`);
    expect(toldByOdil).toContain(`${uidOf(1)} 1 COMPLETED`);
  });

  test('the server of the tests: the same statuses on the web, and the same reports', async () => {
    expect(named(await playOnWeb(server.port, '/ups'))).toEqual(named(UPS_SCRIPT.map(({ http }) => http)));
    expect(new Set(server.reports.map(({ aeTitle }) => aeTitle))).toEqual(new Set([SUBSCRIBER]));
    const told = server.reports.map(({ report }) => textOf(report));
    expect(told).toEqual(toldByOdil);
  });

  test('our facade in front of a RIS, as a process: the same statuses on the web, and the same reports', async () => {
    const gateway = await peers.gateway({
      listeners: { web: { protocol: 'dicomweb', port: 0, basePath: '/dicomweb' } },
      upstreams: { ris: { protocol: 'ris' } },
      routes: [
        {
          name: 'workitems',
          worklist: { to: 'ris' },
          mpps: { to: 'ris' },
          workitems: { create: 'keep', updateScheduled: 'keep', cancelScheduled: 'perform', poll: '0s' },
        },
      ],
      store: { path: join(await peers.folder(), 'dimseway.db') },
      console: { port: 0 },
      log: { level: 'warn' },
    });
    const told: string[] = [];
    const socket = new WebSocket(`ws://127.0.0.1:${gateway.port('web')}/dicomweb/ws/subscribers/${SUBSCRIBER}`);
    peers.cleanup.add(async () => socket.terminate());
    const isTold = new Promise<void>((resolve) => {
      socket.on('message', (data: Buffer) => {
        told.push(textOf(JSON.parse(data.toString('utf8')) as DataSet));
        if (told.length === toldByOdil.length) resolve();
      });
    });
    expect(named(await playOnWeb(gateway.port('web'), '/dicomweb'))).toEqual(named(UPS_SCRIPT.map(({ http }) => http)));
    await isTold;
    expect(told).toEqual(toldByOdil);
  });
});
