/** Data sets that are kept for the console to show: only where it was asked for, so many bytes, so long. */
import { afterEach, expect, test } from '@jest/globals';
import { attribute, dataSetOf } from '../../../src/dataset/model.ts';
import type { DataSet } from '../../../src/dataset/model.ts';
import { CaptureRecorder } from '../../../src/observe/capture.ts';

const recorders: CaptureRecorder[] = [];
afterEach(async () => {
  for (const recorder of recorders.splice(0)) await recorder.close();
});

function recorderOf(maximumBytes = 1_000_000): { recorder: CaptureRecorder; pass: (ms: number) => void } {
  let now = 0;
  const recorder = new CaptureRecorder(() => now);
  recorders.push(recorder);
  recorder.options = { untilMs: 60_000, maximumBytes };
  return { recorder, pass: (ms) => void (now += ms) };
}

const patient = (id: string): DataSet => dataSetOf({ '00100020': attribute('LO', id) });
const BYTES = Buffer.byteLength(JSON.stringify(patient('A')));

test('off unless it was asked for', () => {
  const recorder = new CaptureRecorder();
  recorder.record('query', 't', patient('A'));
  expect([recorder.until, recorder.of('t'), recorder.bytes]).toEqual([undefined, [], 0]);
});

test('the data sets of an exchange are given in their order, whole, as they were', () => {
  const { recorder } = recorderOf();
  const query = patient('A');
  recorder.record('query', 't', query);
  recorder.record('result', 't', patient('B'));
  recorder.record('query', 'other', patient('C'));
  query['00100020'] = attribute('LO', 'changed later');
  expect(recorder.of('t').map(({ stage, dataSet }) => [stage, dataSet])).toEqual([
    ['query', patient('A')],
    ['result', patient('B')],
  ]);
  expect(recorder.until).toBe(60_000);
});

test('beyond so many bytes those of the oldest exchange go', () => {
  const { recorder } = recorderOf(3 * BYTES);
  for (const traceId of ['a', 'a', 'b', 'c']) recorder.record('query', traceId, patient('A'));
  expect(['a', 'b', 'c'].map((traceId) => recorder.of(traceId).length)).toEqual([0, 1, 1]);
  expect(recorder.bytes).toBe(2 * BYTES);
});

test('one that alone is larger is left out, the others stay', () => {
  const { recorder } = recorderOf(2 * BYTES);
  recorder.record('query', 'a', patient('A'));
  recorder.record('query', 'b', patient('A'.repeat(2 * BYTES)));
  expect(['a', 'b'].map((traceId) => recorder.of(traceId).length)).toEqual([1, 0]);
});

test('of a long list the first results are kept', () => {
  const { recorder } = recorderOf();
  for (let i = 0; i < 500; i++) recorder.record('result', 't', patient(String(i)));
  expect(recorder.of('t')).toHaveLength(200);
});

test('when its time has come everything is forgotten, and nothing more is kept', () => {
  const { recorder, pass } = recorderOf();
  recorder.record('query', 't', patient('A'));
  pass(59_999);
  expect(recorder.of('t')).toHaveLength(1);
  pass(1);
  expect(recorder.bytes).toBe(0);
  recorder.record('query', 't', patient('A'));
  expect([recorder.of('t'), recorder.until]).toEqual([[], undefined]);
});

test('a configuration without it forgets everything', () => {
  const { recorder } = recorderOf();
  recorder.record('query', 't', patient('A'));
  recorder.options = undefined;
  expect([recorder.of('t'), recorder.bytes]).toEqual([[], 0]);
});
