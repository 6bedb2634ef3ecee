/** No patient value leaves where what comes in is bad, where the store fails, or where an operator errs. */
import { afterEach, expect, test } from '@jest/globals';
import { DatabaseSync } from 'node:sqlite';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encodeDataSet } from '../../src/dataset/binary/encode.ts';
import { toJson } from '../../src/dataset/json.ts';
import { attribute, dataSetOf } from '../../src/dataset/model.ts';
import type { DataSet } from '../../src/dataset/model.ts';
import { toXml } from '../../src/dataset/xml.ts';
import { encodePdu } from '../../src/dimse/upper-layer/pdu.ts';
import { ServiceFailure } from '../../src/services/port.ts';
import { associateRq, EXPLICIT, findRq, message, MessageReader } from '../support/dimse-bytes.ts';
import { createRq, MPPS_CONTEXTS, setRq } from '../support/dimse-mpps.ts';
import { MARKED, markedEntry, markedQuery, patientAttributes, quoting } from '../support/marked-patient.ts';
import { createMessage, finalMessage } from '../support/mpps.ts';
import { RawPeer } from '../support/raw-peer.ts';
import { startRedactionBed } from '../support/redaction-bed.ts';
import type { RedactionBed } from '../support/redaction-bed.ts';

const WORKLIST = '/modality-scheduled-procedure-steps';
const STEPS = '/modality-performed-procedure-steps';
const COMMITMENTS = '/commitment-requests';
const JSON_TYPE = 'application/dicom+json';
const XML_TYPE = 'application/dicom+xml';
const [PATIENT] = MARKED;
const NAME = PATIENT.name.Alphabetic ?? '';
const ENCODED = encodeURIComponent(NAME);
const ENTRY = markedEntry(PATIENT, '1.2.3.1');
const STEP = dataSetOf({ ...createMessage(), ...patientAttributes(PATIENT) });

const beds: RedactionBed[] = [];
afterEach(async () => {
  for (const bed of beds.splice(0)) await bed.close();
});

async function start(): Promise<RedactionBed> {
  const bed = await startRedactionBed({ entries: [ENTRY] });
  beds.push(bed);
  return bed;
}

test('queries whose names, numbers and paths hold values, as a client makes them that forgets to encode', async () => {
  const bed = await start();
  const [family = '', given = ''] = NAME.split('^').map((part) => encodeURIComponent(part));
  const queries = [
    `?PatientName=${family}&${given}`,
    `?${ENCODED}`,
    `?${ENCODED}=${PATIENT.id}`,
    `?PatientID.${PATIENT.id}=1`,
    `?${PATIENT.id}.PatientName=1`,
    `?PatientBirthDate=${ENCODED}`,
    `?PatientBirthDate=${PATIENT.id}`,
    `?PatientSex=${ENCODED}`,
    `?PatientName=%E4${PATIENT.id}`,
    `?%E4${PATIENT.id}=1`,
    `?includefield=${ENCODED}`,
    `?includefield=PatientName.${PATIENT.id}`,
    `?includefield=${PATIENT.id}`,
    `?limit=${PATIENT.id}`,
    `?limit=${PATIENT.birthDate}&offset=${PATIENT.id}`,
    `?fuzzymatching=${PATIENT.id}`,
    `?accept=${PATIENT.id}`,
    `?accept=${ENCODED}`,
    `?charset=${PATIENT.id}`,
    `?PatientID=${PATIENT.id}&PatientID=${PATIENT.accession}`,
  ];
  for (const query of queries) {
    for (const path of [WORKLIST, `${STEPS}/1.2.3.4`, `${COMMITMENTS}/1.2.3.4`])
      await bed.ask('RIS', `${path}${query}`);
  }
  for (const path of [`${STEPS}/${ENCODED}`, `${STEPS}/${PATIENT.id}`, `${COMMITMENTS}/${PATIENT.id}`, `/${ENCODED}`]) {
    await bed.ask('RIS', path);
    const headers = { 'Content-Type': JSON_TYPE };
    await bed.ask('RIS', path, { method: 'POST', headers, body: toJson(STEP) });
    await bed.ask('RIS', `${path}?update`, { method: 'POST', headers, body: toJson(finalMessage()) });
  }
  const ascii = PATIENT.id;
  for (const field of ['Accept', 'Accept-Charset', 'Content-Type', 'Content-Encoding', 'Origin', 'Via', 'Expect']) {
    await bed.ask('RIS', WORKLIST, { headers: { [field]: ascii } });
    await bed.ask('RIS', `${STEPS}/1.2.3.4`, { method: 'POST', headers: { [field]: ascii }, body: toJson(STEP) });
  }
  await bed.ask('RIS', WORKLIST, { headers: { Accept: `application/dicom+json; charset=${ascii}` } });
  expect(await bed.count('BAD_REQUEST')).toBeGreaterThan(30);
  expect(await bed.count('INVALID_UID')).toBeGreaterThan(8);
  expect(await bed.leaks()).toEqual([]);
}, 30_000);

test('payloads that cannot be read, or that Table F.7.2-1 forbids', async () => {
  const bed = await start();
  const json = toJson(STEP);
  const xml = toXml(STEP);
  const bodies: readonly (readonly [string, string])[] = [
    [JSON_TYPE, json.slice(0, -30)],
    [JSON_TYPE, `${json} ${NAME}`],
    [JSON_TYPE, `{"${NAME}":{"vr":"PN"}}`],
    [JSON_TYPE, `{"00100010":{"vr":"${NAME}","Value":[{"${NAME}":1}]}}`],
    [JSON_TYPE, `{"00100010":"${NAME}"}`],
    [JSON_TYPE, `{"00100030":{"vr":"DA","Value":[{"Alphabetic":"${NAME}"}]}}`],
    [JSON_TYPE, `{"00280010":{"vr":"US","Value":["${NAME}"]}}`],
    [JSON_TYPE, `{"00100010":{"vr":"PN","InlineBinary":"${NAME}"}}`],
    [JSON_TYPE, `{"00100010":{"vr":"PN","BulkDataURI":"http://x/${PATIENT.id}"}}`],
    [JSON_TYPE, json.replace('"IN PROGRESS"', `"${NAME}"`)],
    [JSON_TYPE, json.replace('"20260301"', `"${PATIENT.id}"`)],
    [JSON_TYPE, json.replace('"CT"', `"${NAME}"`)],
    [JSON_TYPE, json.replace('"1.2.3.4"', `"${PATIENT.id}"`)],
    [JSON_TYPE, `{"00080005":{"vr":"CS","Value":["${PATIENT.id}"]},${json.slice(1)}`],
    [JSON_TYPE, `{"00080018":{"vr":"UI","Value":["${PATIENT.id}"]},${json.slice(1)}`],
    [JSON_TYPE, toJson(patientAttributes(PATIENT))],
    [JSON_TYPE, `[${json},${json}]`],
    [XML_TYPE, xml.slice(0, -30)],
    [XML_TYPE, xml.replace('<NativeDicomModel', `<NativeDicomModel ${PATIENT.id}="x"`)],
    [XML_TYPE, xml.replace('</NativeDicomModel>', `${NAME}</NativeDicomModel>`)],
    [XML_TYPE, `<a><${NAME}/></a>`],
    [`${XML_TYPE}; charset=${PATIENT.id}`, xml],
    ['multipart/related; type="application/dicom+json"; boundary=b', `--b\r\n${NAME}: ${NAME}\r\n\r\n${json}\r\n--b--`],
    [`multipart/related; type="${PATIENT.id}"; boundary=b`, `--b\r\n\r\n${json}\r\n--b--`],
    [PATIENT.id, json],
  ];
  for (const [type, body] of bodies) {
    const options = { method: 'POST', headers: { 'Content-Type': type }, body: Buffer.from(body, 'utf8') };
    await bed.ask('STRICT', `${STEPS}/1.2.3.4.5`, options);
    await bed.ask('STRICT', `${STEPS}/1.2.3.4.5?update`, options);
    await bed.ask('RIS', `${COMMITMENTS}/1.2.3.4.6`, options);
  }
  expect(await bed.count('BAD_REQUEST')).toBeGreaterThan(50);
  expect(await bed.count('INVALID_VALUE')).toBeGreaterThan(4);
  expect(await bed.leaks()).toEqual([]);
}, 30_000);

/** A message on an association of its own; what comes back is output. */
async function say(bed: RedactionBed, ...messages: readonly Buffer[]): Promise<void> {
  const peer = await RawPeer.connect(bed.ports.ward);
  try {
    const contexts = [
      ...MPPS_CONTEXTS,
      { id: 5, abstractSyntax: '1.2.840.10008.5.1.4.31', transferSyntaxes: [EXPLICIT] },
    ];
    peer.send(encodePdu(associateRq({ calledAeTitle: 'STRICT', contexts })));
    await peer.receive();
    const reader = new MessageReader(peer);
    for (const sent of messages) {
      peer.send(sent);
      const answer = await reader.next().catch(() => undefined);
      // The names of class and instance are sent back as they came (PS3.7 10.3); all else is our own.
      const { affectedSopClassUid: _, affectedSopInstanceUid: __, ...command } = answer?.command ?? {};
      bed.note('DIMSE response', command);
    }
  } finally {
    peer.destroy();
  }
}

/** The same data set, damaged at every so many bytes. */
function damaged(dataSet: DataSet, step: number): Buffer[] {
  const whole = encodeDataSet(dataSet, EXPLICIT);
  const places = Array.from({ length: Math.floor(whole.length / step) }, (_, i) => i * step + 1);
  return places.flatMap((at) => [
    whole.subarray(0, at),
    Buffer.concat([whole.subarray(0, at), Buffer.of((whole[at] ?? 0) ^ 0xff), whole.subarray(at + 1)]),
  ]);
}

test('messages of DIMSE that cannot be read, wherever they are damaged (PS3.5 7, PS3.7 9, 10)', async () => {
  const bed = await start();
  const find = { affectedSopClassUid: '1.2.840.10008.5.1.4.31', commandField: 0x0020, priority: 0, messageId: 1 };
  for (const bytes of damaged(markedQuery(PATIENT), 17)) await say(bed, message(5, find, bytes));
  for (const bytes of damaged(STEP, 61)) await say(bed, createRq(bytes), setRq(bytes));
  const charset = { '00080005': attribute('CS', PATIENT.id) };
  await say(bed, findRq(dataSetOf({ ...markedQuery(PATIENT), ...charset })));
  await say(bed, message(5, find, encodeDataSet(STEP, EXPLICIT)), message(5, find));
  for (const affectedSopInstanceUid of [PATIENT.id, NAME, quoting(PATIENT)]) {
    await say(bed, createRq(STEP, { affectedSopInstanceUid }), createRq(STEP, { affectedSopClassUid: PATIENT.id }));
    await say(bed, setRq(finalMessage(), { requestedSopInstanceUid: affectedSopInstanceUid }));
  }
  for (const wrong of ['00400252', '00400244', '00080060', '00400253']) {
    await say(bed, createRq(dataSetOf({ ...STEP, [wrong]: attribute('LO', PATIENT.id) })));
  }
  expect(await bed.count('unreadable')).toBeGreaterThan(15);
  expect(await bed.count('was mended')).toBeGreaterThan(50);
  expect(await bed.leaks()).toEqual([]);
}, 30_000);

test('worklist entries and requests that the console refuses', async () => {
  const bed = await start();
  const json = toJson(ENTRY);
  const bodies = [
    json.slice(0, -20),
    json,
    `${json}${NAME}`,
    JSON.stringify({ [NAME]: NAME, PatientName: NAME }),
    JSON.stringify({ PatientName: NAME, [PATIENT.id]: PATIENT.id }),
    JSON.stringify({ PatientName: { Alphabetik: NAME } }),
    JSON.stringify({ PatientBirthDate: NAME, PatientSex: NAME, Modality: NAME }),
    JSON.stringify({ PatientBirthDate: PATIENT.id, PatientID: 5 }),
    JSON.stringify({ PatientName: NAME, '00091001': PATIENT.id, StudyInstanceUID: PATIENT.id }),
    JSON.stringify({ PatientName: NAME, SpecificCharacterSet: PATIENT.id }),
    json.replace('"20260301"', `"${PATIENT.id}"`),
    json.replace('"1.2.3.1"', `"${PATIENT.id}"`),
    `"${NAME}"`,
  ];
  for (const body of bodies) {
    await bed.operate('/api/worklist', { method: 'POST', body: Buffer.from(body) });
    await bed.operate(`/api/worklist/${ENCODED}`, { method: 'PUT', body: Buffer.from(body) });
    await bed.operate('/api/exceptions/1/resolve', { method: 'POST', body: Buffer.from(body) });
    await bed.operate('/api/spool/1/discard', { method: 'POST', body: Buffer.from(body) });
    await bed.operate('/api/commitments/1/discard', { method: 'POST', body: Buffer.from(body) });
    await bed.operate('/api/store/backup', { method: 'POST', body: Buffer.from(body) });
  }
  for (const query of [
    `?${ENCODED}=1`,
    `?limit=${ENCODED}`,
    `?state=${PATIENT.id}`,
    `?after=${ENCODED}`,
    `?uid=${ENCODED}`,
  ]) {
    for (const page of ['worklist', 'exceptions', 'spool', 'commitments']) await bed.operate(`/api/${page}${query}`);
    await bed.operate(`/api/spool/export${query}`);
  }
  for (const path of [
    `/api/worklist/${ENCODED}`,
    `/${PATIENT.id}`,
    `/api/spool/${ENCODED}`,
    `/api/commitments/${PATIENT.id}`,
  ]) {
    await bed.operate(path);
    await bed.operate(path, { method: 'DELETE' });
  }
  expect(await bed.count('ENTRY_INVALID')).toBeGreaterThan(15);
  expect(await bed.count('PARAMETER_INVALID')).toBeGreaterThan(15);
  expect(await bed.leaks()).toEqual([]);
}, 30_000);

test('reloads with files of entries that cannot be read', async () => {
  const bed = await start();
  const { configFile: config } = bed;
  const original = await readFile(config, 'utf8');
  const json = toJson(ENTRY);
  const texts: readonly (readonly [string, string | Uint8Array])[] = [
    ['json', json.slice(0, -20)],
    ['json', `[${json}, ${NAME}]`],
    ['json', JSON.stringify([{ PatientName: NAME, [PATIENT.id]: NAME }])],
    ['yaml', `- PatientName: "${NAME}\n- ${PATIENT.id}: [`],
    ['yaml', `- PatientName: *${PATIENT.id}\n`],
    ['yaml', `- PatientName: !${PATIENT.id} x\n  PatientID: ${PATIENT.id}\n`],
    ['yaml', `- PatientName: |${PATIENT.id}\n    x`],
    ['yaml', `- ${NAME}\n- PatientBirthDate: ${PATIENT.id}\n`],
    ['wl', encodeDataSet(ENTRY, EXPLICIT).subarray(0, 60)],
    ['wl', Buffer.from(json)],
  ];
  for (const [extension, text] of texts) {
    const other = join(bed.folder, `entries.${extension}`);
    await writeFile(other, text);
    await writeFile(config, original.replace('worklist.json', `entries.${extension}`));
    const { status } = await bed.operate('/api/reload', { method: 'POST', body: '{}' });
    expect(status).toBe(422);
  }
  await writeFile(config, original);
  await writeFile(join(bed.folder, 'worklist.json'), '[]');
  expect((await bed.operate('/api/reload', { method: 'POST', body: '{}' })).status).toBe(200);
  expect(await bed.leaks()).toEqual([]);
}, 30_000);

test('dead letters, and a store that is damaged or fails', async () => {
  const bed = await start();
  const refusal = new ServiceFailure('INVALID_VALUE', { comment: quoting(PATIENT), attributes: ['00100010'] });
  bed.farDimse.createMpps = () => Promise.reject(refusal);
  bed.farWeb = () => ({ status: 400, body: JSON.stringify({ error: quoting(PATIENT), attributes: ['00100010'] }) });
  const headers = { 'Content-Type': JSON_TYPE };
  const day = async (uid: string): Promise<void> => {
    for (const target of ['RIS', 'STORED'] as const) {
      await bed.ask(target, WORKLIST);
      await bed.ask(target, `${STEPS}/${uid}`, { method: 'POST', headers, body: toJson(STEP) });
      await bed.ask(target, `${STEPS}/${uid}?update`, { method: 'POST', headers, body: toJson(finalMessage()) });
      await bed.ask(target, `${STEPS}/${uid}`);
    }
  };
  await day('1.2.3.9.1');
  const store = new DatabaseSync(join(bed.folder, 'store.db'));
  try {
    const tables = store.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all() as { name: string }[];
    for (const { name } of tables) {
      const columns = store.prepare(`PRAGMA table_info(${name})`).all() as { name: string; type: string }[];
      for (const column of columns.filter(({ type }) => type === 'TEXT' || type === 'BLOB')) {
        const held = store.prepare(
          `SELECT count(*) AS n FROM ${name} WHERE ${column.name} LIKE '{%' OR ${column.name} LIKE '[%'`,
        );
        if ((held.get() as { n: number }).n === 0) continue;
        store.prepare(`UPDATE ${name} SET ${column.name} = ?`).run(`{"${NAME}": ${PATIENT.id}`);
      }
    }
    for (const path of ['/api/spool', '/api/spool/1', '/api/spool/2', '/api/worklist', '/api/exceptions']) {
      const { body } = await bed.operate(path);
      bed.note(path, body.toString('utf8'));
    }
    await bed.operate('/api/spool/retry', {
      method: 'POST',
      body: JSON.stringify({ route: 'web-STORED', upstream: 'farWeb' }),
    });
    await day('1.2.3.9.1');
    await day('1.2.3.9.2');
    await bed.housekeep();
    for (const { name } of tables)
      if (!name.startsWith('sqlite_')) store.exec(`ALTER TABLE ${name} RENAME TO gone_${name}`);
    await day('1.2.3.9.3');
    await bed.operate('/api/worklist', { method: 'POST', body: toJson(ENTRY) });
    await bed.operate('/api/spool');
    await bed.operate('/api/reload', { method: 'POST', body: '{}' });
    await bed.housekeep();
  } finally {
    store.close();
  }
  expect(await bed.count('the store failed')).toBeGreaterThan(10);
  expect(await bed.count('housekeeping of the store failed')).toBeGreaterThan(0);
  expect(await bed.leaks()).toEqual([]);
}, 30_000);
