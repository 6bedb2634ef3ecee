/** MPPS at our listener, played by a scripted peer: answers, statuses, broken messages, order, delivery of answers. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { decodeDataSet } from '../../../src/dataset/binary/decode.ts';
import { encodeDataSet } from '../../../src/dataset/binary/encode.ts';
import { attribute, dataSetOf } from '../../../src/dataset/model.ts';
import type { DataSet } from '../../../src/dataset/model.ts';
import { encodeCommandSet } from '../../../src/dimse/command-set.ts';
import type { CommandSet } from '../../../src/dimse/command-set.ts';
import type { Message } from '../../../src/dimse/message.ts';
import type { DimseListenerOptions } from '../../../src/dimse/scp.ts';
import { SOP_CLASSES } from '../../../src/dimse/uids.ts';
import { encodePdu, PDU_TYPE } from '../../../src/dimse/upper-layer/pdu.ts';
import type { AssociateAc, AssociateRq } from '../../../src/dimse/upper-layer/pdu.ts';
import { ServiceFailure } from '../../../src/services/port.ts';
import type { MppsContext, ServiceFailureOptions } from '../../../src/services/port.ts';
import {
  ABORT,
  associateRq,
  dataPdu,
  decodeRaw,
  EXPLICIT,
  message,
  MessageReader,
  RELEASE_RQ,
} from '../../support/dimse-bytes.ts';
import { ROUTE, ScriptedHandler, startListener } from '../../support/dimse-listener.ts';
import type { RunningListener } from '../../support/dimse-listener.ts';
import { COMPLETED, createRq, getRq, IN_PROGRESS, MPPS_CONTEXTS, MPPS_UID, setRq } from '../../support/dimse-mpps.ts';
import { RawPeer } from '../../support/raw-peer.ts';

const { mpps, mppsRetrieve } = SOP_CLASSES;

let running: RunningListener;
let handler: ScriptedHandler;
const peers: RawPeer[] = [];

async function listen(options: Partial<DimseListenerOptions>): Promise<void> {
  await running.listener.close(0);
  running = await startListener(handler, options);
}

beforeEach(async () => {
  handler = new ScriptedHandler();
  running = await startListener(handler);
});

afterEach(async () => {
  for (const peer of peers.splice(0)) peer.destroy();
  await running.listener.close(0);
});

interface Associated {
  readonly peer: RawPeer;
  readonly messages: MessageReader;
  readonly answer: AssociateAc;
}

async function associate(request: Partial<AssociateRq> = {}): Promise<Associated> {
  const peer = await RawPeer.connect(running.port);
  peers.push(peer);
  peer.send(encodePdu(associateRq({ contexts: MPPS_CONTEXTS, ...request })));
  const answer = decodeRaw(await peer.receive());
  if (answer.type !== PDU_TYPE.associateAc) throw new Error('no association');
  return { peer, messages: new MessageReader(peer), answer };
}

/** The response to one request on an association of its own. */
async function ask(request: Buffer): Promise<Message> {
  const { peer, messages } = await associate();
  peer.send(request);
  return messages.next();
}

function failing(code: ServiceFailure['code'], options: ServiceFailureOptions = {}): () => Promise<never> {
  return () => Promise.reject(new ServiceFailure(code, options));
}

/** The handler of a create that waits for `go`; `context` is what it was handed. */
function heldCreate(): { go: () => void; context: Promise<MppsContext> } {
  const go = Promise.withResolvers<void>();
  const context = Promise.withResolvers<MppsContext>();
  handler.createMpps = async (uid, _attributes, given) => {
    context.resolve(given);
    await go.promise;
    return { uid: uid ?? '' };
  };
  return { go: go.resolve, context: context.promise };
}

describe('negotiation (PS3.4 F.7.1, F.8.1)', () => {
  test('MPPS and MPPS Retrieve are result 3 without a route; roles are agreed for the requestor as SCU', async () => {
    const roles = [{ sopClassUid: mpps, scu: true, scp: true }];
    const userInformation = { maximumLength: 0, roles, extended: [] };
    const { answer } = await associate({ userInformation });
    expect(answer.contexts.map(({ result }) => result)).toEqual([0, 0]);
    expect(answer.userInformation.roles).toEqual([{ sopClassUid: mpps, scu: true, scp: false }]);
    handler.mppsRoute = undefined;
    const without = await associate({ userInformation });
    expect(without.answer.contexts.map(({ result }) => result)).toEqual([3, 3]);
    expect(without.answer.userInformation.roles).toEqual([]);
  });
});

describe('N-CREATE (PS3.4 F.7.2.1)', () => {
  test('the attributes arrive whole, the response names class and instance and has no data set (flows 4.1)', async () => {
    const { command, dataSet } = await ask(createRq());
    expect(handler.asked).toMatchObject([{ operation: 'create', uid: MPPS_UID, attributes: IN_PROGRESS }]);
    expect(command).toEqual({
      commandField: 0x8140,
      messageIdBeingRespondedTo: 1,
      status: 0,
      affectedSopClassUid: mpps,
      affectedSopInstanceUid: MPPS_UID,
    });
    expect(dataSet).toBeUndefined();
  });

  test('the requester and the character set of the message are told', async () => {
    const attributes = { ...IN_PROGRESS, '00100010': attribute('PN', { Alphabetic: 'Иванов' }) };
    await ask(createRq(encodeDataSet(attributes, EXPLICIT, { characterSet: ['ISO_IR 144'] })));
    const [asked] = handler.asked;
    expect(asked?.context).toMatchObject({
      characterSet: 'ISO_IR 144',
      requester: { listener: 'ward', protocol: 'dimse', callingAeTitle: 'MODALITY', calledAeTitle: 'DIMSEWAY' },
    });
    expect(asked?.attributes?.['00100010']).toEqual(attribute('PN', { Alphabetic: 'Иванов' }));
  });

  test.each([undefined, ''])(
    'without SOP Instance UID (%s) the response has the one the gateway chose',
    async (uid) => {
      handler.createMpps = async (given) => ({ uid: given ?? '2.25.7' });
      const command = { commandField: 0x0140, affectedSopClassUid: mpps, messageId: 1 };
      const fields = uid === undefined ? command : { ...command, affectedSopInstanceUid: uid };
      const response = await ask(message(1, fields, encodeDataSet(IN_PROGRESS, EXPLICIT)));
      expect(response.command).toMatchObject({ status: 0, affectedSopInstanceUid: '2.25.7' });
    },
  );

  test.each([0x0000, 0x0102, 0xffff])('Command Data Set Type %i announces a data set (PS3.7 E.1)', async (type) => {
    const fields = { commandField: 0x0140, affectedSopClassUid: mpps, affectedSopInstanceUid: MPPS_UID, messageId: 1 };
    const command = encodeCommandSet(fields, true);
    command.writeUInt16LE(type, command.indexOf(Buffer.from([0, 0, 0, 8, 2, 0, 0, 0])) + 8);
    const { peer, messages } = await associate();
    peer.send(dataPdu([1, 3, command], [1, 2, encodeDataSet(IN_PROGRESS, EXPLICIT)]));
    expect(await messages.statuses(1)).toEqual([0]);
    expect(handler.asked).toMatchObject([{ attributes: IN_PROGRESS }]);
  });
});

describe('N-SET (PS3.4 F.7.2.2)', () => {
  test('the modifications arrive whole, the response names class and instance', async () => {
    const { command, dataSet } = await ask(setRq());
    expect(handler.asked).toMatchObject([{ operation: 'update', uid: MPPS_UID, attributes: COMPLETED }]);
    expect(command).toEqual({
      commandField: 0x8120,
      messageIdBeingRespondedTo: 1,
      status: 0,
      affectedSopClassUid: mpps,
      affectedSopInstanceUid: MPPS_UID,
    });
    expect(dataSet).toBeUndefined();
  });

  test('text beyond ASCII without 00080005 is read by the set of the N-CREATE, with one log line (flows 1.2)', async () => {
    handler.characterSetOf = async (uid) => (uid === MPPS_UID ? 'ISO_IR 144' : undefined);
    const modifications = dataSetOf({ '00400280': attribute('ST', 'Иванов'), '00400254': attribute('LO', 'голова') });
    const bytes = encodeDataSet(modifications, EXPLICIT, { characterSet: ['ISO_IR 144'] });
    await ask(setRq(bytes.subarray(8 + bytes.readUInt16LE(6))));
    expect(handler.asked).toMatchObject([{ attributes: modifications }]);
    expect(handler.asked[0]?.context).not.toHaveProperty('characterSet');
    expect(running.logger.lines.filter(({ level }) => level === 'warn')).toMatchObject([
      { fields: { characterSet: 'ISO_IR 144' } },
    ]);
  });

  test('messages of one association are handled one after another, and answered in order', async () => {
    const held = heldCreate();
    const { peer, messages } = await associate();
    peer.send(createRq(), setRq(COMPLETED, { messageId: 2 }), getRq({ messageId: 3 }));
    await held.context;
    expect(handler.asked).toEqual([]);
    held.go();
    const ids = [];
    for (let i = 0; i < 3; i++) ids.push((await messages.next()).command.messageIdBeingRespondedTo);
    expect(ids).toEqual([1, 2, 3]);
  });
});

describe('N-GET (PS3.4 F.8.2)', () => {
  const STORED = { ...IN_PROGRESS, ...COMPLETED, '00080018': attribute('UI', MPPS_UID) };

  test('no list asks for everything; SOP Class and Instance UID stay out of the data set', async () => {
    const selections: unknown[] = [];
    handler.retrieveMpps = async (_uid, selection) => {
      selections.push(selection);
      return dataSetOf(STORED);
    };
    const { command, dataSet } = await ask(getRq());
    expect(selections).toEqual(['all']);
    expect(command).toEqual({
      commandField: 0x8110,
      messageIdBeingRespondedTo: 1,
      status: 0,
      affectedSopClassUid: mppsRetrieve,
      affectedSopInstanceUid: MPPS_UID,
    });
    expect(decode(dataSet)).toEqual(dataSetOf({ ...IN_PROGRESS, ...COMPLETED }));
  });

  test.each([
    [['00400252'], [['00400252']]],
    [
      ['00080060', '00400252'],
      [['00080060'], ['00400252']],
    ],
  ])('the list %j selects, and nothing else comes back', async (attributeIdentifierList, expected) => {
    const selections: unknown[] = [];
    handler.retrieveMpps = async (_uid, selection) => {
      selections.push(selection);
      return dataSetOf(STORED);
    };
    const { dataSet } = await ask(getRq({ attributeIdentifierList }));
    expect(selections).toEqual([expected]);
    expect(Object.keys(decode(dataSet))).toEqual(attributeIdentifierList);
  });

  test.each([
    ['those of the route', ['ISO_IR 144'], undefined, 'Иванов', 'ISO_IR 144'],
    ['else that of its N-CREATE', ['ISO_IR 100'], 'ISO_IR 144', 'Иванов', 'ISO_IR 144'],
    ['else UTF-8', ['ISO_IR 100'], undefined, 'Иванов', 'ISO_IR 192'],
    ['none for plain ASCII', ['ISO_IR 100'], undefined, 'Ivanov', undefined],
  ])('the answer is in the character sets the SCU knows: %s', async (_what, characterSets, own, text, expected) => {
    handler.mppsRoute = { ...ROUTE, characterSets };
    handler.characterSetOf = async () => own;
    handler.retrieveMpps = async () => dataSetOf({ '00400254': attribute('LO', text) });
    const answer = decode((await ask(getRq())).dataSet);
    expect(answer['00400254']).toEqual(attribute('LO', text));
    expect(answer['00080005']?.Value?.[0]).toBe(expected);
  });

  test('an SCU that leaves ends the reading', async () => {
    const aborted = Promise.withResolvers<unknown>();
    const asked = Promise.withResolvers<void>();
    handler.retrieveMpps = async (_uid, _selection, { signal }) => {
      signal.addEventListener('abort', () => aborted.resolve(signal.reason));
      asked.resolve();
      return new Promise(() => undefined);
    };
    const { peer } = await associate();
    peer.send(getRq());
    await asked.promise;
    peer.destroy();
    expect(await aborted.promise).toMatchObject({ code: 'CONNECTION_LOST' });
  });

  test('without an answer in time it is 0110H, and the reading ends', async () => {
    await listen({ requestTimeoutMs: 40 });
    let signal: AbortSignal | undefined;
    handler.retrieveMpps = (_uid, _selection, context) => {
      signal = context.signal;
      return new Promise(() => undefined);
    };
    expect((await ask(getRq())).command).toMatchObject({ status: 0x0110, errorComment: 'no answer in 0.04 s' });
    expect(signal?.reason).toMatchObject({ code: 'UPSTREAM_TIMEOUT' });
  });
});

function decode(dataSet: Buffer | undefined): DataSet {
  if (dataSet === undefined) throw new Error('no data set');
  return decodeDataSet(dataSet, EXPLICIT);
}

describe('class and instance (status mapping 2.2, 12)', () => {
  test('any operation is taken on either context when its class is that of the context, else 0118H', async () => {
    const { peer, messages } = await associate();
    const onRetrieve = { commandField: 0x0140, affectedSopClassUid: mppsRetrieve, affectedSopInstanceUid: MPPS_UID };
    const attributes = encodeDataSet(IN_PROGRESS, EXPLICIT);
    peer.send(message(3, { ...onRetrieve, messageId: 1 }, attributes));
    expect(await messages.statuses(1)).toEqual([0]);
    peer.send(message(3, { ...onRetrieve, affectedSopClassUid: mpps, messageId: 2 }, attributes));
    expect(await messages.statuses(1)).toEqual([0x0118]);
    const get = { commandField: 0x0110, requestedSopClassUid: mpps, requestedSopInstanceUid: MPPS_UID, messageId: 3 };
    peer.send(message(1, get));
    expect(await messages.statuses(1)).toEqual([0]);
    peer.send(message(1, { ...get, requestedSopClassUid: mppsRetrieve, messageId: 4 }));
    expect(await messages.statuses(1)).toEqual([0x0118]);
    expect(handler.asked.map(({ operation }) => operation)).toEqual(['create', 'retrieve']);
  });

  test('an N-GET on MPPS Retrieve that names the class of the instance is understood: odil and DCMTK ask so', async () => {
    const { peer, messages } = await associate();
    const get = { commandField: 0x0110, requestedSopClassUid: mpps, requestedSopInstanceUid: MPPS_UID, messageId: 1 };
    peer.send(message(3, get));
    expect(await messages.statuses(1)).toEqual([0]);
  });

  test.each<[string, Buffer, number]>([
    ['N-CREATE', createRq(IN_PROGRESS, { affectedSopInstanceUid: '1.02' }), 0x0117],
    ['N-SET', setRq(COMPLETED, { requestedSopInstanceUid: '1.02' }), 0x0117],
    ['N-GET', getRq({ requestedSopInstanceUid: '1.02' }), 0x0117],
  ])('a bad UID in %s is 0117H and comes back in the response (PS3.7 C.5.17)', async (_what, request, status) => {
    expect((await ask(request)).command).toMatchObject({ status, affectedSopInstanceUid: '1.02' });
    expect(handler.asked).toEqual([]);
    expect(handler.refusals).toMatchObject([{ code: 'INVALID_UID' }]);
  });

  test('a well-known instance is no MPPS: 0119H, in N-CREATE 0117H', async () => {
    const uid = '1.2.840.10008.1.20.1.1';
    expect((await ask(setRq(COMPLETED, { requestedSopInstanceUid: uid }))).command.status).toBe(0x0119);
    expect((await ask(getRq({ requestedSopInstanceUid: uid }))).command.status).toBe(0x0119);
    expect((await ask(createRq(IN_PROGRESS, { affectedSopInstanceUid: uid }))).command.status).toBe(0x0117);
    expect(handler.asked).toEqual([]);
  });

  test.each([0x0100, 0x0130, 0x0150])('command %i is 0211H (PS3.7 C.5.20)', async (commandField) => {
    const fields = { affectedSopClassUid: mpps, affectedSopInstanceUid: MPPS_UID, messageId: 1 };
    expect((await ask(message(1, { commandField, ...fields }))).command.status).toBe(0x0211);
  });

  test('a Message ID in use is 0210H, in its turn; the same one after the answer is fine (PS3.7 C.5.4)', async () => {
    const held = heldCreate();
    const { peer, messages } = await associate();
    peer.send(createRq(), setRq());
    await held.context;
    held.go();
    expect(await messages.statuses(2)).toEqual([0, 0x0210]);
    expect(handler.asked).toEqual([]);
    peer.send(setRq());
    expect(await messages.statuses(1)).toEqual([0]);
  });

  test('C-CANCEL means nothing to an N-service', async () => {
    const held = heldCreate();
    const { peer, messages } = await associate();
    peer.send(createRq());
    const { signal } = await held.context;
    peer.send(message(1, { commandField: 0x0fff, messageIdBeingRespondedTo: 1 }));
    peer.send(getRq({ messageId: 2 }), message(1, { commandField: 0x0fff, messageIdBeingRespondedTo: 2 }));
    held.go();
    expect(await messages.statuses(2)).toEqual([0, 0]);
    expect(signal.aborted).toBe(false);
  });
});

describe('broken messages (status mapping 12)', () => {
  const bytes = encodeDataSet(IN_PROGRESS, EXPLICIT);

  test.each<[string, Buffer]>([
    ['N-CREATE without data set', message(1, { commandField: 0x0140, affectedSopInstanceUid: MPPS_UID, messageId: 1 })],
    ['N-SET without data set', message(1, { commandField: 0x0120, requestedSopInstanceUid: MPPS_UID, messageId: 1 })],
    ['N-CREATE with a data set cut short', createRq(bytes.subarray(0, -2))],
    ['N-SET with a data set cut short', setRq(encodeDataSet(COMPLETED, EXPLICIT).subarray(0, -6))],
    ['N-SET with garbage', setRq(Buffer.from('no data set at all'))],
  ])('%s is 0110H and never reaches the gateway, but the log', async (_what, request) => {
    const { peer, messages } = await associate();
    peer.send(request);
    const { command } = await messages.next();
    expect(command).toMatchObject({ status: 0x0110, errorComment: expect.stringMatching(/^data set /) });
    expect(handler.asked).toEqual([]);
    expect(handler.refusals).toMatchObject([{ code: 'BAD_REQUEST' }]);
    peer.send(setRq(COMPLETED, { messageId: 2 }));
    expect(await messages.statuses(1)).toEqual([0]);
  });

  test('an N-SET that ends with the connection never reaches the gateway', async () => {
    const { peer } = await associate();
    const whole = setRq();
    peer.send(whole.subarray(0, -3));
    peer.socket.end();
    await peer.closed;
    const next = await associate();
    next.peer.send(createRq());
    expect(await next.messages.statuses(1)).toEqual([0]);
    expect(handler.asked.map(({ operation }) => operation)).toEqual(['create']);
  });

  test('an N-SET whose last fragment never comes is forgotten with its association', async () => {
    const { peer } = await associate();
    const command = { commandField: 0x0120, requestedSopInstanceUid: MPPS_UID, messageId: 1 };
    peer.send(dataPdu([1, 3, encodeCommandSet(command, true)], [1, 0, bytes]), RELEASE_RQ);
    expect((await peer.receive())?.type).toBe(PDU_TYPE.releaseRp);
    expect(handler.asked).toEqual([]);
  });

  test('a broken PDU stream is A-ABORT', async () => {
    const { peer } = await associate();
    const command = encodeCommandSet({ commandField: 0x0120, requestedSopInstanceUid: MPPS_UID, messageId: 1 }, true);
    peer.send(dataPdu([1, 3, command]), Buffer.from('040000000004ffffffff', 'hex'));
    expect((await peer.receive())?.type).toBe(PDU_TYPE.abort);
    expect(handler.asked).toEqual([]);
  });
});

describe('failures (status mapping 4 to 6, PS3.7 C.5)', () => {
  async function failed(
    code: ServiceFailure['code'],
    options: ServiceFailureOptions = {},
    request = createRq(),
  ): Promise<{ command: Partial<CommandSet>; dataSet: DataSet | undefined }> {
    handler.createMpps = handler.updateMpps = handler.retrieveMpps = failing(code, options);
    const { command, dataSet } = await ask(request);
    const { commandField: _1, messageIdBeingRespondedTo: _2, affectedSopClassUid: _3, ...rest } = command;
    return { command: rest, dataSet: dataSet && decode(dataSet) };
  }
  const uid = { affectedSopInstanceUid: MPPS_UID };

  test('0111H, 0112H: status, comment, instance', async () => {
    expect(await failed('DUPLICATE_INSTANCE')).toEqual({
      command: { status: 0x0111, errorComment: 'MPPS UID already in use', ...uid },
      dataSet: undefined,
    });
    expect((await failed('NO_SUCH_INSTANCE', {}, setRq())).command).toMatchObject({ status: 0x0112 });
    expect((await failed('NO_SUCH_INSTANCE', {}, getRq())).command).toMatchObject({ status: 0x0112 });
  });

  test('an update after the final state is 0110H with Error ID A710H (PS3.4 F.7.2.2.2)', async () => {
    expect((await failed('INSTANCE_FINAL', {}, setRq())).command).toEqual({
      status: 0x0110,
      errorComment: 'Performed Procedure Step Object may no longer be updated',
      errorId: 0xa710,
      ...uid,
    });
  });

  test('0105H and 0120H list the attributes', async () => {
    const attributes = ['00400253', '00400241'];
    const list = { attributeIdentifierList: ['00400241', '00400253'] };
    expect((await failed('MISSING_ATTRIBUTE', { attributes })).command).toMatchObject({ status: 0x0120, ...list });
    expect((await failed('NO_SUCH_ATTRIBUTE', { attributes }, setRq())).command).toMatchObject({
      status: 0x0105,
      ...list,
    });
  });

  test('0106H and 0121H hold the attributes as the SCU sent them, empty where it did not', async () => {
    const attributes = ['00400252', '00400253'];
    const expected = dataSetOf({ '00400252': attribute('CS', 'IN PROGRESS'), '00400253': attribute('SH') });
    const invalid = await failed('INVALID_VALUE', { attributes });
    expect(invalid.command).toEqual({ status: 0x0106, errorComment: 'invalid attribute value', ...uid });
    expect(invalid.dataSet).toEqual(expected);
    expect(await failed('MISSING_VALUE', { attributes })).toMatchObject({
      command: { status: 0x0121 },
      dataSet: expected,
    });
  });

  test('they are in the character set of the SCU', async () => {
    const sent = dataSetOf({ '00400254': attribute('LO', 'голова') });
    const request = createRq(encodeDataSet(sent, EXPLICIT, { characterSet: ['ISO_IR 144'] }));
    expect((await failed('INVALID_VALUE', { attributes: ['00400254'] }, request)).dataSet).toEqual(
      dataSetOf({ ...sent, '00080005': attribute('CS', 'ISO_IR 144') }),
    );
  });

  test('what the far end said goes into Error Comment and Error ID', async () => {
    expect((await failed('UPSTREAM_ERROR', { httpStatus: 500, comment: 'HTTP 500 no space' })).command).toEqual({
      status: 0x0110,
      errorComment: 'HTTP 500 no space',
      errorId: 500,
      ...uid,
    });
  });

  test('a fault of the gateway is 0110H, logged by its kind and place, without its text', async () => {
    handler.createMpps = () => Promise.reject(new TypeError('Doe^Jane'));
    expect((await ask(createRq())).command).toMatchObject({ status: 0x0110, errorComment: 'internal error' });
    expect(JSON.stringify(running.logger.lines)).not.toContain('Doe');
    const at = expect.stringContaining('mpps-scp.test.ts') as unknown;
    const failed = running.logger.lines.filter(({ level }) => level === 'error');
    expect(failed).toMatchObject([{ message: 'MPPS failed', fields: { name: 'TypeError', at } }]);
  });
});

describe('warnings (status mapping 4.2)', () => {
  const warned = async (request: Buffer, options: Partial<DimseListenerOptions>): Promise<Message> => {
    await listen(options);
    handler.createMpps = async (uid, _attributes, context) => {
      context.warn({ code: 'ATTRIBUTES_IGNORED', text: '', attributes: ['00400254'] });
      return { uid: uid ?? '' };
    };
    handler.updateMpps = async (uid, _attributes, context) => {
      context.warn({ code: 'VALUES_CHANGED', text: '', attributes: ['00400252'] });
      return { uid };
    };
    handler.retrieveMpps = async (_uid, _selection, context) => {
      context.warn({ code: 'ATTRIBUTES_IGNORED', text: '' });
      return IN_PROGRESS;
    };
    return ask(request);
  };

  test.each([
    ['N-CREATE', createRq()],
    ['N-SET', setRq()],
    ['N-GET', getRq()],
  ])('%s with warnings is 0000H by default', async (_what, request) => {
    expect((await warned(request, {})).command.status).toBe(0);
  });

  test('by option it is 0107H with the list, 0116H with the attributes, 0001H for N-GET', async () => {
    const options = { warningsAsSuccess: false };
    expect((await warned(createRq(), options)).command).toMatchObject({
      status: 0x0107,
      attributeIdentifierList: ['00400254'],
    });
    const { command, dataSet } = await warned(setRq(), options);
    expect(command).toMatchObject({ status: 0x0116 });
    expect(decode(dataSet)).toEqual(dataSetOf({ '00400252': attribute('CS', 'COMPLETED') }));
    const retrieved = await warned(getRq(), options);
    expect(retrieved.command.status).toBe(0x0001);
    expect(decode(retrieved.dataSet)).toEqual(IN_PROGRESS);
  });
});

describe('was the answer delivered (flows 4.1)', () => {
  /** What the context of a create says after `play` with its answer. */
  async function delivered(
    play: (associated: Associated) => Promise<void> | void,
    held = heldCreate(),
  ): Promise<boolean> {
    const associated = await associate();
    associated.peer.send(createRq());
    const { answerDelivered } = await held.context;
    held.go();
    await associated.messages.next();
    await play(associated);
    return answerDelivered;
  }

  test.each<[string, (associated: Associated) => void]>([
    ['a release', ({ peer }) => peer.send(RELEASE_RQ)],
    ['another message', ({ peer }) => peer.send(getRq({ messageId: 2 }))],
    [
      'our own release that the peer agrees to',
      ({ peer }) => {
        void running.listener.close(5_000);
        void peer.receive().then(() => peer.send(encodePdu({ type: PDU_TYPE.releaseRp })));
      },
    ],
  ])('yes after %s', async (_what, play) => {
    expect(await delivered(play)).toBe(true);
  });

  test.each<[string, (associated: Associated) => void]>([
    ['A-ABORT', ({ peer }) => peer.send(ABORT)],
    ['the end of the connection', ({ peer }) => peer.destroy()],
    ['garbage', ({ peer }) => peer.send(Buffer.from('ff0000000000', 'hex'))],
  ])('no after %s', async (_what, play) => {
    expect(await delivered(play)).toBe(false);
  });

  test('no when the peer falls silent', async () => {
    await listen({ idleTimeoutMs: 30 });
    expect(await delivered(() => undefined)).toBe(false);
  });

  test('no when the peer has released before the answer, or is gone', async () => {
    for (const leave of [RELEASE_RQ, ABORT]) {
      const held = heldCreate();
      const { peer } = await associate();
      peer.send(createRq());
      const { answerDelivered } = await held.context;
      peer.send(leave);
      await peer.receive();
      peer.socket.end();
      await peer.closed;
      held.go();
      expect(await answerDelivered).toBe(false);
    }
  });

  test('no when the answer was a failure, and when the SCU was told that time is up', async () => {
    const contexts: MppsContext[] = [];
    handler.createMpps = (_uid, _attributes, context) => {
      contexts.push(context);
      return contexts.length === 1 ? failing('UPSTREAM_ERROR')() : new Promise(() => undefined);
    };
    await listen({ requestTimeoutMs: 40 });
    const { peer, messages } = await associate();
    peer.send(createRq());
    expect(await messages.statuses(1)).toEqual([0x0110]);
    peer.send(createRq(IN_PROGRESS, { messageId: 2 }));
    expect(await messages.statuses(1)).toEqual([0x0110]);
    expect(await Promise.all(contexts.map(({ answerDelivered }) => answerDelivered))).toEqual([false, false]);
  });
});

describe('a write under way (status mapping 2.2)', () => {
  test.each([
    ['loses its SCU', ABORT],
    ['is released too early', RELEASE_RQ],
  ])('goes on when it %s', async (_what, leave) => {
    const held = heldCreate();
    const { peer } = await associate();
    peer.send(createRq(), setRq(COMPLETED, { messageId: 2 }));
    const { signal } = await held.context;
    peer.send(leave);
    await peer.receive();
    peer.socket.end();
    await peer.closed;
    expect(signal.aborted).toBe(false);
    const updated = Promise.withResolvers<void>();
    handler.updateMpps = async (uid) => (updated.resolve(), { uid });
    held.go();
    // What was received whole behind it is done too.
    await updated.promise;
  });

  test('ends before the patience of the SCU, so that there is time to answer (flows 1.3)', async () => {
    const { deadline } = await contextOfCreate();
    const left = deadline - performance.now();
    expect(left).toBeLessThanOrEqual(9_500);
    expect(left).toBeGreaterThan(8_000);
  });

  test('holds the listener open, and is told when that ends for good', async () => {
    const held = heldCreate();
    const { peer } = await associate();
    peer.send(createRq());
    const { signal } = await held.context;
    peer.destroy();
    await peer.closed;
    let isClosed = false;
    const closed = running.listener.close(60_000).then(() => (isClosed = true));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect([isClosed, signal.aborted]).toEqual([false, false]);
    void running.listener.close(0);
    await closed;
    expect(signal.reason).toMatchObject({ code: 'SHUTTING_DOWN' });
  });

  test('lets the listener close when it is through', async () => {
    const held = heldCreate();
    const { peer } = await associate();
    peer.send(createRq());
    const { signal } = await held.context;
    peer.destroy();
    await peer.closed;
    const closed = running.listener.close(60_000);
    held.go();
    await closed;
    expect(signal.aborted).toBe(false);
  });

  async function contextOfCreate(): Promise<MppsContext> {
    const held = heldCreate();
    const { peer, messages } = await associate();
    peer.send(createRq());
    const context = await held.context;
    held.go();
    await messages.next();
    return context;
  }
});
