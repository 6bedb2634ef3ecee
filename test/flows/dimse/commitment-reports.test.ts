/** Our N-EVENT-REPORT on the association of the N-ACTION, played by a scripted SCU (PS3.4 J.3.3, PS3.7 10.1.1). */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { decodeDataSet } from '../../../src/dataset/binary/decode.ts';
import type { CommandSet } from '../../../src/dimse/command-set.ts';
import type { DimseListenerOptions } from '../../../src/dimse/scp.ts';
import { SOP_CLASSES } from '../../../src/dimse/uids.ts';
import { encodePdu, PDU_TYPE } from '../../../src/dimse/upper-layer/pdu.ts';
import { ServiceFailure } from '../../../src/services/port.ts';
import type { CommitmentReporter } from '../../../src/services/port.ts';
import type { CommitmentResult } from '../../../src/services/storage-commitment/commitment.ts';
import { eventReport } from '../../../src/services/storage-commitment/messages.ts';
import {
  ABORT,
  associateRq,
  decodeRaw,
  echoRq,
  EXPLICIT,
  IMPLICIT,
  MessageReader,
  RELEASE_RP,
  RELEASE_RQ,
} from '../../support/dimse-bytes.ts';
import {
  actionRq,
  COMMITMENT_CONTEXTS,
  EVENT_INFORMATION,
  eventRsp,
  PUSH_MODEL,
  PUSH_MODEL_INSTANCE,
  references,
  RESULT,
  TRANSACTION_UID,
} from '../../support/dimse-commitment.ts';
import { ScriptedHandler, startListener } from '../../support/dimse-listener.ts';
import type { RunningListener } from '../../support/dimse-listener.ts';
import { RawPeer } from '../../support/raw-peer.ts';

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

interface Scu {
  readonly peer: RawPeer;
  readonly messages: MessageReader;
}

/** Contexts: 1 Storage Commitment, 3 Verification. */
async function associate(): Promise<Scu> {
  const peer = await RawPeer.connect(running.port);
  peers.push(peer);
  const verification = { id: 3, abstractSyntax: SOP_CLASSES.verification, transferSyntaxes: [IMPLICIT] };
  peer.send(encodePdu(associateRq({ contexts: [...COMMITMENT_CONTEXTS, verification] })));
  if (decodeRaw(await peer.receive()).type !== PDU_TYPE.associateAc) throw new Error('no association');
  return { peer, messages: new MessageReader(peer) };
}

/** Asks, reads 0000H and gives what the gateway reports by. */
async function request({ peer, messages }: Scu, messageId = 1): Promise<CommitmentReporter> {
  peer.send(actionRq(undefined, { messageId }));
  expect((await messages.next()).command).toMatchObject({ commandField: 0x8130, status: 0 });
  return reporterOf(handler.commitments.at(-1)?.context);
}

function reporterOf(context: { readonly reporter?: CommitmentReporter } | undefined): CommitmentReporter {
  if (context?.reporter === undefined) throw new Error('no reporter');
  return context.reporter;
}

/** What a report came to: `done`, or code and retry class of its failure. */
function report(reporter: CommitmentReporter, result: CommitmentResult = RESULT): Promise<string> {
  return reporter.report(TRANSACTION_UID, result).then(
    () => 'done',
    (error: unknown) => {
      if (!(error instanceof ServiceFailure)) throw error;
      return `${error.code} ${error.retry}`;
    },
  );
}

/** The next message is a report of ours. */
async function nextReport({ messages }: Scu): Promise<CommandSet> {
  const { command } = await messages.next();
  expect(command.commandField).toBe(0x0100);
  return command;
}

async function types({ peer }: Scu): Promise<number | undefined> {
  return (await peer.receive())?.type;
}

describe('a report on the association of its request', () => {
  test('has class, instance, event type and both lists, and is done by 0000H', async () => {
    const scu = await associate();
    const outcome = report(await request(scu));
    const { command, dataSet, contextId } = await scu.messages.next();
    expect(contextId).toBe(1);
    expect(command).toEqual({
      commandField: 0x0100,
      messageId: 1,
      affectedSopClassUid: PUSH_MODEL,
      affectedSopInstanceUid: PUSH_MODEL_INSTANCE,
      eventTypeId: 2,
    });
    expect(decodeDataSet(dataSet ?? Buffer.alloc(0), EXPLICIT)).toEqual(EVENT_INFORMATION);
    scu.peer.send(eventRsp(1));
    expect(await outcome).toBe('done');
  });

  test('of 10,000 instances arrives whole', async () => {
    await listen({ maximumMessageBytes: 16 << 20 });
    const scu = await associate();
    const result = { committed: references(10_000), failed: [] };
    const outcome = report(await request(scu), result);
    const { command, dataSet } = await scu.messages.next();
    expect(command.eventTypeId).toBe(1);
    expect(decodeDataSet(dataSet ?? Buffer.alloc(0), EXPLICIT)).toEqual(
      eventReport(TRANSACTION_UID, result).attributes,
    );
    scu.peer.send(eventRsp(1));
    expect(await outcome).toBe('done');
  });

  test.each([
    [0x0000, 'done'],
    [0x0107, 'done'],
    [0xb000, 'done'],
    [0x0110, 'UPSTREAM_ERROR permanent'],
    [0x0115, 'INVALID_VALUE permanent'],
    [0x0213, 'OUT_OF_RESOURCES safe'],
  ])('answered %i it is %s (status mapping 7.3)', async (status, expected) => {
    const scu = await associate();
    const outcome = report(await request(scu));
    await nextReport(scu);
    scu.peer.send(eventRsp(1, status));
    expect(await outcome).toBe(expected);
  });

  test('a result that is known before the request is answered comes after N-ACTION-RSP', async () => {
    let outcome: Promise<string> | undefined;
    handler.requestCommitment = async (_uid, _module, context) => {
      outcome = report(reporterOf(context));
      for (let i = 0; i < 20; i++) await new Promise(setImmediate);
      return { state: 'pending', retryAfterMs: 1_000 };
    };
    const scu = await associate();
    scu.peer.send(actionRq());
    expect((await scu.messages.next()).command.commandField).toBe(0x8130);
    await nextReport(scu);
    scu.peer.send(eventRsp(1));
    expect(await outcome).toBe('done');
  });

  test('an SCU whose request was refused gets none', async () => {
    let reporter: CommitmentReporter | undefined;
    handler.requestCommitment = (_uid, _module, context) => {
      reporter = context.reporter;
      return Promise.reject(new ServiceFailure('OUT_OF_RESOURCES'));
    };
    const scu = await associate();
    scu.peer.send(actionRq());
    expect(await scu.messages.statuses(1)).toEqual([0x0213]);
    expect(reporter?.isOpen).toBe(false);
    expect(await report(reporterOf({ ...(reporter && { reporter }) }))).toBe('CONNECTION_LOST safe');
  });

  test('several are sent one after another (PS3.7 D.3.3.3), under Message IDs of our own', async () => {
    const scu = await associate();
    const first = await request(scu, 7);
    const second = await request(scu, 1);
    const outcomes = [report(first), report(second), report(first)];
    expect((await nextReport(scu)).messageId).toBe(1);
    scu.peer.send(echoRq(1, 3));
    expect((await scu.messages.next()).command.commandField).toBe(0x8030);
    scu.peer.send(eventRsp(1));
    expect((await nextReport(scu)).messageId).toBe(2);
    scu.peer.send(eventRsp(2, 0x0110));
    expect((await nextReport(scu)).messageId).toBe(3);
    scu.peer.send(eventRsp(3));
    expect(await Promise.all(outcomes)).toEqual(['done', 'UPSTREAM_ERROR permanent', 'done']);
  });
});

describe('an SCU with requests of its own', () => {
  test('that sends the next request before it answers the report has both served', async () => {
    const scu = await associate();
    const outcome = report(await request(scu));
    await nextReport(scu);
    scu.peer.send(actionRq(undefined, { messageId: 1 }));
    expect((await scu.messages.next()).command).toMatchObject({ commandField: 0x8130, messageIdBeingRespondedTo: 1 });
    scu.peer.send(eventRsp(1));
    expect(await outcome).toBe('done');
    expect(handler.commitments).toHaveLength(2);
  });

  test('that waits for an answer gets the report after it', async () => {
    const scu = await associate();
    const reporter = await request(scu);
    const go = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    handler.requestCommitment = async () => {
      asked.resolve();
      await go.promise;
      return { state: 'pending', retryAfterMs: 1_000 };
    };
    scu.peer.send(actionRq(undefined, { messageId: 2 }));
    await asked.promise;
    const outcome = report(reporter);
    go.resolve();
    expect((await scu.messages.next()).command).toMatchObject({ commandField: 0x8130, messageIdBeingRespondedTo: 2 });
    await nextReport(scu);
    scu.peer.send(eventRsp(1));
    expect(await outcome).toBe('done');
  });

  test('a report that finds no gap between its requests in time can be sent elsewhere', async () => {
    await listen({ requestTimeoutMs: 60 });
    const scu = await associate();
    const reporter = await request(scu);
    const asked = Promise.withResolvers<void>();
    handler.requestCommitment = () => {
      asked.resolve();
      return new Promise(() => undefined);
    };
    for (const messageId of [2, 3]) scu.peer.send(actionRq(undefined, { messageId }));
    await asked.promise;
    expect(await report(reporter)).toBe('UPSTREAM_TIMEOUT safe');
    expect(await scu.messages.statuses(2)).toEqual([0x0110, 0x0110]);
  });
});

describe('an SCU that does not answer', () => {
  test.each([
    ['releases', RELEASE_RQ],
    ['aborts', ABORT],
  ])('but %s leaves it open whether it has taken the report', async (_what, bytes) => {
    const scu = await associate();
    const reporter = await request(scu);
    const outcomes = [report(reporter), report(reporter)];
    await nextReport(scu);
    scu.peer.send(bytes);
    expect(await Promise.all(outcomes)).toEqual(['CONNECTION_LOST ambiguous', 'CONNECTION_LOST safe']);
    expect(reporter.isOpen).toBe(false);
    if (bytes === RELEASE_RQ) expect(await types(scu)).toBe(PDU_TYPE.releaseRp);
  });

  test('in time gets no further report here, its requests are served, and its late answer does no harm', async () => {
    await listen({ requestTimeoutMs: 40 });
    const scu = await associate();
    const reporter = await request(scu);
    const outcomes = [report(reporter), report(reporter)];
    await nextReport(scu);
    expect((await Promise.all(outcomes))[0]).toBe('UPSTREAM_TIMEOUT ambiguous');
    expect(await outcomes[1]).toMatch(/ safe$/);
    expect(reporter.isOpen).toBe(false);
    scu.peer.send(eventRsp(1), echoRq(2, 3));
    expect(await scu.messages.statuses(1)).toEqual([0]);
    scu.peer.send(eventRsp(1));
    expect(await types(scu)).toBe(PDU_TYPE.abort);
  });

  test('and says nothing at all is aborted when it has been idle, as without a report', async () => {
    await listen({ idleTimeoutMs: 60 });
    const scu = await associate();
    const outcome = report(await request(scu));
    await nextReport(scu);
    expect(await types(scu)).toBe(PDU_TYPE.abort);
    expect(await outcome).toBe('CONNECTION_LOST ambiguous');
  });
});

describe('an association that is gone before the result is known', () => {
  test.each<[string, (scu: Scu) => void, Partial<DimseListenerOptions>]>([
    ['released by the SCU', ({ peer }) => peer.send(RELEASE_RQ), {}],
    ['aborted by the SCU', ({ peer }) => peer.send(ABORT), {}],
    ['lost', ({ peer }) => peer.destroy(), {}],
    ['aborted by us, for it was idle', () => undefined, { idleTimeoutMs: 40 }],
  ])('%s: nothing was sent, the report can go elsewhere', async (_what, leave, options) => {
    await listen(options);
    const scu = await associate();
    const reporter = await request(scu);
    expect(reporter.isOpen).toBe(true);
    leave(scu);
    while (reporter.isOpen) await new Promise(setImmediate);
    expect(await report(reporter)).toBe('CONNECTION_LOST safe');
  });
});

describe('responses that belong to no report (PS3.7 9.3, 10.3)', () => {
  test.each<[string, Buffer]>([
    ['another Message ID', eventRsp(2)],
    ['the Message ID of a request of the SCU', eventRsp(9)],
    ['another Command Field', eventRsp(1, 0, { commandField: 0x8030 })],
    ['no Message ID', eventRspWithout('messageIdBeingRespondedTo')],
    ['no status', eventRspWithout('status')],
  ])('%s ends in A-ABORT, and the report is in doubt', async (_what, response) => {
    const scu = await associate();
    const outcome = report(await request(scu, 9));
    await nextReport(scu);
    scu.peer.send(response);
    expect(await types(scu)).toBe(PDU_TYPE.abort);
    expect(await outcome).toBe('CONNECTION_LOST ambiguous');
  });

  test('a second response to one report ends in A-ABORT, the report stays done', async () => {
    const scu = await associate();
    const outcome = report(await request(scu));
    await nextReport(scu);
    scu.peer.send(eventRsp(1), eventRsp(1));
    expect(await outcome).toBe('done');
    expect(await types(scu)).toBe(PDU_TYPE.abort);
  });

  test('a response without any report does too', async () => {
    const scu = await associate();
    const reporter = await request(scu);
    scu.peer.send(eventRsp(1));
    expect(await types(scu)).toBe(PDU_TYPE.abort);
    expect(await report(reporter)).toBe('CONNECTION_LOST safe');
  });
});

function eventRspWithout(field: 'messageIdBeingRespondedTo' | 'status'): Buffer {
  return eventRsp(1, 0, { [field]: undefined });
}

describe('a listener that closes', () => {
  test('waits for the answer to the report that was sent, sends no further one, and releases', async () => {
    const scu = await associate();
    const reporter = await request(scu);
    const outcomes = [report(reporter), report(reporter)];
    await nextReport(scu);
    const closed = running.listener.close(5_000);
    expect(await outcomes[1]).toBe('CONNECTION_LOST safe');
    scu.peer.send(eventRsp(1));
    expect(await outcomes[0]).toBe('done');
    expect(await types(scu)).toBe(PDU_TYPE.releaseRq);
    scu.peer.send(RELEASE_RP);
    await closed;
  });

  test('does not wait for a report that is still to come', async () => {
    const scu = await associate();
    const reporter = await request(scu);
    const closed = running.listener.close(5_000);
    expect(reporter.isOpen).toBe(false);
    expect(await report(reporter)).toBe('CONNECTION_LOST safe');
    expect(await types(scu)).toBe(PDU_TYPE.releaseRq);
    scu.peer.send(RELEASE_RP);
    await closed;
  });

  test('aborts at its deadline when the report is not answered', async () => {
    const scu = await associate();
    const outcome = report(await request(scu));
    await nextReport(scu);
    await running.listener.close(30);
    expect(await outcome).toBe('CONNECTION_LOST ambiguous');
    expect(await types(scu)).toBe(PDU_TYPE.abort);
  });

  test('releases when the SCU does not answer the report in time', async () => {
    await listen({ requestTimeoutMs: 40 });
    const scu = await associate();
    const outcome = report(await request(scu));
    await nextReport(scu);
    const closed = running.listener.close(5_000);
    expect(await outcome).toBe('UPSTREAM_TIMEOUT ambiguous');
    expect(await types(scu)).toBe(PDU_TYPE.releaseRq);
    scu.peer.send(RELEASE_RP);
    await closed;
  });
});
