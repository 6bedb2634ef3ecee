/** N-CREATE and N-SET as the benches send them: to a DIMSE listener by the raw client, to a web listener by fetch. */
import { randomUUID } from 'node:crypto';
import { encodeDataSet } from '../../src/dataset/binary/encode.ts';
import { TRANSFER_SYNTAXES } from '../../src/dataset/binary/transfer-syntax.ts';
import { fromJson } from '../../src/dataset/json.ts';
import { attribute, completeOf, createOf, progressOf, series, type JsonDataSet } from '../../test/peers/mpps-cases.ts';
import { associate, message, MPPS, N_CREATE_RQ, N_SET_RQ, PDU, type RawConnection, release, statusOf } from './wire.ts';

/** The place of a message in its instance, from 0: servers/ordered-stub.ts looks at it. */
const numbered = (number: number): JsonDataSet => ({ '00400280': attribute('ST', String(number)) });

/** Data sets of an instance in their order: the create, so many updates, the last of them final. */
export function messagesOf(updates: number): JsonDataSet[] {
  const progress = Array.from({ length: updates - 1 }, (_, i) => ({
    ...progressOf(series(1, i + 1)),
    ...numbered(i + 1),
  }));
  return [createOf(numbered(0)), ...progress, { ...completeOf(series(1, 20)), ...numbered(updates) }];
}

const [CREATE, SET] = messagesOf(1) as [JsonDataSet, JsonDataSet];
const bytesOf = (json: object): Buffer => encodeDataSet(fromJson(json), TRANSFER_SYNTAXES.explicitVrLittleEndian);
const SET_BYTES = bytesOf(SET);
const CREATE_JSON = JSON.stringify(CREATE);
const SET_JSON = JSON.stringify(SET);

/** The data set of an N-CREATE, Explicit VR Little Endian. */
export const CREATE_BYTES = bytesOf(CREATE);

export const newUid = (): string => `2.25.${BigInt(`0x${randomUUID().replaceAll('-', '')}`)}`;

/** One way to send a create or a set. */
export interface Sender {
  send(kind: 'create' | 'set', uid: string): Promise<void>;
  close(): Promise<void>;
}

export async function dimseSender(port: number, called: string): Promise<Sender> {
  const connection: RawConnection = await associate(port, { called, abstractSyntax: MPPS });
  let messageId = 0;
  return {
    send: async (kind, uid) => {
      const field = kind === 'create' ? N_CREATE_RQ : N_SET_RQ;
      const request = { field, sopClass: MPPS, messageId: ++messageId % 65_536, instanceUid: uid };
      connection.send(message(request, kind === 'create' ? CREATE_BYTES : SET_BYTES));
      const answer = await connection.receive();
      const status = answer?.type === PDU.data ? statusOf(answer.body.subarray(6)) : undefined;
      if (status !== 0) throw new Error(`${kind} on port ${port}: PDU ${answer?.type}, status ${status}`);
    },
    close: () => release(connection),
  };
}

export async function webSender(baseUrl: string): Promise<Sender> {
  const headers = { accept: 'application/dicom+json', 'content-type': 'application/dicom+json' };
  return {
    send: async (kind, uid) => {
      const url = `${baseUrl}/modality-performed-procedure-steps/${uid}${kind === 'create' ? '' : '?update'}`;
      const body = kind === 'create' ? CREATE_JSON : SET_JSON;
      const response = await fetch(url, { method: 'POST', headers, body });
      await response.arrayBuffer();
      if (!response.ok) throw new Error(`${kind}: ${response.status}`);
    },
    close: () => Promise.resolve(),
  };
}

/** So many instances by so many senders at a time, the messages of each in order. */
export async function sendInstances(
  count: number,
  parallel: number,
  connect: () => Promise<Sender>,
  kinds: readonly ('create' | 'set')[] = ['create', 'set'],
): Promise<void> {
  let left = count;
  const worker = async (): Promise<void> => {
    const sender = await connect();
    while (left-- > 0) {
      const uid = newUid();
      for (const kind of kinds) await sender.send(kind, uid);
    }
    await sender.close();
  };
  await Promise.all(Array.from({ length: parallel }, worker));
}
