/** Both halves of a modality's work: what each step asks, and what has to pass the taps on the way. */
import { randomUUID } from 'node:crypto';
import { upstream as upstreamSchema } from '../config/upstream-schema.ts';
import { attribute, createDataSet, dataSetOf, firstText } from '../dataset/model.ts';
import type { DataSet, Tag } from '../dataset/model.ts';
import { vrOf } from '../dataset/dictionary.ts';
import { generateUid } from '../dataset/uid.ts';
import { SILENT } from '../observe/log.ts';
import { createUpstream } from '../upstream-parts.ts';
import { createFromWorklist } from '../services/mpps/from-worklist.ts';
import type { RequestContext, Upstream } from '../services/port.ts';
import type { DemoBed } from './demo-bed.ts';
import { finalModifications } from './mpps-final.ts';

/** One thing a modality does. */
export interface DemoStep {
  readonly title: string;
  /** What passes the taps, as `labelOf` says it, in the order of the wire. */
  readonly expected: readonly string[];
  /** Throws ServiceFailure, or an Error that says what was wrong with the answer. */
  run(context: RequestContext): Promise<void>;
}

export interface DemoPlay {
  readonly steps: readonly DemoStep[];
  close(): Promise<void>;
}

export const CLASSIC_MODALITY = 'MR1';
const WEB_MODALITY = 'US1';

const SCHEDULED_PROCEDURE_STEP_SEQUENCE: Tag = '00400100';
const PERFORMED_PROCEDURE_STEP_STATUS: Tag = '00400252';
const PATIENT_NAME: Tag = '00100010';

const RETURN_KEYS: readonly Tag[] = [
  '00080050', // AccessionNumber
  PATIENT_NAME,
  '00100020', // PatientID
  '00100030', // PatientBirthDate
  '00100040', // PatientSex
  '0020000D', // StudyInstanceUID
  '00321060', // RequestedProcedureDescription
  '00401001', // RequestedProcedureID
];
const RETURN_KEYS_OF_STEP: readonly Tag[] = [
  '00080060', // Modality
  '00400002', // ScheduledProcedureStepStartDate
  '00400003', // ScheduledProcedureStepStartTime
  '00400007', // ScheduledProcedureStepDescription
  '00400009', // ScheduledProcedureStepID
];

const MR_IMAGE_STORAGE = '1.2.840.10008.5.1.4.1.1.4';
const US_IMAGE_STORAGE = '1.2.840.10008.5.1.4.1.1.6.1';

/** What one modality remembers from step to step. */
interface Half {
  readonly upstream: Upstream;
  readonly station: string;
  readonly uid: string;
  readonly imageClass: string;
  entry: DataSet | undefined;
}

export async function preparePlay({ dimsePort, webPort }: DemoBed): Promise<DemoPlay> {
  const classic = await createUpstream(
    'classic modality',
    upstreamSchema.parse({
      protocol: 'dimse',
      host: '127.0.0.1',
      port: dimsePort,
      aeTitle: 'CROSSOVER',
      callingAeTitle: CLASSIC_MODALITY,
    }),
    SILENT,
  );
  const web = await createUpstream(
    'web modality',
    upstreamSchema.parse({
      protocol: 'dicomweb',
      baseUrl: `http://127.0.0.1:${webPort}/crossover`,
      parameterNames: 'keyword',
      omitDefaultReturnKeys: true,
    }),
    SILENT,
  );
  const first: Half = {
    upstream: classic,
    station: CLASSIC_MODALITY,
    uid: generateUid(),
    imageClass: MR_IMAGE_STORAGE,
    entry: undefined,
  };
  const second: Half = {
    upstream: web,
    station: WEB_MODALITY,
    uid: generateUid(),
    imageClass: US_IMAGE_STORAGE,
    entry: undefined,
  };
  return {
    steps: [...classicSteps(first), ...webSteps(second)],
    close: async () => {
      await Promise.all([classic.close(), web.close()]);
    },
  };
}

/** A request as a modality has it that nobody has routed yet. @param patienceMs of one step */
export function modalityContext(signal: AbortSignal, patienceMs: number): RequestContext {
  return {
    signal,
    deadline: performance.now() + patienceMs,
    traceId: randomUUID(),
    requester: { listener: 'modality', protocol: 'dicomweb', address: '127.0.0.1' },
    warn: () => undefined,
  };
}

function classicSteps(half: Half): DemoStep[] {
  return [
    {
      title: 'A classic modality asks a web RIS for its worklist',
      expected: ['C-FIND-RQ', 'GET', '200', 'C-FIND-RSP 0000H'],
      run: (context) => search(half, context),
    },
    {
      title: 'It begins the examination: MPPS IN PROGRESS',
      expected: ['N-CREATE-RQ', 'POST', '201', 'N-CREATE-RSP 0000H'],
      run: (context) => begin(half, context),
    },
    {
      title: 'It ends the examination: MPPS COMPLETED, with the images made',
      expected: ['N-SET-RQ', 'POST', '200', 'N-SET-RSP 0000H'],
      run: (context) => end(half, context),
    },
  ];
}

function webSteps(half: Half): DemoStep[] {
  return [
    {
      title: 'A web modality asks a classic RIS for its worklist',
      expected: ['GET', 'C-FIND-RQ', 'C-FIND-RSP 0000H', '200'],
      run: (context) => search(half, context),
    },
    {
      title: 'It begins the examination',
      expected: ['POST', 'N-CREATE-RQ', 'N-CREATE-RSP 0000H', '201'],
      run: (context) => begin(half, context),
    },
    {
      title: 'It ends the examination',
      expected: ['POST', 'N-SET-RQ', 'N-SET-RSP 0000H', '200'],
      run: (context) => end(half, context),
    },
    {
      title: 'It reads what the RIS has of the examination',
      expected: ['GET', 'N-GET-RQ', 'N-GET-RSP 0000H', '200'],
      run: async (context) => {
        const found = await half.upstream.retrieveMpps(half.uid, [[PERFORMED_PROCEDURE_STEP_STATUS]], context);
        const state = firstText(found, PERFORMED_PROCEDURE_STEP_STATUS);
        if (state !== 'COMPLETED')
          throw new Error(`the step should be COMPLETED, and is ${state ?? 'without a state'}`);
      },
    },
  ];
}

async function search(half: Half, context: RequestContext): Promise<void> {
  const step = dataSetOf({ '00400001': attribute('AE', half.station) });
  for (const tag of RETURN_KEYS_OF_STEP) step[tag] = attribute(vrOf(tag));
  const identifier = createDataSet();
  for (const tag of RETURN_KEYS) identifier[tag] = attribute(vrOf(tag));
  identifier[SCHEDULED_PROCEDURE_STEP_SEQUENCE] = attribute('SQ', step);
  const found: DataSet[] = [];
  const query = {
    identifier,
    returnKeys: 'requested',
    fuzzyMatching: false,
    emptyValueMatching: false,
    multipleValueMatching: false,
    timezoneAdjustment: false,
    offset: 0,
    stableOrder: false,
  } as const;
  for await (const result of half.upstream.search(query, context)) found.push(result);
  if (found.length !== 1)
    throw new Error(`one worklist entry was expected for ${half.station}, there are ${found.length}`);
  half.entry = found[0];
}

async function begin({ upstream, uid, entry, station }: Half, context: RequestContext): Promise<void> {
  const step = createFromWorklist(entry === undefined ? [] : [entry], { now: new Date(), stationAeTitle: station });
  await upstream.createMpps(uid, step, context);
}

async function end({ upstream, uid, imageClass }: Half, context: RequestContext): Promise<void> {
  const given = dataSetOf({ '00400340': attribute('SQ', seriesOf(imageClass)) }); // PerformedSeriesSequence
  const modifications = await finalModifications(upstream, uid, context, {
    state: 'COMPLETED',
    given,
    end: undefined,
    reason: undefined,
    emptySeries: false,
    protocol: '',
    now: new Date(),
  });
  await upstream.updateMpps(uid, modifications, context);
}

/** Two images (PS3.4 Table F.7.2-1: Performed Series Sequence). */
function seriesOf(imageClass: string): DataSet {
  const image = (): DataSet =>
    dataSetOf({ '00081150': attribute('UI', imageClass), '00081155': attribute('UI', generateUid()) });
  return dataSetOf({
    '00080054': attribute('AE', 'ARCHIVE'), // RetrieveAETitle
    '0008103E': attribute('LO', 'Demonstration'), // SeriesDescription
    '00081050': attribute('PN'), // PerformingPhysicianName
    '00081070': attribute('PN'), // OperatorsName
    '00081140': attribute('SQ', image(), image()), // ReferencedImageSequence
    '00181030': attribute('LO', 'Demonstration'), // ProtocolName
    '0020000E': attribute('UI', generateUid()), // SeriesInstanceUID
    '00400220': attribute('SQ'), // ReferencedNonImageCompositeSOPInstanceSequence
  });
}
