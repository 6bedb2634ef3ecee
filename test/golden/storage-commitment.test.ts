/**
 * Golden pairs of storage commitment in the scenes of examples B.27 to B.29 of PS3.18 and for both forms of J.1 at once.
 * The UIDs are our own and the messages are written after the scenes, not copied: `request` and `response` are the
 * payloads on the web, `action` and `event` (also as `.dcm`, Explicit VR Little Endian; DCMTK's dcm2json reads it as
 * the `.json`) the same transaction in DIMSE. The slips of the printed examples are files of their own.
 */
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';

import { describe, expect, test } from '@jest/globals';

import { decodeDataSet } from '../../src/dataset/binary/decode.ts';
import { encodeDataSet } from '../../src/dataset/binary/encode.ts';
import { TRANSFER_SYNTAXES } from '../../src/dataset/binary/transfer-syntax.ts';
import { parseJsonDataSets, toJson } from '../../src/dataset/json.ts';
import type { DataSet } from '../../src/dataset/model.ts';
import { fromXml, toXml } from '../../src/dataset/xml.ts';
import { decodeMultipart } from '../../src/dicomweb/multipart.ts';
import {
  actionInformation,
  actionRequestOf,
  eventOf,
  eventReport,
} from '../../src/services/storage-commitment/messages.ts';
import { referencesOf, responseModule, sopForm, toldIn } from '../../src/services/storage-commitment/modules.ts';
import { settle } from '../../src/services/storage-commitment/settle.ts';

const FOLDER = path.join(import.meta.dirname, 'storage-commitment');

interface CommitmentCase {
  readonly title: string;
  readonly transactionUid: string;
  readonly eventType: number;
  /** Files that mean the same as `response.xml`. */
  readonly slips: readonly string[];
}

function read(name: string, file: string): string {
  return readFileSync(path.join(FOLDER, name, file), 'utf8');
}

function dataSetOf(name: string, file: string): DataSet {
  return parseJsonDataSets(read(name, file))[0] as DataSet;
}

describe.each(readdirSync(FOLDER))('golden storage commitment %s', (name) => {
  const { title, transactionUid, eventType, slips } = JSON.parse(read(name, 'case.json')) as CommitmentCase;
  const [request, response, action, event] = ['request', 'response', 'action', 'event'].map((part) =>
    dataSetOf(name, `${part}.json`),
  ) as [DataSet, DataSet, DataSet, DataSet];
  const references = referencesOf(request, transactionUid);
  const clean = { unrequested: 0, doublyListed: 0, unlisted: 0 };

  test(`Request to N-ACTION and back: ${title}`, () => {
    expect(actionInformation(transactionUid, references)).toEqual(action);
    expect(actionRequestOf(action)).toEqual({ transactionUid, references });
    expect(referencesOf(sopForm(references))).toEqual(references);
  });

  test(`N-EVENT-REPORT to the response, in the form of the request: ${title}`, () => {
    const { transactionUid: told, ...lists } = eventOf(eventType, event);
    const { result, ...counts } = settle(references, lists);
    expect([told, counts]).toEqual([transactionUid, clean]);
    expect(responseModule(request, result)).toEqual(response);
  });

  test(`the response to N-EVENT-REPORT: ${title}`, () => {
    const { result, ...counts } = settle(references, toldIn(response));
    expect(counts).toEqual(clean);
    expect(eventReport(transactionUid, result)).toEqual({ eventType, attributes: event });
  });

  test.each(['request', 'response'])(`%s in XML and JSON: ${title}`, (part) => {
    const xml = read(name, `${part}.xml`);
    const json = read(name, `${part}.json`);
    expect(JSON.parse(toJson(fromXml(xml)))).toEqual(JSON.parse(json));
    const written = toXml(dataSetOf(name, `${part}.json`));
    expect(written.replaceAll(/>\s*</g, '><')).toBe(xml.replaceAll(/>\s*</g, '><').trim());
  });

  test.each(['action', 'event'])(`%s in binary and JSON: ${title}`, (part) => {
    const bytes = readFileSync(path.join(FOLDER, name, `${part}.dcm`));
    const { explicitVrLittleEndian } = TRANSFER_SYNTAXES;
    const dataSet = dataSetOf(name, `${part}.json`);
    expect(decodeDataSet(bytes, explicitVrLittleEndian)).toEqual(dataSet);
    expect(encodeDataSet(dataSet, explicitVrLittleEndian).equals(bytes)).toBe(true);
  });

  test(`the slips of the printed example mean the same: ${title}`, () => {
    for (const slip of slips) expect(fromXml(read(name, slip))).toEqual(response);
  });
});

test('example B.29: a part without headers and a message without its last two hyphens are read', async () => {
  const body = readFileSync(path.join(FOLDER, 'b29-multipart', 'response.multipart'));
  const source = (async function* () {
    yield await Promise.resolve(body);
  })();
  const parts: string[] = [];
  for await (const part of decodeMultipart(source, 'MESSAGEBOUNDARY', { endIsCertain: true })) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of part.body) chunks.push(chunk);
    parts.push(Buffer.concat(chunks).toString());
  }
  expect(parts.map(fromXml)).toEqual([dataSetOf('b29-multipart', 'response.json')]);
});
