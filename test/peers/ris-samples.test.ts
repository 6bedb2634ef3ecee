/**
 * DCMTK's ten sample records and thirteen sample queries: the embedded RIS, seeded from the very files that wlmscpfs reads,
 * gives findscu what wlmscpfs gives, data set by data set. Where wlmscpfs does less, the test says so and shows it.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { join } from 'node:path';
import { copyWithKeys, makeDcmtkQueries, makeDcmtkWorklist, startWlmscpfs } from '../../scripts/peers/dcmtk.ts';
import { asMultiset, type PlainDataSet } from '../../scripts/peers/read-dicom.ts';
import { expectSameDataSets, expectSoundPdus, findPlain, Peers, type Target } from '../support/peers.ts';
import { STEP, VARIANTS } from './worklist-queries.ts';

const STEP_SEQUENCE = '00400100';

/** What wlmscpfs puts, always empty, into the items of a sequence that is asked for without keys. */
const ADDED_EMPTY = ['00400004', '00400005', '00400020'];

/** Sample queries whose Scheduled Procedure Step Sequence has zero length. */
const ZERO_LENGTH = [1, 3];

interface LesserMatch {
  /** What wlmscpfs does not do, by the standard. */
  readonly title: string;
  readonly query: number;
  readonly keys: readonly string[];
  /** Whether a result of the query without these keys meets them. */
  readonly meets: (result: PlainDataSet) => boolean;
}

const stepOf = (result: PlainDataSet): PlainDataSet => (result[STEP_SEQUENCE]?.[1] ?? {}) as PlainDataSet;
const has = (dataSet: PlainDataSet, tag: string, ...texts: readonly string[]): boolean =>
  (dataSet[tag] ?? []).slice(1).some((value) => texts.includes(value as string));

const LESSER_MATCHES: readonly LesserMatch[] = [
  {
    title: 'ignores Scheduled Station Name, which it takes for no matching key (an optional one in PS3.4 Table K.6-1)',
    query: 11,
    keys: [`${STEP}.ScheduledStationName=STN456`],
    meets: (result) => has(stepOf(result), '00400010', 'STN456'),
  },
  {
    title: 'ignores Medical Alerts, another optional key',
    query: 11,
    keys: ['MedicalAlerts=METASTASIS'],
    meets: (result) => has(result, '00102000', 'METASTASIS'),
  },
  {
    title: 'ignores a list of UIDs (PS3.4 C.2.2.2.2)',
    query: 11,
    keys: ['StudyInstanceUID=1.2.276.0.7230010.3.2.101\\\\1.2.276.0.7230010.3.2.102'],
    meets: (result) => has(result, '0020000D', '1.2.276.0.7230010.3.2.101', '1.2.276.0.7230010.3.2.102'),
  },
  {
    title: 'tells upper from lower case in names, where either is allowed (PS3.4 C.2.2.2.1)',
    query: 11,
    keys: ['PatientName=vivaldi^antonio'],
    meets: (result) => has(result, '00100010', 'VIVALDI^ANTONIO'),
  },
];

/** Variants of worklist-queries.ts with a Station Name beside keys that decide: there it must not be ignored to be seen. */
const DECIDED_BY_STATION_NAME = 'query 2 with keys that match';

describe("DCMTK's sample worklist in the embedded RIS", () => {
  const peers = new Peers();
  let folder = '';
  let wlmscpfs: Target;
  let ris: Target;
  let samples: string[] = [];

  beforeAll(async () => {
    folder = await peers.folder();
    await makeDcmtkWorklist(join(folder, 'OFFIS'));
    samples = await makeDcmtkQueries(folder);
    await peers.startJudging();
    wlmscpfs = peers.watch(await startWlmscpfs(folder));
    const gateway = await peers.gateway(
      {
        listeners: { ward: { protocol: 'dimse', aeTitle: 'DIMSEWAY', port: 0 } },
        upstreams: { ris: { protocol: 'ris', entries: join(folder, 'OFFIS') } },
        routes: [{ name: 'ward-to-ris', worklist: { to: 'ris' } }],
        store: { path: join(folder, 'store.db') },
        console: { port: 0 },
        log: { level: 'warn' },
      },
      ['ward'],
    );
    ris = { port: gateway.port('ward'), aeTitle: 'DIMSEWAY' };
  });
  afterAll(() => peers.close());

  const variantFile = async (query: number, keys: readonly string[]): Promise<string> => {
    const file = join(folder, 'variant.dcm');
    await copyWithKeys(samples[query] as string, file, keys);
    return file;
  };

  test('is worth the comparison: wlmscpfs finds what the sample is known for', async () => {
    const counts: number[] = [];
    for (const file of samples) counts.push((await findPlain(folder, wlmscpfs, { file })).length);
    expect(counts).toEqual([10, 10, 0, 10, 0, 6, 0, 0, 0, 0, 10, 10, 0]);
  });

  test.each(Array.from({ length: 13 }, (_, i) => i).filter((i) => !ZERO_LENGTH.includes(i)))(
    'query %i: gives what wlmscpfs gives',
    async (i) => {
      const file = samples[i] as string;
      expectSameDataSets(await findPlain(folder, ris, { file }), await findPlain(folder, wlmscpfs, { file }));
    },
  );

  test.each(ZERO_LENGTH)(
    'query %i, a sequence of zero length: gives the whole item (PS3.4 C.2.2.2.6), where wlmscpfs gives those of its ' +
      'attributes that it knows, and three that no record has',
    async (i) => {
      const file = samples[i] as string;
      const found = await findPlain(folder, wlmscpfs, { file });
      for (const result of found) {
        for (const tag of ADDED_EMPTY) {
          expect(stepOf(result)[tag]).toHaveLength(1);
          delete stepOf(result)[tag];
        }
      }
      expectSameDataSets(await findPlain(folder, ris, { file }), found);
    },
  );

  test.each(VARIANTS.filter(({ title }) => title !== DECIDED_BY_STATION_NAME))(
    '$title: gives what wlmscpfs gives',
    async ({ query, keys }) => {
      const file = await variantFile(query, keys);
      const found = await findPlain(folder, wlmscpfs, { file });
      expect(found).not.toHaveLength(0);
      expectSameDataSets(await findPlain(folder, ris, { file }), found);
    },
  );

  test.each([
    ['a single value', ['AccessionNumber=00000']],
    ['a range of birth dates', ['PatientBirthDate=16000101-17501231']],
    ['a wildcard in an identifier', ['RequestedProcedureID=RP*']],
    ['a wildcard in a name inside the step', [`${STEP}.ScheduledPerformingPhysicianName=JOHN*`]],
    ['an AE title among several', [`${STEP}.ScheduledStationAETitle=NN77`]],
    ['one day', [`${STEP}.ScheduledProcedureStepStartDate=19951015`]],
    ['a time range without a date', [`${STEP}.ScheduledProcedureStepStartTime=080000-120000`]],
    ['a date that no record has', [`${STEP}.ScheduledProcedureStepStartDate=20260101`]],
  ])('%s: gives what wlmscpfs gives', async (_title, keys) => {
    const file = await variantFile(11, keys);
    expectSameDataSets(await findPlain(folder, ris, { file }), await findPlain(folder, wlmscpfs, { file }));
  });

  test(`${DECIDED_BY_STATION_NAME}: gives the one of wlmscpfs' two that has the station name asked for`, async () => {
    const variant = VARIANTS.find(({ title }) => title === DECIDED_BY_STATION_NAME);
    if (variant === undefined) throw new Error('The variant is gone');
    const file = await variantFile(variant.query, variant.keys);
    const found = await findPlain(folder, wlmscpfs, { file });
    expect(found).toHaveLength(2);
    const named = found.filter((result) => has(stepOf(result), '00400010', 'STNAB89'));
    expect(named).toHaveLength(1);
    expectSameDataSets(await findPlain(folder, ris, { file }), named);
  });

  test.each(LESSER_MATCHES)('wlmscpfs $title: the RIS matches', async ({ query, keys, meets }) => {
    const every = await findPlain(folder, wlmscpfs, { file: samples[query] as string });
    const wanted = every.filter(meets);
    expect([0, every.length]).not.toContain(wanted.length);
    const file = await variantFile(query, keys);
    expectSameDataSets(await findPlain(folder, ris, { file }), wanted);
    expect(asMultiset(await findPlain(folder, wlmscpfs, { file }))).not.toEqual(asMultiset(wanted));
  });

  test('every PDU we sent and received is sound', async () => {
    expectSoundPdus(await peers.judge());
  });
});
