/** The identifier and the item of the benches, in Explicit VR LE by hand and as findscu keys. */
import { explicit, explicitSequence } from './wire.ts';

/** Root attributes, then those of the Scheduled Procedure Step: tag, VR, keyword, value of the canned item. */
const ROOT = [
  [0x0008, 0x0050, 'SH', 'AccessionNumber', 'ACC00001'],
  [0x0008, 0x0090, 'PN', 'ReferringPhysicianName', 'REFERRING^DOC'],
  [0x0010, 0x0010, 'PN', 'PatientName', 'LOAD^PATIENT00001'],
  [0x0010, 0x0020, 'LO', 'PatientID', 'PID00001'],
  [0x0010, 0x0030, 'DA', 'PatientBirthDate', '19700102'],
  [0x0010, 0x0040, 'CS', 'PatientSex', 'F'],
  [0x0010, 0x1030, 'DS', 'PatientWeight', '70.5'],
  [0x0010, 0x2000, 'LO', 'MedicalAlerts', ''],
  [0x0020, 0x000d, 'UI', 'StudyInstanceUID', '1.2.276.0.7230010.3.2.1001'],
  [0x0032, 0x1032, 'PN', 'RequestingPhysician', 'REQUESTING^DOC'],
  [0x0032, 0x1060, 'LO', 'RequestedProcedureDescription', 'EXAM OF THE HEAD'],
  [0x0038, 0x0010, 'LO', 'AdmissionID', 'ADM00001'],
] as const;
const STEP = [
  [0x0008, 0x0060, 'CS', 'Modality', 'CT'],
  [0x0040, 0x0001, 'AE', 'ScheduledStationAETitle', 'CT01'],
  [0x0040, 0x0002, 'DA', 'ScheduledProcedureStepStartDate', '20260102'],
  [0x0040, 0x0003, 'TM', 'ScheduledProcedureStepStartTime', '083000'],
  [0x0040, 0x0006, 'PN', 'ScheduledPerformingPhysicianName', 'PERFORMING^DOC'],
  [0x0040, 0x0007, 'LO', 'ScheduledProcedureStepDescription', 'EXAM OF THE HEAD'],
  [0x0040, 0x0009, 'SH', 'ScheduledProcedureStepID', 'SPS00001'],
  [0x0040, 0x0010, 'SH', 'ScheduledStationName', 'STNCT'],
  [0x0040, 0x0400, 'LT', 'CommentsOnTheScheduledProcedureStep', ''],
] as const;
const TAIL = [
  [0x0040, 0x1001, 'SH', 'RequestedProcedureID', 'RP00001'],
  [0x0040, 0x1003, 'SH', 'RequestedProcedurePriority', 'MEDIUM'],
] as const;

type Attributes = readonly (readonly [number, number, string, string, string])[];

type ValueOf = (keyword: string, canned: string) => string;

function encode(attributes: Attributes, valueOf: ValueOf): Buffer {
  return Buffer.concat(
    attributes.map(([group, element, vr, keyword, canned]) => explicit(group, element, vr, valueOf(keyword, canned))),
  );
}

function whole(valueOf: ValueOf): Buffer {
  const step = explicitSequence(0x0040, 0x0100, encode(STEP, valueOf));
  return Buffer.concat([encode(ROOT, valueOf), step, encode(TAIL, valueOf)]);
}

/** Keys by keyword, the others universal. */
export const identifierOf = (keys: Readonly<Record<string, string>>): Buffer => whole((keyword) => keys[keyword] ?? '');

/** All keys universal: everything matches. */
export const broadIdentifier = (): Buffer => identifierOf({});

/** One item as the canned SCP sends it. */
export const oneItem = (): Buffer => whole((_keyword, canned) => canned);

/** The same identifier for `findscu -k`. */
export const FINDSCU_KEYS: readonly string[] = [
  ...[...ROOT, ...TAIL].map(([, , , keyword]) => keyword),
  ...STEP.map(([, , , keyword]) => `ScheduledProcedureStepSequence[0].${keyword}`),
];
