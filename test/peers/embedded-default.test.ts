/** `config/gateway.yaml` as it is shipped, on free ports: the worklist of its own RIS, straight and crossing both ways. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { echoWithDcmtk } from '../../scripts/peers/dcmtk.ts';
import { startGatewayOn, type Gateway } from '../../scripts/peers/gateway.ts';
import { findFreePort } from '../../scripts/peers/process.ts';
import { asMultiset, type PlainDataSet } from '../../scripts/peers/read-dicom.ts';
import { findPlain, Peers, searchPlain } from '../support/peers.ts';

const SHIPPED = join(import.meta.dirname, '../../config/gateway.yaml');

interface Listener {
  protocol: string;
  basePath?: string;
  basePaths?: string[];
  aeTitle?: string;
  aeTitles?: string[];
}

interface Shipped {
  listeners: Record<string, Listener>;
}

const KEYS = [
  'SpecificCharacterSet=ISO_IR 192',
  'PatientName',
  'PatientID',
  'PatientBirthDate',
  'PatientSex',
  'AccessionNumber',
  'StudyInstanceUID',
  'RequestedProcedureID',
  'RequestedProcedureDescription',
  'ScheduledProcedureStepSequence[0].Modality',
  'ScheduledProcedureStepSequence[0].ScheduledStationAETitle',
  'ScheduledProcedureStepSequence[0].ScheduledProcedureStepStartDate',
  'ScheduledProcedureStepSequence[0].ScheduledProcedureStepStartTime',
  'ScheduledProcedureStepSequence[0].ScheduledProcedureStepID',
  'ScheduledProcedureStepSequence[0].ScheduledProcedureStepDescription',
];

describe('the embedded default', () => {
  const peers = new Peers();
  let folder = '';
  let shipped: Shipped;
  let gateway: Gateway;

  beforeAll(async () => {
    folder = await peers.folder();
    shipped = parse(await readFile(SHIPPED, 'utf8')) as Shipped;
    // The crossing routes call the gateway's own listeners, so their ports have to be known beforehand.
    gateway = await startGatewayOn(SHIPPED, {
      DIMSEWAY_DIMSE_PORT: String(await findFreePort()),
      DIMSEWAY_WEB_PORT: String(await findFreePort()),
      DIMSEWAY_CONSOLE_PORT: String(await findFreePort()),
      DIMSEWAY_DATA: folder,
    });
    peers.cleanup.add(() => gateway.running.stop());
  });
  afterAll(() => peers.close());

  const listenersOf = (protocol: string): [string, Listener][] =>
    Object.entries(shipped.listeners).filter(([, listener]) => listener.protocol === protocol);

  /** Every way in over DIMSE: listener and called AE title. */
  const dimseEntrances = (): { name: string; port: number; aeTitle: string }[] =>
    listenersOf('dimse').flatMap(([name, listener]) =>
      (listener.aeTitles ?? [listener.aeTitle ?? '']).map((aeTitle) => ({ name, port: gateway.port(name), aeTitle })),
    );

  /** Every way in over the web: listener and base path. */
  const webEntrances = (): string[] =>
    listenersOf('dicomweb').flatMap(([name, listener]) =>
      (listener.basePaths ?? [listener.basePath ?? '']).map((path) => `http://127.0.0.1:${gateway.port(name)}${path}`),
    );

  test('has at least two ways in on each side: straight, and crossing', () => {
    expect(dimseEntrances().length).toBeGreaterThanOrEqual(2);
    expect(webEntrances().length).toBeGreaterThanOrEqual(2);
  });

  test('answers C-ECHO on every AE title', async () => {
    for (const { port, aeTitle } of dimseEntrances()) expect((await echoWithDcmtk(port, aeTitle)).code).toBe(0);
  });

  test('gives findscu the same worklist on every way in, a dozen entries with names in many scripts', async () => {
    const answers: PlainDataSet[][] = [];
    for (const entrance of dimseEntrances())
      answers.push(asMultiset(await findPlain(folder, entrance, { keys: KEYS })));
    expect(answers[0]?.length).toBeGreaterThanOrEqual(12);
    const names = answers[0]?.map((result) => JSON.stringify(result['00100010'])).join('\n') ?? '';
    for (const script of [
      /\p{Script=Han}/u,
      /\p{Script=Hangul}/u,
      /\p{Script=Cyrillic}/u,
      /\p{Script=Greek}/u,
      /[äöüß]/,
    ]) {
      expect(names).toMatch(script);
    }
    for (const answer of answers) expect(answer).toEqual(answers[0]);
  });

  test('gives a web client the same worklist on every way in', async () => {
    const answers: PlainDataSet[][] = [];
    for (const baseUrl of webEntrances()) answers.push(asMultiset(await searchPlain(folder, baseUrl, '')));
    expect(answers[0]?.length).toBeGreaterThanOrEqual(12);
    for (const answer of answers) expect(answer).toEqual(answers[0]);
  });

  test('gives private attributes on every way in, asked for with their creator (PS3.18 8.3.1)', async () => {
    const parameters = `00090010=${encodeURIComponent('DIMSEWAY DEMO')}&includefield=00091001,00091002`;
    for (const baseUrl of webEntrances()) {
      const found = await searchPlain(folder, baseUrl, parameters);
      const values = found
        .filter((result) => result['00091001'] !== undefined)
        .map((result) => [result['00090010'], result['00091001'], result['00091002']]);
      const expected = [
        ['LO', 'DIMSEWAY DEMO'],
        ['LO', 'Round 3'],
        ['DS', '2.5', '3'],
      ];
      expect({ baseUrl, values }).toEqual({ baseUrl, values: [expected] });
    }
  });
});
