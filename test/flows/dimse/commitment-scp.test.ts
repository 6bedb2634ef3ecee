/** Storage commitment at our listener, played by scripted peers: N-ACTION of an SCU, N-EVENT-REPORT of an SCP, roles. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { encodeDataSet } from '../../../src/dataset/binary/encode.ts';
import { attribute, createDataSet, dataSetOf } from '../../../src/dataset/model.ts';
import type { Message } from '../../../src/dimse/message.ts';
import type { Reporter } from '../../../src/dimse/reporters.ts';
import type { DimseListenerOptions } from '../../../src/dimse/scp.ts';
import { encodePdu, PDU_TYPE } from '../../../src/dimse/upper-layer/pdu.ts';
import type { AssociateAc, AssociateRq } from '../../../src/dimse/upper-layer/pdu.ts';
import { ServiceFailure } from '../../../src/services/port.ts';
import { actionInformation, eventReport } from '../../../src/services/storage-commitment/messages.ts';
import { sopForm } from '../../../src/services/storage-commitment/modules.ts';
import {
  actionRq,
  COMMITMENT_CONTEXTS,
  eventRq,
  PUSH_MODEL,
  PUSH_MODEL_INSTANCE,
  REFERENCES,
  references,
  RESULT,
  TRANSACTION_UID,
} from '../../support/dimse-commitment.ts';
import { associateRq, decodeRaw, EXPLICIT, message, MessageReader } from '../../support/dimse-bytes.ts';
import { ScriptedHandler, startListener } from '../../support/dimse-listener.ts';
import type { RunningListener } from '../../support/dimse-listener.ts';
import { RawPeer } from '../../support/raw-peer.ts';

const ARCHIVE: Reporter = { aeTitle: 'MODALITY', host: '127.0.0.1', reports: ['storageCommitment'] };

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
  peer.send(encodePdu(associateRq({ contexts: COMMITMENT_CONTEXTS, ...request })));
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

/** Context result and roles that the requestor gets for what it proposes. */
async function negotiated(...proposed: { scu: boolean; scp: boolean }[]): Promise<unknown[]> {
  const roles = proposed.map((role) => ({ sopClassUid: PUSH_MODEL, ...role }));
  const { answer } = await associate({ userInformation: { maximumLength: 0, roles, extended: [] } });
  return [answer.contexts[0]?.result, ...answer.userInformation.roles];
}

describe('negotiation (PS3.4 J.3.1, PS3.7 D.3.3.4)', () => {
  const scu = { scu: true, scp: false };
  const scp = { scu: false, scp: true };
  const both = { scu: true, scp: true };

  test('a requester with a route is SCU: as SCP alone it is refused, since it could do nothing', async () => {
    expect(await negotiated()).toEqual([0]);
    expect(await negotiated(scu)).toEqual([0, { sopClassUid: PUSH_MODEL, ...scu }]);
    expect(await negotiated(both)).toEqual([0, { sopClassUid: PUSH_MODEL, ...scu }]);
    expect(await negotiated(scp)).toEqual([1]);
  });

  test('a reporter without a route is SCP; without a proposal of roles its context is accepted all the same', async () => {
    handler.commitmentRoute = undefined;
    await listen({ reporters: [ARCHIVE] });
    expect(await negotiated()).toEqual([0]);
    expect(await negotiated(scp)).toEqual([0, { sopClassUid: PUSH_MODEL, ...scp }]);
    expect(await negotiated(both)).toEqual([0, { sopClassUid: PUSH_MODEL, ...scp }]);
    expect(await negotiated(scu)).toEqual([1]);
  });

  test('a reporter with a route is both; one that is neither has result 3', async () => {
    await listen({ reporters: [ARCHIVE] });
    expect(await negotiated(both)).toEqual([0, { sopClassUid: PUSH_MODEL, ...both }]);
    handler.commitmentRoute = undefined;
    await listen({});
    expect(await negotiated(both)).toEqual([3]);
  });
});

describe('N-ACTION (PS3.4 J.3.2)', () => {
  test('the Referenced SOP Sequence arrives whole, 0000H names class, instance and action type', async () => {
    const { command, dataSet } = await ask(actionRq());
    expect(handler.commitments).toMatchObject([{ transactionUid: TRANSACTION_UID, module: sopForm(REFERENCES) }]);
    expect(handler.commitments[0]?.context).toMatchObject({
      requester: { listener: 'ward', protocol: 'dimse', callingAeTitle: 'MODALITY', calledAeTitle: 'DIMSEWAY' },
      reporter: { isOpen: true },
    });
    expect(command).toEqual({
      commandField: 0x8130,
      messageIdBeingRespondedTo: 1,
      status: 0,
      affectedSopClassUid: PUSH_MODEL,
      affectedSopInstanceUid: PUSH_MODEL_INSTANCE,
      actionTypeId: 1,
    });
    expect(dataSet).toBeUndefined();
  });

  test('the deadline of the gateway leaves time for the answer', async () => {
    await listen({ requestTimeoutMs: 1_000 });
    const begin = performance.now();
    await ask(actionRq());
    const deadline = (handler.commitments[0]?.context.deadline ?? 0) - begin;
    expect(deadline).toBeGreaterThan(800);
    expect(deadline).toBeLessThan(1_000);
  });

  const information = actionInformation(TRANSACTION_UID, REFERENCES);

  test.each<[string, Buffer, number]>([
    ['another instance', actionRq(information, { requestedSopInstanceUid: '1.2.3' }), 0x0112],
    ['another action type', actionRq(information, { actionTypeId: 2 }), 0x0123],
    ['another class than that of the context', actionRq(information, { requestedSopClassUid: '1.2.3' }), 0x0118],
    ['no Transaction UID', actionRq(sopForm(REFERENCES)), 0x0115],
    ['no Referenced SOP Sequence', actionRq(dataSetOf({ '00081195': attribute('UI', TRANSACTION_UID) })), 0x0115],
    ['an empty Referenced SOP Sequence', actionRq(actionInformation(TRANSACTION_UID, [])), 0x0115],
    ['an instance twice', actionRq(actionInformation(TRANSACTION_UID, [...REFERENCES, ...REFERENCES])), 0x0115],
    ['an empty data set', actionRq(createDataSet()), 0x0115],
    ['a data set cut short', actionRq(encodeDataSet(information, EXPLICIT).subarray(0, -2)), 0x0110],
    ['no data set', message(1, { commandField: 0x0130, requestedSopInstanceUid: PUSH_MODEL_INSTANCE, actionTypeId: 1, messageId: 1 }), 0x0115],
  ])('%s never reaches the gateway (PS3.7 10.1.4.1.10)', async (_what, request, status) => {
    expect((await ask(request)).command.status).toBe(status);
    expect(handler.commitments).toEqual([]);
  }); // prettier-ignore

  test('what the listener refuses by itself leaves its line in the log, what the gateway refuses is its own', async () => {
    const refused: unknown[] = [];
    handler.refused = (operation, _context, _startedMs, { code }) => void refused.push([operation, code]);
    await ask(actionRq(createDataSet()));
    handler.requestCommitment = () => Promise.reject(new ServiceFailure('OUT_OF_RESOURCES'));
    await ask(actionRq());
    expect(refused).toEqual([['request', 'MISSING_ATTRIBUTE']]);
  });

  test.each<[ServiceFailure['code'], object]>([
    ['DUPLICATE_INSTANCE', { status: 0x0110, errorComment: 'Transaction UID in use', errorId: 0x0131 }],
    ['OUT_OF_RESOURCES', { status: 0x0213, errorComment: 'out of resources: try again later' }],
    ['NOT_SUPPORTED', { status: 0x0118, errorComment: 'storage commitment not supported' }],
    ['NOT_AUTHORIZED', { status: 0x0124, errorComment: 'not authorized' }],
  ])('%s of the gateway is told as %j', async (code, expected) => {
    handler.requestCommitment = () => Promise.reject(new ServiceFailure(code));
    expect((await ask(actionRq())).command).toMatchObject(expected);
  });

  test('a handler that throws is 0110H, the next request is served (trap 11)', async () => {
    handler.requestCommitment = () => {
      throw new TypeError('broken');
    };
    const { peer, messages } = await associate();
    peer.send(actionRq());
    expect(await messages.statuses(1)).toEqual([0x0110]);
    handler.requestCommitment = async () => ({ state: 'pending', retryAfterMs: 1 });
    peer.send(actionRq());
    expect(await messages.statuses(1)).toEqual([0]);
  });

  test('0110H when the gateway does not answer within the patience of the SCU; the request goes on', async () => {
    await listen({ requestTimeoutMs: 40 });
    const signal = Promise.withResolvers<AbortSignal>();
    const go = Promise.withResolvers<void>();
    handler.requestCommitment = async (_uid, _module, context) => {
      signal.resolve(context.signal);
      await go.promise;
      return { state: 'pending', retryAfterMs: 1_000 };
    };
    expect((await ask(actionRq())).command).toMatchObject({ status: 0x0110, errorComment: 'no answer in 0.04 s' });
    expect((await signal.promise).aborted).toBe(false);
    go.resolve();
  });

  test('a request goes on when its SCU is gone, and a listener that closes waits for it', async () => {
    const asked = Promise.withResolvers<AbortSignal>();
    const go = Promise.withResolvers<void>();
    handler.requestCommitment = async (_uid, _module, { signal }) => {
      asked.resolve(signal);
      await go.promise;
      return { state: 'pending', retryAfterMs: 1_000 };
    };
    const { peer } = await associate();
    peer.send(actionRq());
    const signal = await asked.promise;
    peer.destroy();
    let isClosed = false;
    const closed = running.listener.close(5_000).then(() => (isClosed = true));
    await peer.closed;
    await new Promise(setImmediate);
    expect([signal.aborted, isClosed]).toEqual([false, false]);
    go.resolve();
    await closed;
  });

  test('10,000 instances fit the default size; a listener that takes less says so by 0213H and serves on', async () => {
    const many = references(10_000);
    const request = actionRq(actionInformation(TRANSACTION_UID, many));
    expect(request.length).toBeGreaterThan(900_000);
    await listen({ maximumMessageBytes: 200_000 });
    const { peer, messages } = await associate();
    peer.send(request, actionRq(undefined, { messageId: 2 }));
    expect((await messages.next()).command).toMatchObject({
      status: 0x0213,
      errorComment: 'data set of more than 200000 bytes',
      messageIdBeingRespondedTo: 1,
    });
    expect(await messages.statuses(1)).toEqual([0]);
    expect(handler.commitments.map(({ module }) => module)).toEqual([sopForm(REFERENCES)]);
    await listen({ maximumMessageBytes: 16 << 20 });
    expect((await ask(request)).command.status).toBe(0);
    expect(handler.commitments[1]?.module).toEqual(sopForm(many));
  });
});

describe('N-EVENT-REPORT received (PS3.4 J.3.3)', () => {
  beforeEach(() => listen({ reporters: [ARCHIVE] }));

  test('what it says arrives unchanged, 0000H names class, instance and event type', async () => {
    const { command } = await ask(eventRq());
    expect(handler.reports).toMatchObject([
      {
        event: { transactionUid: TRANSACTION_UID, ...RESULT },
        context: { requester: { callingAeTitle: 'MODALITY', calledAeTitle: 'DIMSEWAY' } },
      },
    ]);
    expect(command).toEqual({
      commandField: 0x8100,
      messageIdBeingRespondedTo: 1,
      status: 0,
      affectedSopClassUid: PUSH_MODEL,
      affectedSopInstanceUid: PUSH_MODEL_INSTANCE,
      eventTypeId: 2,
    });
  });

  test('0000H is not said before the report is on the disk', async () => {
    const stored = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    handler.reportCommitment = () => {
      asked.resolve();
      return stored.promise;
    };
    const { peer, messages } = await associate();
    peer.send(eventRq());
    await asked.promise;
    let answered = false;
    const response = messages.next().then((received) => {
      answered = true;
      return received;
    });
    for (let i = 0; i < 20; i++) await new Promise(setImmediate);
    expect(answered).toBe(false);
    stored.resolve();
    expect((await response).command.status).toBe(0);
  });

  const { attributes } = eventReport(TRANSACTION_UID, RESULT);

  test.each<[string, Buffer, number]>([
    ['another instance', eventRq(attributes, { affectedSopInstanceUid: '1.2.3' }), 0x0112],
    ['event type 3', eventRq(attributes, { eventTypeId: 3 }), 0x0113],
    ['another class than that of the context', eventRq(attributes, { affectedSopClassUid: '1.2.3' }), 0x0118],
    ['no Transaction UID', eventRq(createDataSet()), 0x0115],
    ['a data set cut short', eventRq(encodeDataSet(attributes, EXPLICIT).subarray(0, -2)), 0x0110],
  ])('%s never reaches the gateway (PS3.7 10.1.1.1.8)', async (_what, request, status) => {
    expect((await ask(request)).command.status).toBe(status);
    expect(handler.reports).toEqual([]);
  });

  test.each([
    ['INVALID_VALUE', 0x0115],
    ['OUT_OF_RESOURCES', 0x0213],
    ['INTERNAL_ERROR', 0x0110],
  ] as const)('%s of the gateway is %i', async (code, status) => {
    handler.reportCommitment = () => Promise.reject(new ServiceFailure(code));
    expect((await ask(eventRq())).command.status).toBe(status);
  });

  test('of one who is no reporter the gateway decides', async () => {
    await listen({});
    handler.reportCommitment = () => Promise.reject(new ServiceFailure('INVALID_VALUE', { comment: 'not asked' }));
    expect((await ask(eventRq())).command).toMatchObject({ status: 0x0115, errorComment: 'not asked' });
  });

  test('of one who uses the AE title of an SCP from another host it is 0115H: nothing is committed by it', async () => {
    await listen({ reporters: [{ ...ARCHIVE, host: '192.0.2.7' }] });
    expect((await ask(eventRq())).command).toMatchObject({
      status: 0x0115,
      errorComment: 'report from another host than that of its SCP',
    });
    expect(handler.reports).toEqual([]);
    expect(handler.refusals).toMatchObject([{ code: 'INVALID_VALUE' }]);
  });

  test('a report that is larger than allowed is 0213H', async () => {
    await listen({ reporters: [ARCHIVE], maximumMessageBytes: 20_000 });
    const result = { committed: references(1_000), failed: [] };
    expect((await ask(eventRq(eventReport(TRANSACTION_UID, result).attributes))).command.status).toBe(0x0213);
    expect(handler.reports).toEqual([]);
  });
});
