/**
 * No patient value leaves by a log line, a metric, the health page, a list of the console, an Error Comment, a Warning or a
 * Status Report, whatever goes wrong: marked patients take every flow into every failure, and everything that came out is
 * searched for them.
 */
import { afterEach, expect, test } from '@jest/globals';
import { toJson } from '../../src/dataset/json.ts';
import { attribute, dataSetOf } from '../../src/dataset/model.ts';
import type { DataSet } from '../../src/dataset/model.ts';
import { FAILURE_CODES, ServiceFailure } from '../../src/services/port.ts';
import type { CommitmentContext, Upstream } from '../../src/services/port.ts';
import { MARKED, markedEntry, markedQuery, patientAttributes, quoting } from '../support/marked-patient.ts';
import type { MarkedPatient } from '../support/marked-patient.ts';
import { createMessage, finalMessage, mppsContextOf } from '../support/mpps.ts';
import { startRedactionBed, TARGETS } from '../support/redaction-bed.ts';
import type { RedactionBed, RedactionOptions, Target } from '../support/redaction-bed.ts';
import { collect, contextOf, queryOf } from '../support/requests.ts';

const WORKLIST = '/modality-scheduled-procedure-steps';
const STEPS = '/modality-performed-procedure-steps';
const COMMITMENTS = '/commitment-requests';
const JSON_TYPE = 'application/dicom+json';
const ENTRIES = MARKED.map((patient, i) => markedEntry(patient, `1.2.3.${i + 1}`));
const CT_IMAGE = '1.2.840.10008.5.1.4.1.1.2';

const beds: RedactionBed[] = [];
afterEach(async () => {
  for (const bed of beds.splice(0)) await bed.close();
});

async function start(options: Partial<RedactionOptions> = {}): Promise<RedactionBed> {
  const bed = await startRedactionBed({ entries: ENTRIES, ...options });
  beds.push(bed);
  return bed;
}

function markedStep(patient: MarkedPatient): DataSet {
  const scheduled = dataSetOf({
    '00080050': attribute('SH', patient.accession),
    '0020000D': attribute('UI', '1.2.3.1'),
    '00400009': attribute('SH', 'SPS1'),
  });
  const { '00104000': comments, ...rest } = patientAttributes(patient);
  return dataSetOf({
    ...createMessage(),
    ...rest,
    '00400280': comments ?? attribute('ST'),
    '00400270': attribute('SQ', scheduled),
  });
}

const outcomeOf = (work: Promise<unknown>): Promise<unknown> => work.catch((error: unknown) => error);

let uids = 0;
const nextUid = (): string => `1.2.276.0.7230010.3.9.${++uids}`;

function commitmentContext(): CommitmentContext {
  return { ...contextOf(), holdMs: 0, reported: () => Promise.resolve() };
}

/** Every transaction of a modality, about this patient; none has to succeed. */
async function modalityDay(modality: Upstream, patient: MarkedPatient): Promise<void> {
  const uid = nextUid();
  await outcomeOf(collect(modality.search(queryOf(markedQuery(patient)), contextOf())));
  await outcomeOf(modality.createMpps(uid, markedStep(patient), mppsContextOf()));
  await outcomeOf(modality.updateMpps(uid, finalMessage(), mppsContextOf()));
  await outcomeOf(modality.retrieveMpps(uid, 'all', mppsContextOf()));
  const references = [{ sopClassUid: CT_IMAGE, sopInstanceUid: `${uid}.1` }];
  await outcomeOf(modality.requestCommitment(`${uid}.2`, references, commitmentContext()));
}

function queryText(patient: MarkedPatient): string {
  const name = encodeURIComponent(patient.name.Alphabetic ?? '');
  return `?PatientName=${name}&PatientID=${patient.id}&PatientBirthDate=${patient.birthDate}&AccessionNumber=${patient.accession}`;
}

/** The same for a web client. */
async function webDay(bed: RedactionBed, target: Target, patient: MarkedPatient): Promise<void> {
  const uid = nextUid();
  const headers = { 'Content-Type': JSON_TYPE };
  await bed.ask(target, `${WORKLIST}${queryText(patient)}`);
  const step = toJson(markedStep(patient));
  await bed.ask(target, `${STEPS}/${uid}`, { method: 'POST', headers, body: step });
  await bed.ask(target, `${STEPS}/${uid}?update`, { method: 'POST', headers, body: toJson(finalMessage()) });
  await bed.ask(target, `${STEPS}/${uid}`);
  const reference = dataSetOf({ '00081150': attribute('UI', CT_IMAGE), '00081155': attribute('UI', `${uid}.1`) });
  const body = toJson(dataSetOf({ '00081199': attribute('SQ', reference) }));
  await bed.ask(target, `${COMMITMENTS}/${uid}.2`, { method: 'POST', headers, body });
  await bed.ask(target, `${COMMITMENTS}/${uid}.2`);
}

test('a day on which all goes well: worklist, MPPS, storage commitment, both protocols, every delivery', async () => {
  const bed = await start();
  bed.farDimse.search = async function* () {
    yield* ENTRIES;
  };
  bed.farWeb = ({ method, path }) => {
    if (path.endsWith('steps'))
      return { headers: { 'Content-Type': JSON_TYPE }, body: `[${ENTRIES.map(toJson).join()}]` };
    return { status: method === 'GET' ? 404 : 201 };
  };
  for (const target of TARGETS) {
    const modality = await bed.modality(target);
    for (const patient of MARKED) {
      await modalityDay(modality, patient);
      await webDay(bed, target, patient);
    }
  }
  const outputs = await bed.outputs();
  const statuses = outputs.filter(({ text }) => text.includes("message: 'exchange'")).length;
  expect(statuses).toBeGreaterThan(200);
  expect(await bed.leaks()).toEqual([]);
});

test('far SCPs that name the patient in Error Comment, with every failure status (PS3.7 C.4, C.5)', async () => {
  const bed = await start();
  const modality = await bed.modality('DIMSE');
  for (const [i, code] of FAILURE_CODES.entries()) {
    const patient = MARKED[i % MARKED.length] ?? MARKED[0];
    const fail = (): never => {
      throw new ServiceFailure(code, { comment: quoting(patient), retry: 'permanent', attributes: ['00100010'] });
    };
    bed.farDimse.search = fail;
    bed.farDimse.createMpps = async () => fail();
    bed.farDimse.updateMpps = async () => fail();
    bed.farDimse.retrieveMpps = async () => fail();
    bed.farDimse.requestCommitment = async () => fail();
    await modalityDay(modality, patient);
    await webDay(bed, 'DIMSE', patient);
  }
  expect(await bed.leaks()).toEqual([]);
});
