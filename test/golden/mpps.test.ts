/**
 * Golden pairs of the three MPPS transactions after examples B.37 to B.40 of PS3.18, completed to valid data sets:
 * `message.json`, `message.xml` and `message.dcm` (the data set in Explicit VR Little Endian; DCMTK's dcm2json reads it
 * as `message.json`) are one message. `case.json` has the request lines that mean it and the slips of the examples.
 */
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';

import { describe, expect, test } from '@jest/globals';

import { decodeDataSet } from '../../src/dataset/binary/decode.ts';
import { encodeDataSet } from '../../src/dataset/binary/encode.ts';
import { TRANSFER_SYNTAXES } from '../../src/dataset/binary/transfer-syntax.ts';
import { parseJsonDataSets, toJson } from '../../src/dataset/json.ts';
import type { DataSet } from '../../src/dataset/model.ts';
import { isUid } from '../../src/dataset/uid.ts';
import { fromXml, toXml } from '../../src/dataset/xml.ts';
import { digestsOf, sequencesOf, shrunkSequences, tagsWithValue } from '../../src/services/mpps/digest.ts';
import type { MppsOperation } from '../../src/services/mpps/outcomes.ts';
import { isFinal, stateOf } from '../../src/services/mpps/state.ts';
import { checkCreate, checkFinal, checkUpdate } from '../../src/services/mpps/validate.ts';
import type { MppsIssue } from '../../src/services/mpps/validate.ts';

const FOLDER = path.join(import.meta.dirname, 'mpps');

interface MppsCase {
  readonly title: string;
  readonly operation: MppsOperation;
  readonly uid: string;
  /** The first is how it is written, the others mean the same. */
  readonly requestLines: readonly string[];
  /** How the payload may stand in JSON; the first is how it is written. */
  readonly bodies: readonly ('object' | 'array')[];
  /** What strict validation says of the slips of the example. */
  readonly issues: readonly string[];
}

function read(name: string, file: string): string {
  return readFileSync(path.join(FOLDER, name, file), 'utf8');
}

function messageOf(name: string): DataSet {
  return parseJsonDataSets(read(name, 'message.json'))[0] as DataSet;
}

function issuesOf(operation: MppsOperation, message: DataSet): MppsIssue[] {
  if (operation === 'create') return checkCreate(message);
  return operation === 'update' ? checkUpdate(message, new Set(Object.keys(messageOf('create')))) : [];
}

describe.each(readdirSync(FOLDER))('golden MPPS %s', (name) => {
  const { title, operation, uid, requestLines, bodies, issues } = JSON.parse(read(name, 'case.json')) as MppsCase;
  const text = read(name, 'message.json');
  const xml = read(name, 'message.xml');
  const bytes = readFileSync(path.join(FOLDER, name, 'message.dcm'));
  const message = messageOf(name);

  test(`request lines name the instance: ${title}`, () => {
    const method = operation === 'retrieve' ? 'GET' : 'POST';
    const start = `${method} /modality-performed-procedure-steps/${uid}`;
    expect(isUid(uid)).toBe(true);
    for (const line of requestLines) expect(line.startsWith(start)).toBe(true);
  });

  test(`JSON, as object and as array of one: ${title}`, () => {
    expect(bodies).toHaveLength(2);
    for (const body of bodies) {
      const payload = body === 'array' ? `[${text}]` : text;
      expect(parseJsonDataSets(payload)).toStrictEqual([message]);
    }
    expect(JSON.parse(toJson(message))).toEqual(JSON.parse(text));
  });

  test(`XML to JSON and back: ${title}`, () => {
    expect(JSON.parse(toJson(fromXml(xml)))).toEqual(JSON.parse(text));
    expect(toXml(message).replaceAll(/>\n\s*</g, '><')).toBe(xml.replaceAll(/>\n\s*</g, '><').trim());
  });

  test(`binary to JSON and back: ${title}`, () => {
    const { explicitVrLittleEndian, implicitVrLittleEndian, deflated } = TRANSFER_SYNTAXES;
    expect(JSON.parse(toJson(decodeDataSet(bytes, explicitVrLittleEndian)))).toEqual(JSON.parse(text));
    expect(encodeDataSet(message, explicitVrLittleEndian).equals(bytes)).toBe(true);
    for (const syntax of [implicitVrLittleEndian, deflated]) {
      expect(decodeDataSet(encodeDataSet(message, syntax), syntax)).toEqual(message);
    }
  });

  test(`XML to binary: ${title}`, () => {
    expect(encodeDataSet(fromXml(xml), TRANSFER_SYNTAXES.explicitVrLittleEndian).equals(bytes)).toBe(true);
  });

  test(`strict validation sees the slip and nothing else: ${title}`, () => {
    const told = issuesOf(operation, message).map(({ code, path: at }) => `${code} ${at.join('.')}`);
    expect(told).toEqual(issues);
  });
});

describe('golden MPPS, one after the other', () => {
  const [create, update, final] = ['create', 'update', 'final-update'].map(messageOf) as [DataSet, DataSet, DataSet];

  test('the final update fulfils the final state, and would not without its end', () => {
    const tags = tagsWithValue(digestsOf(create), digestsOf(update));
    expect([create, update, final].map((message) => isFinal(stateOf(message)))).toEqual([false, false, true]);
    expect(checkFinal({ tags, modifications: final })).toEqual([]);
    const { '00400250': _end, ...rest } = final;
    expect(checkFinal({ tags, modifications: rest }).map(({ path: at }) => at)).toEqual([['00400250']]);
  });

  test('no series or image is lost from update to update; the slip of B.40 would be (B.38 note)', () => {
    const [before, after, slip] = [update, final, messageOf('retrieve')].map(sequencesOf);
    expect(shrunkSequences(before ?? {}, after ?? {})).toEqual([]);
    expect(shrunkSequences(after ?? {}, slip ?? {})).toEqual(['00400340']);
  });
});
