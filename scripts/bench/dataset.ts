/**
 * The data set codec against the one of dcmjs-dimse (its Dataset, as its network code uses it), both in this process.
 * Run by itself it prints its rows.
 */
import dcmjsDimse from 'dcmjs-dimse';
import { decodeDataSet } from '../../src/dataset/binary/decode.ts';
import { encodeDataSet } from '../../src/dataset/binary/encode.ts';
import { TRANSFER_SYNTAXES } from '../../src/dataset/binary/transfer-syntax.ts';
import type { TransferSyntaxUid } from '../../src/dataset/binary/transfer-syntax.ts';
import { largeWorklistItem, worklistItem } from '../../test/support/data-sets.ts';
import { median, reaches } from './measure.ts';
import type { Row } from './measure.ts';

const { Dataset } = dcmjsDimse;

const ROUNDS = 9;
const ROUND_MS = 60;

/** Microseconds per call, the median of several rounds; two tasks take turns, so that both see the same machine. */
function measure(tasks: readonly (() => unknown)[]): number[] {
  const timings = tasks.map((): number[] => []);
  for (const task of tasks) time(task, ROUND_MS * 3);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [index, task] of tasks.entries()) timings[index]?.push(time(task, ROUND_MS));
  }
  return timings.map(median);
}

function time(task: () => unknown, forMs: number): number {
  const start = performance.now();
  let calls = 0;
  let elapsed = 0;
  do {
    for (let i = 0; i < 8; i++) task();
    calls += 8;
    elapsed = performance.now() - start;
  } while (elapsed < forMs);
  return (elapsed * 1000) / calls;
}

const microseconds = (value: number): string => `${value.toFixed(2)} µs`;
const perByte = (value: number, bytes: Buffer): string => `${((value * 1000) / bytes.length).toFixed(2)} ns/B`;

const SYNTAXES = [
  ['Explicit', TRANSFER_SYNTAXES.explicitVrLittleEndian],
  ['Implicit', TRANSFER_SYNTAXES.implicitVrLittleEndian],
] as const;

export async function benchDataset(): Promise<Row[]> {
  return SYNTAXES.flatMap(([name, syntax]) => benchSyntax(name, syntax));
}

function benchSyntax(name: string, syntax: TransferSyntaxUid): Row[] {
  const small = worklistItem();
  const large = largeWorklistItem(64_000);
  const smallBytes = encodeDataSet(small, syntax);
  const largeBytes = encodeDataSet(large, syntax);
  const theirs = new Dataset(smallBytes, syntax);
  const [decode = 0, theirDecode = 0, largeDecode = 0, encode = 0, theirEncode = 0, largeEncode = 0] = measure([
    () => decodeDataSet(smallBytes, syntax),
    () => new Dataset(smallBytes, syntax),
    () => decodeDataSet(largeBytes, syntax),
    () => encodeDataSet(small, syntax),
    () => theirs.getDenaturalizedDataset(),
    () => encodeDataSet(large, syntax),
  ]);
  const faster = (task: string, ours: number, other: number, atLeast: number): Row => ({
    name: `${task} a worklist item of ${smallBytes.length} B, ${name} VR: times faster than dcmjs-dimse`,
    value: other / ours,
    unit: '×',
    target: { atLeast },
    detail: `dimseway ${microseconds(ours)}, dcmjs-dimse ${microseconds(other)}`,
  });
  const slower = (task: string, onSmall: number, onLarge: number): Row => ({
    name: `${task} an item of ${largeBytes.length} B, ${name} VR: time per byte against the small one`,
    value: onLarge / largeBytes.length / (onSmall / smallBytes.length),
    unit: '×',
    target: { atMost: 2 },
    detail: `large ${perByte(onLarge, largeBytes)}, small ${perByte(onSmall, smallBytes)}`,
  });
  return [
    faster('decode', decode, theirDecode, 8),
    faster('encode', encode, theirEncode, 20),
    slower('decode', decode, largeDecode),
    slower('encode', encode, largeEncode),
  ];
}

if (import.meta.main) {
  for (const row of await benchDataset()) {
    console.log(`${reaches(row) ? 'ok  ' : 'FAIL'} ${row.value.toFixed(2)}${row.unit} ${row.name} (${row.detail})`);
  }
}
