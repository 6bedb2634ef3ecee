/** Good data sets of every service: the beginnings of all mutation. */
import { attribute, dataSetOf } from '../../src/dataset/model.ts';
import type { DataSet } from '../../src/dataset/model.ts';
import { actionInformation, eventReport } from '../../src/services/storage-commitment/messages.ts';
import { goldenCommitments, manyReferences, TRANSACTION } from '../../test/support/commitments.ts';
import { createMessage, finalMessage } from '../../test/support/mpps.ts';
import { variedWorklist } from '../../test/support/worklists.ts';

const [first, second] = manyReferences(2);

export const ACTION: DataSet = actionInformation(TRANSACTION, manyReferences(2));

export const EVENT: DataSet = eventReport(
  TRANSACTION,
  {
    committed: first === undefined ? [] : [first],
    failed: second === undefined ? [] : [{ ...second, reason: 0x0112 }],
  },
  'ARCHIVE',
).attributes;

/** Attributes of every kind of value that the others do not have. */
const EVERY_KIND: DataSet = dataSetOf({
  '00080001': attribute('UL', 12),
  '00081190': attribute('UR', 'https://ris.example/a?b=c'),
  '00091001': { vr: 'UN', InlineBinary: 'AAECAw==' },
  '00090010': attribute('LO', 'DIMSEWAY FUZZ'),
  '00101010': attribute('AS', '042Y'),
  '00104000': attribute('LT', 'A line\r\nand \\ another'),
  '00189219': attribute('SS', -7),
  '00280009': attribute('AT', '00181063'),
  '00280103': attribute('US', 1),
  '00280106': attribute('SS', -1),
  '00720082': attribute('SV', '-9223372036854775808'),
  '00080428': attribute('UV', '18446744073709551615'),
  '0040A120': attribute('DT', '20261120101500.25+0100'),
  '00420011': { vr: 'OB', InlineBinary: 'JVBERi0=' },
});

/** Worklist entries in six scripts, MPPS messages, storage commitments in both forms. */
export function sampleDataSets(): DataSet[] {
  return [
    ...variedWorklist(),
    createMessage(),
    finalMessage(),
    ACTION,
    EVENT,
    EVERY_KIND,
    ...goldenCommitments().flatMap(({ request, response }) => [request, response]),
  ];
}
