/** N-ACTION of our SCU against a scripted SCP: what goes out, what each answer means, what is known when none comes. */
import { describe, expect, test } from '@jest/globals';
import { decodeDataSet } from '../../../src/dataset/binary/decode.ts';
import { attribute, dataSetOf } from '../../../src/dataset/model.ts';
import type { CommandSet } from '../../../src/dimse/command-set.ts';
import type { Message } from '../../../src/dimse/message.ts';
import { encodePdu, PDU_TYPE } from '../../../src/dimse/upper-layer/pdu.ts';
import type { DimseUpstream } from '../../../src/dimse/upstream.ts';
import { ServiceFailure } from '../../../src/services/port.ts';
import type { CommitmentContext } from '../../../src/services/port.ts';
import type { SopReference } from '../../../src/services/storage-commitment/commitment.ts';
import { actionRequestOf } from '../../../src/services/storage-commitment/messages.ts';
import { ABORT, EXPLICIT, RELEASE_RP, RELEASE_RQ } from '../../support/dimse-bytes.ts';
import { createCommitmentContext } from '../../support/commitment-context.ts';
import {
  PUSH_MODEL,
  PUSH_MODEL_INSTANCE,
  references,
  REFERENCES,
  TRANSACTION_UID,
} from '../../support/dimse-commitment.ts';
import { collect, createContext, QUERY } from '../../support/dimse-upstream.ts';
import type { RawPeer } from '../../support/raw-peer.ts';
import { acceptAssociation, agreeToRelease, response, scriptedScps } from '../../support/scripted-scp.ts';
import type { Play } from '../../support/scripted-scp.ts';

const serve = scriptedScps();

/** Accepts, reads the N-ACTION, answers it, and agrees to the release. */
function answering(fields: Partial<CommandSet> = {}, seen: Message[] = []): Play {
  return async (peer) => {
    const { messages } = await acceptAssociation(peer);
    const request = await messages.next();
    seen.push(request);
    peer.send(response(request, fields));
    await agreeToRelease(peer);
  };
}

/** Accepts, reads the N-ACTION and hands over. */
function afterRequest(play: (peer: RawPeer, request: Message) => Promise<void> | void): Play {
  return async (peer) => {
    const { messages } = await acceptAssociation(peer);
    await play(peer, await messages.next());
  };
}

function ask(
  upstream: DimseUpstream,
  context: CommitmentContext = createCommitmentContext(),
  instances: readonly SopReference[] = REFERENCES,
): Promise<unknown> {
  return upstream.requestCommitment(TRANSACTION_UID, instances, context);
}

async function failureOf(upstream: DimseUpstream, context?: CommitmentContext): Promise<ServiceFailure> {
  try {
    await ask(upstream, context);
  } catch (error) {
    if (error instanceof ServiceFailure) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

describe('what goes out (PS3.4 J.3.2, PS3.7 10.3.4)', () => {
  test('one context without roles: the requestor is SCU; the whole command and data set', async () => {
    const proposed = Promise.withResolvers<unknown>();
    const seen: Message[] = [];
    const { upstream } = await serve(async (peer) => {
      const { request, messages } = await acceptAssociation(peer);
      proposed.resolve(request);
      seen.push(await messages.next());
      peer.send(response(seen[0] as Message));
    });
    expect(await ask(upstream)).toEqual({ state: 'pending' });
    expect(await proposed.promise).toMatchObject({
      calledAeTitle: 'DIMSEWAY',
      callingAeTitle: 'GATEWAY',
      contexts: [{ id: 1, abstractSyntax: PUSH_MODEL }],
      userInformation: { roles: [], extended: [] },
    });
    expect(seen.map(({ contextId, command }) => ({ contextId, command }))).toEqual([
      {
        contextId: 1,
        command: {
          commandField: 0x0130,
          messageId: 1,
          requestedSopClassUid: PUSH_MODEL,
          requestedSopInstanceUid: PUSH_MODEL_INSTANCE,
          actionTypeId: 1,
        },
      },
    ]);
    const item = ({ sopClassUid, sopInstanceUid }: SopReference): ReturnType<typeof dataSetOf> =>
      dataSetOf({ '00081150': attribute('UI', sopClassUid), '00081155': attribute('UI', sopInstanceUid) });
    expect(decodeDataSet(seen[0]?.dataSet ?? Buffer.alloc(0), EXPLICIT)).toEqual(
      dataSetOf({ '00081195': attribute('UI', TRANSACTION_UID), '00081199': attribute('SQ', ...REFERENCES.map(item)) }),
    );
  });

  test('each request has an association of its own, which is released', async () => {
    const released = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const { upstream, server } = await serve(async (peer, index) => {
      await answering()(peer, index);
      released[index]?.resolve();
    });
    await ask(upstream);
    await ask(upstream);
    await Promise.all(released.map(({ promise }) => promise));
    expect(server.connections).toBe(2);
  });

  test('the calling AE title does not pass through: the SCP would report to the one who asks (PS3.4 J.3.3)', async () => {
    const calling = Promise.withResolvers<string>();
    const { upstream } = await serve(
      async (peer) => {
        const { request, messages } = await acceptAssociation(peer);
        calling.resolve(request.callingAeTitle);
        peer.send(response(await messages.next()));
      },
      { callingAeTitle: 'pass-through', fallbackCallingAeTitle: 'FALLBACK' },
    );
    const requester = { listener: 'ward', protocol: 'dimse', address: '::1', callingAeTitle: 'CT1' } as const;
    await ask(upstream, createCommitmentContext({ requester }));
    expect(await calling.promise).toBe('FALLBACK');
  });

  test('10,000 instances are one message', async () => {
    const seen: Message[] = [];
    const { upstream } = await serve(answering({}, seen));
    const instances = references(10_000);
    await ask(upstream, createCommitmentContext(), instances);
    const sent = decodeDataSet(seen[0]?.dataSet ?? Buffer.alloc(0), EXPLICIT);
    expect(actionRequestOf(sent)).toEqual({ transactionUid: TRANSACTION_UID, references: instances });
  });

  test('what cannot be written is refused before anything is sent', async () => {
    const received = Promise.withResolvers<number[]>();
    const { upstream } = await serve(async (peer) => {
      await acceptAssociation(peer);
      const types = [(await peer.receive())?.type ?? 0];
      peer.send(RELEASE_RP);
      received.resolve([...types, ...(await peer.receiveTypes())]);
    });
    const broken = [{ sopClassUid: '1.2.3', sopInstanceUid: '1.2\\3' }];
    await expect(ask(upstream, createCommitmentContext(), broken)).rejects.toMatchObject({
      code: 'CONVERSION_FAILED',
      retry: 'permanent',
    });
    expect(await received.promise).toEqual([PDU_TYPE.releaseRq]);
  });

  test('a result is never asked for: the SCP reports it (PS3.4 J.3.3)', async () => {
    const { upstream, server } = await serve(answering());
    expect(upstream.commitmentResult).toBe('reported');
    await expect(upstream.checkCommitment()).rejects.toMatchObject({ code: 'NOT_SUPPORTED', retry: 'permanent' });
    expect(server.connections).toBe(0);
  });
});

describe('answers (status mapping 7.1)', () => {
  test.each([0x0000, 0x0001, 0x0107, 0x0116, 0xb000, 0xbfff])('%i: the SCP has the request', async (status) => {
    const { upstream } = await serve(answering({ status }));
    expect(await ask(upstream)).toEqual({ state: 'pending' });
  });

  test.each<[number, string, string]>([
    [0x0110, 'UPSTREAM_ERROR', 'permanent'],
    [0x0112, 'NO_SUCH_INSTANCE', 'permanent'],
    [0x0114, 'INVALID_VALUE', 'permanent'],
    [0x0115, 'INVALID_VALUE', 'permanent'],
    [0x0117, 'INVALID_UID', 'permanent'],
    [0x0118, 'NOT_SUPPORTED', 'permanent'],
    [0x0119, 'INSTANCE_CONFLICT', 'permanent'],
    [0x0122, 'NOT_SUPPORTED', 'permanent'],
    [0x0123, 'OPERATION_NOT_SUPPORTED', 'permanent'],
    [0x0124, 'NOT_AUTHORIZED', 'permanent'],
    [0x0210, 'INTERNAL_ERROR', 'permanent'],
    [0x0211, 'OPERATION_NOT_SUPPORTED', 'permanent'],
    [0x0213, 'OUT_OF_RESOURCES', 'safe'],
    [0xa700, 'OUT_OF_RESOURCES', 'safe'],
    [0xc001, 'UPSTREAM_ERROR', 'permanent'],
  ])('%i is %s, retry %s, in the words of the SCP; the association is released', async (status, code, retry) => {
    const released = Promise.withResolvers<void>();
    const { upstream } = await serve(async (peer, index) => {
      await answering({ status, errorComment: 'as said' })(peer, index);
      released.resolve();
    });
    const failure = await failureOf(upstream, createCommitmentContext({ holdMs: 60_000 }));
    expect(failure).toMatchObject({ code, retry, words: 'as said', dimseStatus: status });
    await released.promise;
  });

  test('Error ID 0131H says that the Transaction UID is in use', async () => {
    const { upstream } = await serve(answering({ status: 0x0110, errorId: 0x0131 }));
    expect(await failureOf(upstream)).toMatchObject({ code: 'DUPLICATE_INSTANCE', errorId: 0x0131 });
  });

  test('Pending, which no N-service knows, ends the association', async () => {
    const types = Promise.withResolvers<number[]>();
    const { upstream } = await serve(
      afterRequest(async (peer, request) => {
        peer.send(response(request, { status: 0xff00 }));
        types.resolve(await peer.receiveTypes());
      }),
    );
    expect(await failureOf(upstream)).toMatchObject({ code: 'UPSTREAM_PROTOCOL_ERROR' });
    expect(await types.promise).toEqual([PDU_TYPE.abort]);
  });

  test.each([
    [1, 'UPSTREAM_REJECTED'],
    [3, 'NOT_SUPPORTED'],
    [4, 'UPSTREAM_REJECTED'],
  ])('a context refused with result %i: %s', async (result, code) => {
    const { upstream } = await serve(async (peer) => {
      await acceptAssociation(peer, { results: [result] });
      await agreeToRelease(peer);
    });
    expect(await failureOf(upstream)).toMatchObject({ code, retry: 'permanent' });
  });
});

describe('no answer (status mapping 7.1, 2.1)', () => {
  test.each<[string, string, Play]>([
    [
      'A-ASSOCIATE-RJ transient',
      'OUT_OF_RESOURCES',
      async (peer) => {
        await peer.receive();
        peer.send(encodePdu({ type: PDU_TYPE.associateRj, result: 2, source: 1, reason: 1 }));
      },
    ],
    [
      'A-ABORT instead of A-ASSOCIATE-AC',
      'UPSTREAM_UNREACHABLE',
      async (peer) => {
        await peer.receive();
        peer.send(ABORT);
      },
    ],
    ['the end of the connection', 'UPSTREAM_UNREACHABLE', (peer) => peer.destroy()],
    ['nothing', 'UPSTREAM_UNREACHABLE', () => undefined],
  ])('%s before the request was sent is %s, safe', async (_what, code, play) => {
    const { upstream } = await serve(play, { associationTimeoutMs: 60 });
    expect(await failureOf(upstream)).toMatchObject({ code, retry: 'safe' });
  });

  test('an association that the SCP rejects for good is UPSTREAM_REJECTED', async () => {
    const { upstream } = await serve(async (peer) => {
      await peer.receive();
      peer.send(encodePdu({ type: PDU_TYPE.associateRj, result: 1, source: 1, reason: 3 }));
    });
    expect(await failureOf(upstream)).toMatchObject({ code: 'UPSTREAM_REJECTED', retry: 'permanent' });
  });

  test.each<[string, string, (peer: RawPeer, request: Message) => Promise<void> | void]>([
    ['A-ABORT', 'CONNECTION_LOST', (peer) => peer.send(ABORT)],
    ['the end of the connection', 'CONNECTION_LOST', (peer) => peer.destroy()],
    ['A-RELEASE-RQ', 'CONNECTION_LOST', (peer) => peer.send(RELEASE_RQ)],
    ['nothing', 'UPSTREAM_TIMEOUT', () => undefined],
    ['one byte at a time', 'UPSTREAM_TIMEOUT', (peer, request) => peer.drip(response(request), 20)],
    ['an unknown PDU', 'UPSTREAM_PROTOCOL_ERROR', (peer) => peer.send(Buffer.from('470000000004', 'hex'))],
    [
      'another message id',
      'UPSTREAM_PROTOCOL_ERROR',
      (peer, request) => peer.send(response(request, { messageIdBeingRespondedTo: 77 })),
    ],
    [
      'another command',
      'UPSTREAM_PROTOCOL_ERROR',
      (peer, request) => peer.send(response(request, { commandField: 0x8100 })),
    ],
    ['a C-ECHO', 'UPSTREAM_PROTOCOL_ERROR', (peer, request) => peer.send(response(request, { commandField: 0x0030 }))],
  ])('%s instead of the response is %s: the SCP may have it, and report yet', async (_what, code, play) => {
    const { upstream } = await serve(afterRequest(play), { responseTimeoutMs: 60, artimMs: 50 });
    expect(await failureOf(upstream)).toMatchObject({ code, retry: 'ambiguous' });
  });

  test('an abort of the one who asks is ambiguous once the request was sent, and the association is aborted', async () => {
    const sent = Promise.withResolvers<void>();
    const types = Promise.withResolvers<number[]>();
    const { upstream } = await serve(
      afterRequest(async (peer) => {
        sent.resolve();
        types.resolve(await peer.receiveTypes());
      }),
    );
    const aborter = new AbortController();
    const failure = failureOf(upstream, createCommitmentContext({ signal: aborter.signal }));
    await sent.promise;
    aborter.abort(new ServiceFailure('SHUTTING_DOWN'));
    expect(await failure).toMatchObject({ code: 'SHUTTING_DOWN', retry: 'ambiguous' });
    expect(await types.promise).toEqual([PDU_TYPE.abort]);
  });

  test('an abort before that is safe: nothing was asked', async () => {
    const asked = Promise.withResolvers<void>();
    const { upstream, server } = await serve(async (peer) => {
      await peer.receive();
      asked.resolve();
    });
    const aborter = new AbortController();
    const failure = failureOf(upstream, createCommitmentContext({ signal: aborter.signal }));
    await asked.promise;
    aborter.abort(new ServiceFailure('SHUTTING_DOWN'));
    expect(await failure).toMatchObject({ code: 'SHUTTING_DOWN', retry: 'safe' });
    const aborted = createCommitmentContext({ signal: AbortSignal.abort(new ServiceFailure('SHUTTING_DOWN')) });
    expect(await failureOf(upstream, aborted)).toMatchObject({ code: 'SHUTTING_DOWN', retry: 'safe' });
    expect(server.connections).toBe(1);
  });

  test('never waits for the answer beyond the deadline of the request', async () => {
    const { upstream } = await serve(afterRequest(() => undefined));
    const begin = performance.now();
    const failure = await failureOf(upstream, createCommitmentContext({ deadline: begin + 50 }));
    expect(failure).toMatchObject({ code: 'UPSTREAM_TIMEOUT', retry: 'ambiguous' });
    expect(performance.now() - begin).toBeLessThan(1_000);
  });

  test('an association that is held has its place: another request waits, and safely fails without one', async () => {
    const { upstream, server } = await serve(
      afterRequest((peer, request) => peer.send(response(request))),
      { pool: { maximum: 1, idleMs: 1_000 } },
    );
    await ask(upstream, createCommitmentContext({ holdMs: 60_000 }));
    const failure = failureOf(upstream, createCommitmentContext({ deadline: performance.now() + 40 }));
    expect(await failure).toMatchObject({ code: 'OUT_OF_RESOURCES', retry: 'safe' });
    const search = collect(upstream.search(QUERY, createContext({ deadline: performance.now() + 40 })));
    await expect(search).rejects.toMatchObject({ code: 'OUT_OF_RESOURCES' });
    expect(server.connections).toBe(1);
  });
});
