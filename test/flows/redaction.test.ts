/**
 * No patient value leaves by a log line, a metric, the health page, a list of the console, an Error Comment, a Warning or a
 * Status Report, whatever goes wrong: marked patients take every flow into every failure, and everything that came out is
 * searched for them.
 */
import { afterEach, expect, test } from '@jest/globals';
import { connect } from 'node:tls';
import { toJson } from '../../src/dataset/json.ts';
import { attribute, dataSetOf } from '../../src/dataset/model.ts';
import type { DataSet } from '../../src/dataset/model.ts';
import { encodePdu } from '../../src/dimse/upper-layer/pdu.ts';
import { FAILURE_CODES, ServiceFailure } from '../../src/services/port.ts';
import type { CommitmentContext, Upstream } from '../../src/services/port.ts';
import { associateRq } from '../support/dimse-bytes.ts';
import { exchangeBytes } from '../support/http-client.ts';
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
  for (const [i, target] of TARGETS.entries()) {
    const modality = await bed.modality(target);
    for (const patient of [0, 1].map((j) => MARKED[(i + j) % MARKED.length] ?? MARKED[0])) {
      await modalityDay(modality, patient);
      await webDay(bed, target, patient);
    }
  }
  const outputs = await bed.outputs();
  const exchanges = outputs.filter(({ text }) => text.includes("message: 'exchange'"));
  expect(exchanges.length).toBeGreaterThan(100);
  expect(await bed.leaks()).toEqual([]);
}, 30_000);

test('listeners with TLS: a day over it, and peers that send patients to them without, or in place of a name of theirs', async () => {
  const bed = await start({ tls: true });
  const { ward, web } = bed.ports;
  for (const [i, target] of (['RIS', 'STRICT'] as const).entries()) {
    const patient = MARKED[i] ?? MARKED[0];
    await modalityDay(await bed.modality(target), patient);
    await webDay(bed, target, patient);
    const plainly = `GET /ris${WORKLIST}${queryText(patient)} HTTP/1.1\r\nHost: ${patient.id}\r\n\r\n`;
    for (const port of [ward, web]) bed.note('answer without TLS', await exchangeBytes(port, plainly));
    const association = associateRq({
      calledAeTitle: patient.id.slice(0, 16),
      callingAeTitle: patient.accession.slice(0, 16),
    });
    for (const port of [ward, web]) {
      bed.note('answer without TLS', await exchangeBytes(port, encodePdu(association).toString('latin1')));
    }
    for (const port of [ward, web]) {
      const name = `${patient.id.toLowerCase().replaceAll(/[^a-z0-9]/g, '-')}.example`;
      const socket = connect({ host: '127.0.0.1', port, servername: name, ALPNProtocols: [patient.id] });
      bed.note(
        'TLS for another name',
        await new Promise((resolve) => socket.once('error', ({ message }) => resolve(message))),
      );
      socket.destroy();
    }
  }
  expect(await bed.count('TLS connection of a peer refused')).toBeGreaterThan(0);
  expect((await bed.outputs()).filter(({ text }) => text.includes("message: 'exchange'")).length).toBeGreaterThan(10);
  expect(await bed.leaks()).toEqual([]);
}, 30_000);

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
  expect(await bed.count("upstreamDimseStatus: '")).toBeGreaterThan(150);
  expect(await bed.leaks()).toEqual([]);
}, 30_000);

const STATUSES = [
  302, 400, 401, 403, 404, 405, 406, 409, 410, 413, 415, 418, 422, 429, 500, 501, 502, 503, 504, 507, 508,
];

test('origin servers that name the patient in Status Report, Warning, Location or body, with every status (PS3.18 8.6.3)', async () => {
  const bed = await start();
  const modality = await bed.modality('WEB');
  for (const [i, status] of STATUSES.entries()) {
    const patient = MARKED[i % MARKED.length] ?? MARKED[0];
    const words = quoting(patient);
    const report = { status, error: words, errorComment: words, code: words, dimseStatus: words, peer: words };
    const ascii = words.replaceAll(/[^ -~]/g, '?');
    const headers = {
      Warning: [`299 http://x: ${ascii}`, `299 http://x: 0107: ${ascii}`],
      Location: `http://127.0.0.1:1/${queryText(patient)}`,
      'Retry-After': '0',
      'WWW-Authenticate': `Basic realm="${ascii}"`,
    };
    bed.farWeb = () => ({ status, headers, body: JSON.stringify(report) });
    await modalityDay(modality, patient);
    bed.farWeb = () => ({ status, headers, body: words });
    await webDay(bed, 'WEB', patient);
  }
  expect(await bed.count("upstreamHttpStatus: '")).toBeGreaterThan(100);
  expect(await bed.leaks()).toEqual([]);
}, 30_000);

test('answers that cannot be read', async () => {
  const bed = await start();
  const modality = await bed.modality('WEB');
  const [patient] = MARKED;
  const step = toJson(markedEntry(patient, '1.2.3'));
  const name = patient.name.Alphabetic ?? '';
  const xml = `<NativeDicomModel><DicomAttribute tag="00100010" vr="PN"><${name}/></DicomAttribute>${name}</NativeDicomModel>`;
  const answers: readonly (readonly [string, string])[] = [
    [JSON_TYPE, `[${step.slice(0, -40)}`],
    [JSON_TYPE, `[${step}, ${name}]`],
    [JSON_TYPE, `[{"${name}":{"vr":"PN"}}]`],
    [JSON_TYPE, `[{"00100010":{"vr":"${name}","Value":["${name}"]}}]`],
    [JSON_TYPE, `[{"00100030":{"vr":"DA","Value":[{"Alphabetic":"${name}"}]}}]`],
    [JSON_TYPE, `[{"00101030":{"vr":"DS","Value":["${patient.id}"]},"00280010":{"vr":"US","Value":["${name}"]}}]`],
    [JSON_TYPE, `[{"00100010":{"vr":"PN","InlineBinary":"${name}"}}]`],
    [JSON_TYPE, `[{"00100010":{"vr":"PN","BulkDataURI":"http://x/${patient.id}"}}]`],
    [JSON_TYPE, `"${name}"`],
    [`${JSON_TYPE}; charset=${patient.id}`, step],
    [patient.id, step],
    ['application/dicom+xml', xml],
    ['application/dicom+xml', xml.slice(0, -10)],
    ['application/dicom+xml', `<!DOCTYPE a [<!ENTITY b "${name}">]><a>&b;</a>`],
    [
      'multipart/related; type="application/dicom+json"; boundary=b',
      `--b\r\nContent-Type: ${patient.id}\r\n\r\n${step}\r\n--b--`,
    ],
    ['multipart/related; type="application/dicom+json"; boundary=b', `--b\r\n${name}: ${name}\r\n\r\n${step}`],
    ['text/html', `<p>${name}`],
  ];
  for (const [type, body] of answers) {
    bed.farWeb = () => ({ headers: { 'Content-Type': type }, body: Buffer.from(body, 'utf8') });
    await modalityDay(modality, patient);
    await webDay(bed, 'WEB', patient);
  }
  expect(await bed.count('ANSWER_UNREADABLE')).toBeGreaterThan(20);
  expect(await bed.leaks()).toEqual([]);
}, 30_000);
