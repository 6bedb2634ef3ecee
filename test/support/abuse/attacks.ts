/** What the attacker does, each on its own until it is told to stop. */
import { deflateRawSync, gzipSync } from 'node:zlib';
import { setTimeout as sleep } from 'node:timers/promises';
import { associateRq, EXPLICIT_LE, explicit, message, MPPS, pdu, PDU, WORKLIST } from '../../../scripts/bench/wire.ts';
import { broadIdentifier } from '../../../scripts/bench/worklist-item.ts';
import type { Spoils, Swarm, Visitor } from './swarm.ts';

const DEFLATED = '1.2.840.10008.1.2.1.99';
const MPPS_PATH = '/modality-performed-procedure-steps/1.2.826.0.1.99';
const COMMITMENT_PATH = '/commitment-requests/1.2.826.0.1.99';
const WORKLIST_PATH = '/modality-scheduled-procedure-steps';

const request = (calling: string, abstractSyntax: string, transferSyntax = EXPLICIT_LE): Buffer =>
  associateRq({ called: 'DIMSEWAY', calling, abstractSyntax, transferSyntax });

const head = (line: string, fields: Readonly<Record<string, string | number>> = {}): string =>
  [`${line} HTTP/1.1`, 'Host: x', ...Object.entries(fields).map(([name, value]) => `${name}: ${value}`), '', ''].join(
    '\r\n',
  );

const post = (path: string, body: Buffer, fields: Readonly<Record<string, string>> = {}): (string | Buffer)[] => [
  head(`POST ${path}`, { 'Content-Type': 'application/dicom+json', 'Content-Length': body.length, ...fields }),
  body,
];

const find = (identifier: Buffer): Buffer => message({ field: 0x0020, sopClass: WORKLIST, messageId: 1 }, identifier);
const create = (attributes: Buffer): Buffer =>
  message({ field: 0x0140, sopClass: MPPS, messageId: 1, instanceUid: '1.2.826.0.1.99' }, attributes);

/** Associates, and sends what it has to say once it may. */
async function asSent(visitor: Visitor, association: Buffer, ...messages: readonly Buffer[]): Promise<void> {
  visitor.send(association);
  await visitor.answer();
  for (const each of messages) {
    if (visitor.isGone) return;
    visitor.send(each);
    await visitor.answer();
  }
  visitor.close();
}

const BOMB_BYTES = 64 * 1024 * 1024;
const bomb = Buffer.alloc(BOMB_BYTES, ' ');
const GZIP_BOMB = gzipSync(bomb);
const DEFLATE_BOMB = deflateRawSync(Buffer.concat([explicit(0x0010, 0x0010, 'UT', Buffer.alloc(BOMB_BYTES, '\\'))]));

/** Sequences of undefined length, one in another. */
const NESTED_ITEMS = Buffer.concat(
  Array.from({ length: 5_000 }, () =>
    Buffer.from('40000001535100 00ffffffff feff00e0ffffffff'.replaceAll(' ', ''), 'hex'),
  ),
);
const NESTED_JSON = Buffer.from('{"00400100":{"vr":"SQ","Value":['.repeat(5_000));
const NESTED_ARRAYS = Buffer.from('['.repeat(200_000));
const NESTED_XML = Buffer.from(
  `<?xml version="1.0"?><NativeDicomModel>${'<DicomAttribute tag="00400100" vr="SQ"><Item number="1">'.repeat(5_000)}`,
);

/** Before a slow one comes again. */
const PATIENT_MS = 500;

const FIELDS = Array.from({ length: 1_700 }, (_value, i) => (0x00080000 + i).toString(16).padStart(8, '0')).join(',');

export const ATTACKS = {
  /** An A-ASSOCIATE-RQ, and a PDU of an association, byte by byte. */
  'slow loris on DIMSE': (swarm: Swarm) =>
    swarm.keepUp(
      300,
      () => swarm.visit('dimse', (visitor) => visitor.drip(request(swarm.intruder.aeTitle, WORKLIST), 100)),
      PATIENT_MS,
    ),

  /** Header fields and bodies, byte by byte. */
  'slow loris on the web': (swarm: Swarm) =>
    swarm.keepUp(
      1_200,
      () =>
        swarm.visit('web', async (visitor) => {
          visitor.send(`POST ${MPPS_PATH} HTTP/1.1\r\nHost: x\r\n`);
          await visitor.drip(Buffer.from('X-Slow: '.padEnd(1_000, 'a')), 200);
        }),
      PATIENT_MS,
    ),

  /** Far ends that drip and never answer, asked for by way of the gateway. */
  'slow loris of far ends': (swarm: Swarm) =>
    swarm.keepUp(
      60,
      () =>
        swarm.visit('web', async (visitor) => {
          visitor.send(head(`GET ${Math.random() < 0.5 ? '/drip' : '/mute'}${WORKLIST_PATH}`));
          await visitor.answer();
          visitor.close();
        }),
      PATIENT_MS,
    ),

  /** Opened one after another and left alone. */
  '5,000 connections': async (swarm: Swarm) => {
    while (!swarm.isOver) {
      for (let i = 0; i < 60; i++) void swarm.visit(i % 2 === 0 ? 'dimse' : 'web', () => undefined);
      await sleep(10);
    }
  },

  /** Before an association, and on one. */
  'a PDU of 4 GB': (swarm: Swarm) =>
    swarm.keepUp(20, () =>
      swarm.visit('dimse', async (visitor) => {
        const header = Buffer.from('0400ffffffff', 'hex');
        if (Math.random() < 0.5) visitor.send(Buffer.from('0100ffffffff', 'hex'), Buffer.alloc(65_536));
        else
          await asSent(
            visitor,
            request(swarm.intruder.aeTitle, WORKLIST),
            Buffer.concat([header, Buffer.alloc(65_536)]),
          );
      }),
    ),

  'gzip bombs': (swarm: Swarm) =>
    swarm.keepUp(20, () =>
      swarm.visit('web', async (visitor) => {
        const path = Math.random() < 0.5 ? MPPS_PATH : COMMITMENT_PATH;
        visitor.send(...post(path, GZIP_BOMB, { 'Content-Encoding': 'gzip' }));
        await visitor.answer();
        visitor.close();
      }),
    ),

  'deflated bombs': (swarm: Swarm) =>
    swarm.keepUp(20, () =>
      swarm.visit('dimse', (visitor) => {
        const isFind = Math.random() < 0.5;
        const association = request(swarm.intruder.aeTitle, isFind ? WORKLIST : MPPS, DEFLATED);
        return asSent(visitor, association, ...fragments(isFind ? find(DEFLATE_BOMB) : create(DEFLATE_BOMB)));
      }),
    ),

  'deep nesting': (swarm: Swarm) =>
    swarm.keepUp(20, () => {
      const bodies = [post(MPPS_PATH, NESTED_JSON), post(MPPS_PATH, NESTED_ARRAYS)];
      const xml = post(MPPS_PATH, NESTED_XML, { 'Content-Type': 'application/dicom+xml' });
      const chosen = [...bodies, xml, undefined][Math.floor(Math.random() * 4)];
      if (chosen === undefined) {
        return swarm.visit('dimse', (visitor) =>
          asSent(visitor, request(swarm.intruder.aeTitle, WORKLIST), ...fragments(find(NESTED_ITEMS))),
        );
      }
      return swarm.visit('web', async (visitor) => {
        visitor.send(...chosen);
        await visitor.answer();
        visitor.close();
      });
    }),

  'enormous includefield': (swarm: Swarm) =>
    swarm.keepUp(20, () =>
      swarm.visit('web', async (visitor) => {
        const count = Math.random() < 0.5 ? 1 : 20;
        visitor.send(head(`GET ${WORKLIST_PATH}?includefield=${Array(count).fill(FIELDS).join(',')}`));
        await visitor.answer();
        visitor.close();
      }),
    ),

  /** Many fields, and fields without end. */
  'header flood': (swarm: Swarm) =>
    swarm.keepUp(20, () =>
      swarm.visit('web', async (visitor) => {
        const fields = Object.fromEntries(Array.from({ length: 1_900 }, (_value, i) => [`X-${i}`, 'a'.repeat(20)]));
        if (Math.random() < 0.5) visitor.send(head(`GET ${WORKLIST_PATH}`, fields));
        else visitor.send(`GET ${WORKLIST_PATH} HTTP/1.1\r\nX-Long: `, Buffer.alloc(1_000_000, 'a'));
        await visitor.answer();
        visitor.close();
      }),
    ),

  /** As fast as it can. */
  'association storm with rejected titles': (swarm: Swarm) =>
    swarm.keepUp(50, () =>
      swarm.visit('dimse', (visitor) => asSent(visitor, request(`X${Math.floor(Math.random() * 1e9)}`, WORKLIST))),
    ),

  /** The whole worklist, many times, and none of it taken. */
  'peers that never read': (swarm: Swarm) =>
    swarm.keepUp(100, () =>
      swarm.visit(Math.random() < 0.5 ? 'dimse' : 'web', async (visitor) => {
        visitor.stopReading();
        visitor.send(request(swarm.intruder.aeTitle, WORKLIST), find(broadIdentifier()));
        visitor.send(head(`GET ${WORKLIST_PATH}`).repeat(20));
        await sleep(2_000);
        visitor.close();
      }),
    ),
} satisfies Record<string, (swarm: Swarm) => Promise<void>>;

export type AttackName = keyof typeof ATTACKS;

/** Whether an attack came to what it was meant to: one that nobody noticed proves nothing. */
export const SPOILS: Readonly<Record<AttackName, (spoils: Spoils) => boolean>> = {
  'slow loris on DIMSE': ({ connections }) => connections >= 300,
  'slow loris on the web': ({ connections }) => connections >= 1_000,
  'slow loris of far ends': ({ connections, answers }) => connections >= 60 && (answers['429'] ?? 0) > 0,
  '5,000 connections': ({ connections }) => connections >= 5_000,
  'a PDU of 4 GB': ({ answers }) => (answers['PDU 2'] ?? 0) > 0 && (answers['PDU 7'] ?? 0) > 0,
  'gzip bombs': ({ answers }) => (answers['413'] ?? 0) > 0,
  'deflated bombs': ({ answers }) => (answers['PDU 4'] ?? 0) > 0,
  'deep nesting': ({ answers }) => (answers['400'] ?? 0) > 0 && (answers['PDU 4'] ?? 0) > 0,
  'enormous includefield': ({ answers }) => (answers['414'] ?? 0) > 0,
  'header flood': ({ answers }) => (answers['431'] ?? 0) > 0,
  'association storm with rejected titles': ({ connections, answers }) =>
    connections >= 500 && (answers['PDU 3'] ?? 0) > 0,
  'peers that never read': ({ connections, received }) => connections >= 50 && received === 0,
};

export const ATTACK_NAMES = Object.keys(ATTACKS) as AttackName[];

/** One message, its data set in PDUs of the usual length. */
function fragments(whole: Buffer): Buffer[] {
  const end = 6 + whole.readUInt32BE(2);
  const [command, rest] = [whole.subarray(0, end), whole.subarray(end)];
  const value = rest.subarray(12);
  const size = 65_000;
  const pdus = [command];
  for (let at = 0; at < value.length; at += size) {
    const piece = value.subarray(at, at + size);
    const header = Buffer.alloc(6);
    header.writeUInt32BE(piece.length + 2, 0);
    header[4] = 1;
    header[5] = at + size >= value.length ? 2 : 0;
    pdus.push(pdu(PDU.data, Buffer.concat([header, piece])));
  }
  return [Buffer.concat(pdus)];
}
