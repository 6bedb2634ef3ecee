/** The payloads of storage commitment on the web: request module and response module (PS3.18 J.1 and J.2). */
import { attribute, createDataSet, dataSetOf } from '../../dataset/model.ts';
import type { Attribute, DataSet } from '../../dataset/model.ts';
import { isUid } from '../../dataset/uid.ts';
import { ServiceFailure } from '../port.ts';
import {
  FAILED_SOP_SEQUENCE,
  FAILED_STUDY_SEQUENCE,
  FAILURE_REASON,
  REFERENCED_INSTANCES_BY_SOP_CLASS_SEQUENCE,
  REFERENCED_INSTANCE_SEQUENCE,
  REFERENCED_SERIES_SEQUENCE,
  REFERENCED_SOP_CLASS_UID,
  REFERENCED_SOP_INSTANCE_UID,
  REFERENCED_SOP_SEQUENCE,
  REFERENCED_STUDY_SEQUENCE,
  SERIES_INSTANCE_UID,
  STUDY_INSTANCE_UID,
  TRANSACTION_UID,
} from './attributes.ts';
import type { CommitmentResult, FailedReference, SopReference, ToldCommitment } from './commitment.ts';
import { ReferenceReader, failureOfIssues } from './references.ts';
import type { CommitmentIssue, PlacedReference } from './references.ts';
import { failureReasons } from './settle.ts';

/**
 * The instances of a request module: those of Referenced SOP Sequence first, then those of the tree.
 * @param transactionUid of the path: it must be a UID, and the module must not name another
 * @throws ServiceFailure MISSING_ATTRIBUTE, MISSING_VALUE, INVALID_VALUE with every problem; INVALID_UID for the path
 */
export function referencesOf(module: DataSet, transactionUid?: string): SopReference[] {
  if (transactionUid !== undefined && !isUid(transactionUid)) {
    throw new ServiceFailure('INVALID_UID', { attributes: [TRANSACTION_UID] });
  }
  const { sop, tree, issues } = readRequest(module, transactionUid);
  if (issues.length > 0) throw failureOfIssues(issues);
  return [...sop, ...tree].map(({ sopClassUid, sopInstanceUid }) => ({ sopClassUid, sopInstanceUid }));
}

/** A request module in the flat form, which is also the form of N-ACTION. */
export function sopForm(references: readonly SopReference[]): DataSet {
  return dataSetOf({ [REFERENCED_SOP_SEQUENCE]: toSopSequence(references) });
}

/**
 * The answer to a request module that `referencesOf` took: each of its forms in its own sequences and in its own order,
 * a study, series or SOP class once in each sequence. An instance the result does not know has failed.
 */
export function responseModule(requested: DataSet, result: CommitmentResult): DataSet {
  const { sop, tree } = readRequest(requested, undefined);
  const reasonOf = failureReasons(result);
  const module = createDataSet();
  const flat = divide(sop, reasonOf);
  if (flat.committed.length > 0) module[REFERENCED_SOP_SEQUENCE] = toSopSequence(flat.committed);
  if (flat.failed.length > 0) {
    const failed = flat.failed.map(({ reference, reason }) => ({ ...reference, reason }));
    module[FAILED_SOP_SEQUENCE] = toFailedSopSequence(failed);
  }
  const inTree = divide(tree, reasonOf);
  if (inTree.committed.length > 0) {
    module[REFERENCED_STUDY_SEQUENCE] = toStudySequence(inTree.committed.map((reference) => ({ reference })));
  }
  if (inTree.failed.length > 0) module[FAILED_STUDY_SEQUENCE] = toStudySequence(inTree.failed);
  return module;
}

/** What a response module, or the information of an event, says: all four sequences, unchecked. For `settle`. */
export function toldIn(module: DataSet): ToldCommitment {
  const reader = new ReferenceReader(module);
  return {
    committed: [
      ...reader.readSopSequence(REFERENCED_SOP_SEQUENCE),
      ...reader.readStudySequence(REFERENCED_STUDY_SEQUENCE),
    ],
    failed: [...reader.readSopSequence(FAILED_SOP_SEQUENCE), ...reader.readStudySequence(FAILED_STUDY_SEQUENCE)],
  };
}

/** Referenced SOP Sequence (PS3.3 Table C.14-1). */
export function toSopSequence(references: readonly SopReference[]): Attribute {
  return sequence(references.map(toSopItem));
}

/** Failed SOP Sequence: the same with Failure Reason. */
export function toFailedSopSequence(references: readonly FailedReference[]): Attribute {
  return sequence(references.map((reference) => withReason(toSopItem(reference), reference.reason)));
}

interface RequestContent {
  readonly sop: readonly SopReference[];
  readonly tree: readonly PlacedReference[];
  readonly issues: CommitmentIssue[];
}

function readRequest(module: DataSet, transactionUid: string | undefined): RequestContent {
  const reader = new ReferenceReader(module);
  if (transactionUid !== undefined && reader.has(TRANSACTION_UID)) {
    const named = module[TRANSACTION_UID]?.Value ?? [];
    if (named.some((uid) => uid !== transactionUid)) {
      reader.tell('INVALID_VALUE', TRANSACTION_UID, 'is another one than in the path');
    }
  }
  const hasTree = reader.has(REFERENCED_STUDY_SEQUENCE);
  const sop = reader.has(REFERENCED_SOP_SEQUENCE) || !hasTree ? reader.readSopSequence(REFERENCED_SOP_SEQUENCE) : [];
  const tree = hasTree ? reader.readStudySequence(REFERENCED_STUDY_SEQUENCE) : [];
  return { sop, tree, issues: reader.issues };
}

interface Divided<Reference> {
  readonly committed: Reference[];
  readonly failed: { readonly reference: Reference; readonly reason: number }[];
}

function divide<Reference extends SopReference>(
  references: readonly Reference[],
  reasonOf: (reference: SopReference) => number | undefined,
): Divided<Reference> {
  const divided: Divided<Reference> = { committed: [], failed: [] };
  for (const reference of references) {
    const reason = reasonOf(reference);
    if (reason === undefined) divided.committed.push(reference);
    else divided.failed.push({ reference, reason });
  }
  return divided;
}

/** Referenced Study Sequence, or Failed Study Sequence where the instances have reasons. */
function toStudySequence(instances: readonly { reference: PlacedReference; reason?: number }[]): Attribute {
  const studies = grouped(instances, 'studyUid').map(([studyUid, inStudy]) => {
    const series = grouped(inStudy, 'seriesUid').map(([seriesUid, inSeries]) => {
      const classes = grouped(inSeries, 'sopClassUid').map(([sopClassUid, inClass]) => {
        const items = inClass.map(({ reference, reason }) => withReason(toInstanceItem(reference), reason));
        return dataSetOf({
          [REFERENCED_INSTANCE_SEQUENCE]: sequence(items),
          [REFERENCED_SOP_CLASS_UID]: attribute('UI', sopClassUid),
        });
      });
      return dataSetOf({
        [REFERENCED_INSTANCES_BY_SOP_CLASS_SEQUENCE]: sequence(classes),
        [SERIES_INSTANCE_UID]: attribute('UI', seriesUid),
      });
    });
    return dataSetOf({
      [REFERENCED_SERIES_SEQUENCE]: sequence(series),
      [STUDY_INSTANCE_UID]: attribute('UI', studyUid),
    });
  });
  return sequence(studies);
}

function toSopItem({ sopClassUid, sopInstanceUid }: SopReference): DataSet {
  return dataSetOf({
    [REFERENCED_SOP_CLASS_UID]: attribute('UI', sopClassUid),
    [REFERENCED_SOP_INSTANCE_UID]: attribute('UI', sopInstanceUid),
  });
}

function toInstanceItem({ sopInstanceUid }: SopReference): DataSet {
  return dataSetOf({ [REFERENCED_SOP_INSTANCE_UID]: attribute('UI', sopInstanceUid) });
}

function withReason(item: DataSet, reason: number | undefined): DataSet {
  if (reason !== undefined) item[FAILURE_REASON] = attribute('US', reason);
  return item;
}

/** Not by arguments of a call: there may be more instances than a call takes. */
function sequence(items: DataSet[]): Attribute {
  return items.length > 0 ? { vr: 'SQ', Value: items } : { vr: 'SQ' };
}

/** In the order in which each UID came first. */
function grouped<Instance extends { reference: PlacedReference }>(
  instances: readonly Instance[],
  by: 'studyUid' | 'seriesUid' | 'sopClassUid',
): [string, Instance[]][] {
  return [...Map.groupBy(instances, ({ reference }) => reference[by])];
}
