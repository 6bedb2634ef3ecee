/** Reports on the association of a request (PS3.4 J.3.3): before the answer, with it, after it, and at its very end. */
import { describe, expect, test } from '@jest/globals';
import type { CommandSet } from '../../../src/dimse/command-set.ts';
import type { Message } from '../../../src/dimse/message.ts';
import { PDU_TYPE } from '../../../src/dimse/upper-layer/pdu.ts';
import type { DimseUpstream, DimseUpstreamOptions } from '../../../src/dimse/upstream.ts';
import { ServiceFailure } from '../../../src/services/port.ts';
import type { ToldEvent } from '../../../src/services/storage-commitment/commitment.ts';
import { ABORT, decodeRaw, echoRq, message, RELEASE_RP, RELEASE_RQ } from '../../support/dimse-bytes.ts';
import type { MessageReader } from '../../support/dimse-bytes.ts';
import { createCommitmentContext, OTHER_TRANSACTION_UID, reportRq } from '../../support/commitment-context.ts';
import type { TestCommitmentContext } from '../../support/commitment-context.ts';
import {
  PUSH_MODEL,
  PUSH_MODEL_INSTANCE,
  references,
  REFERENCES,
  RESULT,
  TRANSACTION_UID,
} from '../../support/dimse-commitment.ts';
import type { RawPeer } from '../../support/raw-peer.ts';
import { acceptAssociation, agreeToRelease, response, scriptedScps } from '../../support/scripted-scp.ts';
import type { AcceptOptions, Play } from '../../support/scripted-scp.ts';

/** Longer than any test: what ends before was ended by something else. */
const LONG = 60_000;
const EVENT: ToldEvent = { transactionUid: TRANSACTION_UID, ...RESULT };

const serveScripted = scriptedScps();

interface Scp {
  readonly peer: RawPeer;
  readonly messages: MessageReader;
  /** The N-ACTION-RQ. */
  readonly request: Message;
}

interface Bed {
  readonly upstream: DimseUpstream;
  /** What the script of the SCP has come to; an error of the script fails the test. */
  readonly scp: Promise<void>;
}

/** Accepts one association, reads the N-ACTION and plays. */
async function serve(
  play: (scp: Scp) => Promise<void> | void,
  options: Partial<DimseUpstreamOptions> = {},
  accept: AcceptOptions = {},
): Promise<Bed> {
  const scp = Promise.withResolvers<void>();
  const script: Play = async (peer) => {
    try {
      const { messages } = await acceptAssociation(peer, accept);
      await play({ peer, messages, request: await messages.next() });
      scp.resolve();
    } catch (error) {
      scp.reject(error);
    }
  };
  const { upstream } = await serveScripted(script, { responseTimeoutMs: LONG, ...options });
  return { upstream, scp: scp.promise };
}

function ask(upstream: DimseUpstream, context: TestCommitmentContext): Promise<unknown> {
  return upstream.requestCommitment(TRANSACTION_UID, REFERENCES, context);
}

async function nextType(peer: RawPeer): Promise<number> {
  return decodeRaw(await peer.receive()).type;
}

const TAKEN: CommandSet = {
  commandField: 0x8100,
  messageIdBeingRespondedTo: 7,
  affectedSopClassUid: PUSH_MODEL,
  affectedSopInstanceUid: PUSH_MODEL_INSTANCE,
  eventTypeId: 2,
  status: 0,
};

describe('the report of the request', () => {
  test('behind the answer is taken, answered 0000H, and ends the hold', async () => {
    const { upstream, scp } = await serve(async ({ peer, messages, request }) => {
      peer.send(response(request));
      peer.send(reportRq());
      expect((await messages.next()).command).toEqual(TAKEN);
      await agreeToRelease(peer);
    });
    const context = createCommitmentContext({ holdMs: LONG });
    expect(await ask(upstream, context)).toEqual({ state: 'pending' });
    await scp;
    expect(context.events).toEqual([EVENT]);
  });

  test.each([0, LONG])('in the TCP segment of the answer is taken too, with a hold of %i ms', async (holdMs) => {
    const { upstream, scp } = await serve(async ({ peer, messages, request }) => {
      peer.send(response(request), reportRq());
      expect((await messages.next()).command).toEqual(TAKEN);
      await agreeToRelease(peer);
    });
    const context = createCommitmentContext({ holdMs });
    expect(await ask(upstream, context)).toEqual({ state: 'pending' });
    await scp;
    expect(context.events).toEqual([EVENT]);
  });

  test.each(['before the answer', 'after it'])('elsewhere, %s, ends the hold', async (when) => {
    const told = Promise.withResolvers<void>();
    const { upstream, scp } = await serve(async ({ peer, request }) => {
      peer.send(response(request));
      if (when === 'after it') void asked.then(() => told.resolve());
      await agreeToRelease(peer);
    });
    const onResult = (listener: () => void): (() => void) => {
      if (when === 'before the answer') listener();
      else void told.promise.then(listener);
      return () => undefined;
    };
    const asked = ask(upstream, createCommitmentContext({ holdMs: LONG, onResult }));
    expect(await asked).toEqual({ state: 'pending' });
    await scp;
  });

  test('before the answer is taken and answered; nothing is held after it', async () => {
    const { upstream, scp } = await serve(async ({ peer, messages, request }) => {
      peer.send(reportRq());
      expect((await messages.next()).command).toEqual(TAKEN);
      peer.send(response(request));
      await agreeToRelease(peer);
    });
    const context = createCommitmentContext({ holdMs: LONG });
    expect(await ask(upstream, context)).toEqual({ state: 'pending' });
    await scp;
    expect(context.events).toEqual([EVENT]);
  });

  test('before an answer that refuses the request is taken all the same, and the request has failed', async () => {
    const { upstream, scp } = await serve(async ({ peer, messages, request }) => {
      peer.send(reportRq(), response(request, { status: 0x0110, errorId: 0x0131 }));
      expect((await messages.next()).command).toEqual(TAKEN);
      await agreeToRelease(peer);
    });
    const context = createCommitmentContext({ holdMs: LONG });
    await expect(ask(upstream, context)).rejects.toMatchObject({ code: 'DUPLICATE_INSTANCE' });
    await scp;
    expect(context.events).toEqual([EVENT]);
  });

  test('is answered only once it is kept', async () => {
    const order: string[] = [];
    const kept = Promise.withResolvers<void>();
    const { upstream, scp } = await serve(async ({ peer, messages, request }) => {
      peer.send(reportRq(), response(request));
      expect((await messages.next()).command).toEqual(TAKEN);
      order.push('told');
      await agreeToRelease(peer);
    });
    const context = createCommitmentContext({ holdMs: LONG, reported: () => kept.promise });
    await ask(upstream, context);
    order.push('kept');
    kept.resolve();
    await scp;
    expect(order).toEqual(['kept', 'told']);
  });

  test('of 10,000 instances is taken whole', async () => {
    const committed = references(10_000);
    const { upstream, scp } = await serve(
      async ({ peer, messages, request }) => {
        peer.send(response(request), reportRq(TRANSACTION_UID, {}, { committed, failed: [] }));
        expect((await messages.next()).command).toEqual({ ...TAKEN, eventTypeId: 1 });
        await agreeToRelease(peer);
      },
      { maximumMessageBytes: 4 << 20 },
    );
    const context = createCommitmentContext({ holdMs: LONG });
    await ask(upstream, context);
    await scp;
    expect(context.events).toEqual([{ transactionUid: TRANSACTION_UID, committed, failed: [] }]);
  });
});

describe('the report of another request', () => {
  test('comes on this association too: it is taken, and does not end the hold', async () => {
    const { upstream, scp } = await serve(async ({ peer, messages, request }) => {
      peer.send(response(request), reportRq(OTHER_TRANSACTION_UID));
      expect((await messages.next()).command).toEqual(TAKEN);
      peer.send(reportRq(TRANSACTION_UID, { messageId: 8 }));
      expect((await messages.next()).command).toEqual({ ...TAKEN, messageIdBeingRespondedTo: 8 });
      await agreeToRelease(peer);
    });
    const context = createCommitmentContext({ holdMs: LONG });
    await ask(upstream, context);
    await scp;
    expect(context.events).toEqual([{ transactionUid: OTHER_TRANSACTION_UID, ...RESULT }, EVENT]);
  });

  test('comes right behind A-ASSOCIATE-AC, before anything was asked', async () => {
    const { upstream, scp } = await serve(
      async ({ peer, messages, request }) => {
        // The N-ACTION came first, or the answer to the report: they crossed.
        const [first, second] = [request, await messages.next()];
        const isAction = first.command.commandField === 0x0130;
        expect((isAction ? second : first).command).toEqual(TAKEN);
        peer.send(response(isAction ? first : second));
        await agreeToRelease(peer);
      },
      {},
      { behind: reportRq(OTHER_TRANSACTION_UID) },
    );
    const context = createCommitmentContext();
    expect(await ask(upstream, context)).toEqual({ state: 'pending' });
    await scp;
    expect(context.events).toEqual([{ transactionUid: OTHER_TRANSACTION_UID, ...RESULT }]);
  });

  test('that nobody asked for is refused 0115H, and the hold goes on', async () => {
    const { upstream, scp } = await serve(async ({ peer, messages, request }) => {
      peer.send(response(request), reportRq(OTHER_TRANSACTION_UID));
      expect((await messages.next()).command).toEqual({ ...TAKEN, status: 0x0115, errorComment: 'not asked for' });
      peer.send(reportRq());
      expect((await messages.next()).command).toEqual(TAKEN);
      await agreeToRelease(peer);
    });
    const context = createCommitmentContext({
      holdMs: LONG,
      reported: async ({ transactionUid }) => {
        if (transactionUid === TRANSACTION_UID) return;
        throw new ServiceFailure('INVALID_VALUE', { comment: 'not asked for' });
      },
    });
    await ask(upstream, context);
    await scp;
  });
});

describe('a report that is not taken', () => {
  test('because it cannot be kept is answered 0213H; the hold goes on for the repeat of the SCP', async () => {
    const { upstream, scp } = await serve(async ({ peer, messages, request }) => {
      peer.send(response(request), reportRq());
      expect((await messages.next()).command).toMatchObject({ status: 0x0213 });
      peer.send(reportRq(TRANSACTION_UID, { messageId: 8 }));
      expect((await messages.next()).command).toEqual({ ...TAKEN, messageIdBeingRespondedTo: 8 });
      await agreeToRelease(peer);
    });
    let isFull = true;
    const context = createCommitmentContext({
      holdMs: LONG,
      reported: async () => {
        if (!isFull) return;
        isFull = false;
        throw new ServiceFailure('OUT_OF_RESOURCES', { retry: 'safe' });
      },
    });
    await ask(upstream, context);
    await scp;
    expect(context.events).toEqual([EVENT, EVENT]);
  });

  test('because of a fault of ours is answered 0110H, without the words of the fault', async () => {
    const { upstream, scp } = await serve(async ({ peer, messages, request }) => {
      peer.send(response(request), reportRq());
      expect((await messages.next()).command).toEqual({ ...TAKEN, status: 0x0110, errorComment: 'internal error' });
      peer.send(RELEASE_RQ);
      expect(await nextType(peer)).toBe(PDU_TYPE.releaseRp);
    });
    const context = createCommitmentContext({
      holdMs: LONG,
      reported: () => Promise.reject(new Error('Doe^Jane could not be written')),
    });
    await ask(upstream, context);
    await scp;
  });

  test.each<[string, number, Buffer]>([
    ['another SOP class', 0x0118, reportRq(TRANSACTION_UID, { affectedSopClassUid: '1.2.3' })],
    ['another SOP instance', 0x0112, reportRq(TRANSACTION_UID, { affectedSopInstanceUid: '1.2.3' })],
    ['another Event Type', 0x0113, reportRq(TRANSACTION_UID, { eventTypeId: 3 })],
    [
      'an unreadable data set',
      0x0110,
      message(1, { ...TAKEN, commandField: 0x0100, messageId: 7 }, Buffer.from('cut off')),
    ],
    ['no data set', 0x0115, message(1, { ...TAKEN, commandField: 0x0100, messageId: 7 })],
  ])('because of %s is answered %i, and nobody hears of it', async (_what, status, event) => {
    const { upstream, scp } = await serve(async ({ peer, messages, request }) => {
      peer.send(response(request), event);
      expect((await messages.next()).command).toMatchObject({ commandField: 0x8100, status });
      peer.send(RELEASE_RQ);
      expect(await nextType(peer)).toBe(PDU_TYPE.releaseRp);
    });
    const context = createCommitmentContext({ holdMs: LONG });
    await ask(upstream, context);
    await scp;
    expect(context.events).toEqual([]);
  });

  test('because it is no report at all breaks the protocol', async () => {
    const { upstream, scp } = await serve(async ({ peer, request }) => {
      peer.send(response(request), echoRq());
      expect(await nextType(peer)).toBe(PDU_TYPE.abort);
    });
    await ask(upstream, createCommitmentContext({ holdMs: LONG }));
    await scp;
  });
});

describe('the end of the hold', () => {
  test.each([0, 20])('without a report the association is released %i ms after the answer', async (holdMs) => {
    const { upstream, scp } = await serve(async ({ peer, request }) => {
      peer.send(response(request));
      await agreeToRelease(peer);
    });
    const context = createCommitmentContext({ holdMs });
    expect(await ask(upstream, context)).toEqual({ state: 'pending' });
    await scp;
    expect(context.events).toEqual([]);
  });

  test.each<[string, Buffer, readonly number[]]>([
    ['releases', RELEASE_RQ, [PDU_TYPE.releaseRp]],
    ['aborts', ABORT, []],
  ])('an SCP that %s meanwhile frees the place in the pool', async (_what, end, types) => {
    let isFirst = true;
    const { upstream, scp } = await serve(
      async ({ peer, request }) => {
        if (!isFirst) return void peer.send(response(request));
        isFirst = false;
        peer.send(response(request), end);
        const received: number[] = [];
        for (const _type of types) received.push(await nextType(peer));
        peer.socket.end();
        expect([...received, ...(await peer.receiveTypes())]).toEqual(types);
      },
      { pool: { maximum: 1, idleMs: 0 } },
    );
    await ask(upstream, createCommitmentContext({ holdMs: LONG }));
    await scp;
    expect(await ask(upstream, createCommitmentContext())).toEqual({ state: 'pending' });
  });

  test('a report whose SCP leaves without waiting for the answer is kept', async () => {
    const kept = Promise.withResolvers<void>();
    const { upstream, scp } = await serve(async ({ peer, request }) => {
      peer.send(response(request), reportRq(), RELEASE_RQ);
      expect(await nextType(peer)).toBe(PDU_TYPE.releaseRp);
      peer.socket.end();
      await peer.closed;
      kept.resolve();
    });
    const isKept = Promise.withResolvers<void>();
    const context = createCommitmentContext({
      holdMs: LONG,
      reported: async () => {
        await kept.promise;
        isKept.resolve();
      },
    });
    await ask(upstream, context);
    await scp;
    await isKept.promise;
    expect(context.events).toEqual([EVENT]);
  });

  const event = reportRq();
  /** Of the PDU with the command set; the one of the data set follows. */
  const commandEnd = 6 + event.readUInt32BE(2);
  test.each<[string, number]>([
    ['its first byte', 1],
    ['a part of its command set', 40],
    ['its command set', commandEnd],
    ['a part of its data set', commandEnd + 30],
  ])('a report of which %s has come is waited for, answered, and only then it is released', async (_what, cut) => {
    const asked = Promise.withResolvers<void>();
    const { upstream, scp } = await serve(async ({ peer, messages, request }) => {
      peer.send(response(request), event.subarray(0, cut));
      await asked.promise;
      peer.send(event.subarray(cut));
      expect((await messages.next()).command).toEqual(TAKEN);
      await agreeToRelease(peer);
    });
    const context = createCommitmentContext();
    await ask(upstream, context);
    asked.resolve();
    await scp;
    await upstream.close();
    expect(context.events).toEqual([EVENT]);
  });

  test('a report that has begun and does not go on is waited for no longer than a response', async () => {
    const { upstream, scp } = await serve(
      async ({ peer, request }) => {
        peer.send(response(request), event.subarray(0, commandEnd));
        await agreeToRelease(peer);
      },
      { responseTimeoutMs: 50 },
    );
    const context = createCommitmentContext();
    await ask(upstream, context);
    await scp;
    expect(context.events).toEqual([]);
  });

  test('a report that is never kept is waited for no longer either', async () => {
    const { upstream, scp } = await serve(
      async ({ peer, request }) => {
        peer.send(response(request), reportRq());
        await agreeToRelease(peer);
      },
      { responseTimeoutMs: 50 },
    );
    await ask(upstream, createCommitmentContext({ reported: () => new Promise(() => undefined) }));
    await scp;
  });

  test('a report that crosses A-RELEASE-RQ is kept; the SCP, who gets no answer, will repeat it (PS3.8 AR-6)', async () => {
    const { upstream, scp } = await serve(async ({ peer, request }) => {
      peer.send(response(request));
      expect(await nextType(peer)).toBe(PDU_TYPE.releaseRq);
      peer.send(reportRq(), RELEASE_RP);
      expect(await peer.receiveTypes()).toEqual([]);
    });
    const context = createCommitmentContext();
    await ask(upstream, context);
    await scp;
    expect(context.events).toEqual([EVENT]);
  });

  test('both may ask for the release at once (PS3.8 AR-8)', async () => {
    const { upstream, scp } = await serve(async ({ peer, request }) => {
      peer.send(response(request));
      expect(await nextType(peer)).toBe(PDU_TYPE.releaseRq);
      peer.send(RELEASE_RQ);
      expect(await nextType(peer)).toBe(PDU_TYPE.releaseRp);
      peer.send(RELEASE_RP);
      expect(await peer.receiveTypes()).toEqual([]);
    });
    await ask(upstream, createCommitmentContext());
    await scp;
    await upstream.close();
  });

  test('neither the signal nor the deadline of the request ends the hold', async () => {
    const aborted = Promise.withResolvers<void>();
    const { upstream, scp } = await serve(async ({ peer, messages, request }) => {
      peer.send(response(request));
      await aborted.promise;
      peer.send(reportRq());
      expect((await messages.next()).command).toEqual(TAKEN);
      await agreeToRelease(peer);
    });
    const aborter = new AbortController();
    const deadline = performance.now() + 200;
    const context = createCommitmentContext({ holdMs: LONG, signal: aborter.signal, deadline });
    await ask(upstream, context);
    aborter.abort(new ServiceFailure('CANCELED'));
    aborted.resolve();
    await scp;
    expect(context.events).toEqual([EVENT]);
  });
});

describe('the end of the upstream', () => {
  test('ends the hold at once, and is over when the association is gone', async () => {
    const { upstream, scp } = await serve(async ({ peer, request }) => {
      peer.send(response(request));
      await agreeToRelease(peer);
    });
    await ask(upstream, createCommitmentContext({ holdMs: LONG }));
    await upstream.close();
    await scp;
    await expect(ask(upstream, createCommitmentContext())).rejects.toMatchObject({
      code: 'SHUTTING_DOWN',
      retry: 'safe',
    });
  });

  test('waits for the answer to a request, and holds nothing after it', async () => {
    const closing = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    const { upstream, scp } = await serve(async ({ peer, request }) => {
      asked.resolve();
      await closing.promise;
      peer.send(response(request));
      await agreeToRelease(peer);
    });
    const request = ask(upstream, createCommitmentContext({ holdMs: LONG }));
    await asked.promise;
    const closed = upstream.close();
    closing.resolve();
    expect(await request).toEqual({ state: 'pending' });
    await closed;
    await scp;
  });

  test('waits for the answer to a report that is being taken', async () => {
    const kept = Promise.withResolvers<void>();
    const { upstream, scp } = await serve(async ({ peer, messages, request }) => {
      peer.send(response(request), reportRq());
      expect((await messages.next()).command).toEqual(TAKEN);
      await agreeToRelease(peer);
    });
    await ask(upstream, createCommitmentContext({ holdMs: LONG, reported: () => kept.promise }));
    const closed = upstream.close();
    kept.resolve();
    await closed;
    await scp;
  });
});
