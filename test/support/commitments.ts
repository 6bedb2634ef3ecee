/** Storage commitments of any size, in both forms, and the golden ones. */
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { parseJsonDataSets } from '../../src/dataset/json.ts';
import { attribute, dataSetOf } from '../../src/dataset/model.ts';
import type { Attribute, DataSet } from '../../src/dataset/model.ts';
import type { SopReference } from '../../src/services/storage-commitment/commitment.ts';
import { sopForm } from '../../src/services/storage-commitment/modules.ts';

export const TRANSACTION = '1.2.826.0.1.3680043.10.511.7.1';
export const CT_IMAGE = '1.2.840.10008.5.1.4.1.1.2';

/** With UIDs about as long as scanners make them. */
export function manyReferences(count: number): SopReference[] {
  return Array.from({ length: count }, (_, i) => ({
    sopClassUid: CT_IMAGE,
    sopInstanceUid: `1.2.826.0.1.3680043.10.511.3.20250612.1517875158.${100_000 + i}`,
  }));
}

/** The request module of the same instances as a tree (PS3.18 Table J.1-1), a hundred to a series, ten series to a study. */
export function treeForm(references: readonly SopReference[]): DataSet {
  const series = chunks(references, 100).map((inSeries, i) =>
    dataSetOf({
      '00081112': sequence([
        dataSetOf({
          '0008114A': sequence(
            inSeries.map(({ sopInstanceUid }) => dataSetOf({ '00081155': attribute('UI', sopInstanceUid) })),
          ),
          '00081150': attribute('UI', CT_IMAGE),
        }),
      ]),
      '0020000E': attribute('UI', `1.2.826.0.1.3680043.10.511.2.${i + 1}`),
    }),
  );
  const studies = chunks(series, 10).map((inStudy, i) =>
    dataSetOf({
      '00081115': sequence(inStudy),
      '0020000D': attribute('UI', `1.2.826.0.1.3680043.10.511.1.${i + 1}`),
    }),
  );
  return dataSetOf({ '00081110': sequence(studies) });
}

export const FORMS = { flat: sopForm, tree: treeForm } as const;

export interface GoldenCommitment {
  readonly name: string;
  readonly transactionUid: string;
  readonly request: DataSet;
  readonly response: DataSet;
  /** The text of one of its files. */
  readonly text: (file: string) => string;
}

const GOLDEN = path.join(import.meta.dirname, '../golden/storage-commitment');

/** The scenes of examples B.27 to B.29 of PS3.18, and a request in both forms at once. */
export function goldenCommitments(): GoldenCommitment[] {
  return readdirSync(GOLDEN).map((name) => {
    const text = (file: string): string => readFileSync(path.join(GOLDEN, name, file), 'utf8');
    const dataSet = (file: string): DataSet => parseJsonDataSets(text(file))[0] as DataSet;
    const { transactionUid } = JSON.parse(text('case.json')) as { transactionUid: string };
    return { name, transactionUid, request: dataSet('request.json'), response: dataSet('response.json'), text };
  });
}

/** Not by the arguments of a call, which are limited. */
function sequence(items: DataSet[]): Attribute {
  return { vr: 'SQ', Value: items };
}

function chunks<T>(all: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, i) => all.slice(i * size, (i + 1) * size));
}
