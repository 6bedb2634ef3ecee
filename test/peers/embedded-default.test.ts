/** `config/gateway.yaml` as it is shipped, on free ports: the worklist of its own RIS, straight and crossing both ways. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readFile, writeFile } from 'node:fs/promises';
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
  port: number;
  basePath?: string;
  basePaths?: string[];
  aeTitle?: string;
  aeTitles?: string[];
}

interface Shipped {
  listeners: Record<string, Listener>;
  console: { port: number };
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
    const text = await readFile(SHIPPED, 'utf8');
    shipped = parse(text) as Shipped;
    const ports = [...Object.values(shipped.listeners).map(({ port }) => port), shipped.console.port];
    let moved = text;
    for (const port of ports) moved = moved.replaceAll(new RegExp(`\\b${port}\\b`, 'g'), String(await findFreePort()));
    const file = join(folder, 'gateway.yaml');
    await writeFile(file, moved);
    gateway = await startGatewayOn(file);
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

  test('gives private attributes on every way in that asks for all', async () => {
    for (const baseUrl of webEntrances()) {
      const found = await searchPlain(folder, baseUrl, 'includefield=all');
      const priv = found.filter((result) =>
        Object.keys(result).some((tag) => Number.parseInt(tag.slice(3, 4), 16) % 2),
      );
      expect({ baseUrl, some: priv.length > 0 }).toEqual({ baseUrl, some: true });
    }
  });
});
