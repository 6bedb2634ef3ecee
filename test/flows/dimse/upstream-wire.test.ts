/** Our SCU against a scripted SCP: every way an answer can fail to come, and what the one who asked is told. */
import { describe, expect, test } from '@jest/globals';
import { encodeDataSet } from '../../../src/dataset/binary/encode.ts';
import { attribute, dataSetOf } from '../../../src/dataset/model.ts';
import type { CommandSet } from '../../../src/dimse/command-set.ts';
import { encodePdu, PDU_TYPE } from '../../../src/dimse/upper-layer/pdu.ts';
import type { AssociateAc, AssociateRq } from '../../../src/dimse/upper-layer/pdu.ts';
import { SOP_CLASSES } from '../../../src/dimse/uids.ts';
import type { DimseUpstream } from '../../../src/dimse/upstream.ts';
import { ServiceFailure } from '../../../src/services/port.ts';
import {
  ABORT,
  acceptAll,
  decodeRaw,
  EXPLICIT,
  message,
  MessageReader,
  RELEASE_RP,
  RELEASE_RQ,
} from '../../support/dimse-bytes.ts';
import { entry } from '../../support/dimse-listener.ts';
import { collect, createContext, QUERY } from '../../support/dimse-upstream.ts';
import type { RawPeer } from '../../support/raw-peer.ts';
import { scriptedScps } from '../../support/scripted-scp.ts';

const serve = scriptedScps();

async function accept(
  peer: RawPeer,
  overrides: Partial<AssociateAc> = {},
): Promise<{ request: AssociateRq; messages: MessageReader }> {
  const request = decodeRaw(await peer.receive());
  if (request.type !== PDU_TYPE.associateRq) throw new Error('no association request');
  peer.send(acceptAll(request, overrides));
  return { request, messages: new MessageReader(peer) };
}

function response(messageId: number | undefined, status: number, fields: Partial<CommandSet> = {}): Buffer {
  const dataSet = (status & 0xff00) === 0xff00 ? encodeDataSet(entry(status & 0xff), EXPLICIT) : undefined;
  const command = { commandField: 0x8020, messageIdBeingRespondedTo: messageId ?? 0, status, ...fields };
  return message(1, command, dataSet);
}

/** Accepts, reads the C-FIND and hands over. */
function afterFind(play: (peer: RawPeer, messageId: number, messages: MessageReader) => Promise<void> | void) {
  return async (peer: RawPeer): Promise<void> => {
    const { messages } = await accept(peer);
    const { command } = await messages.next();
    await play(peer, command.messageId ?? 0, messages);
  };
}

const answerRelease = async (peer: RawPeer): Promise<void> => {
  if ((await peer.receive())?.type === PDU_TYPE.releaseRq) peer.send(RELEASE_RP);
};

async function failureOf(upstream: DimseUpstream, context = createContext()): Promise<ServiceFailure> {
  try {
    await collect(upstream.search(QUERY, context));
  } catch (error) {
    if (error instanceof ServiceFailure) return error;
    throw error;
  }
  throw new Error('the search did not fail');
}

describe('no association (status mapping 2.1)', () => {
  test.each([
    [1, 1, 7, 'UPSTREAM_REJECTED', 'permanent'],
    [1, 1, 3, 'UPSTREAM_REJECTED', 'permanent'],
    [1, 2, 2, 'UPSTREAM_REJECTED', 'permanent'],
    [2, 1, 1, 'OUT_OF_RESOURCES', 'safe'],
    [2, 3, 2, 'OUT_OF_RESOURCES', 'safe'],
    [1, 3, 1, 'OUT_OF_RESOURCES', 'safe'],
  ])('A-ASSOCIATE-RJ %i/%i/%i is %s, retry %s', async (result, source, reason, code, retry) => {
    const { upstream } = await serve(async (peer) => {
      await peer.receive();
      peer.send(encodePdu({ type: PDU_TYPE.associateRj, result, source, reason }));
    });
    const failure = await failureOf(upstream);
    expect(failure).toMatchObject({ code, retry });
    expect(failure.message).toContain(`(${result}/${source}/${reason})`);
  });

  test('a refused connection is UPSTREAM_UNREACHABLE, safe', async () => {
    const { upstream, server } = await serve(() => undefined);
    await server.close();
    expect(await failureOf(upstream)).toMatchObject({ code: 'UPSTREAM_UNREACHABLE', retry: 'safe' });
  });

  test.each<[string, (peer: RawPeer) => Promise<void> | void]>([
    ['nothing', () => undefined],
    ['A-ABORT', async (peer) => void (await peer.receive(), peer.send(ABORT))],
    ['the end of the connection', async (peer) => void (await peer.receive(), peer.destroy())],
    [
      'one byte at a time (trap 7)',
      async (peer) => peer.drip(acceptAll(decodeRaw(await peer.receive()) as AssociateRq), 20),
    ],
  ])('%s instead of A-ASSOCIATE-AC is UPSTREAM_UNREACHABLE, safe', async (_what, play) => {
    const { upstream } = await serve(play, { associationTimeoutMs: 60 });
    expect(await failureOf(upstream)).toMatchObject({ code: 'UPSTREAM_UNREACHABLE', retry: 'safe' });
  });

  test.each([
    [3, 'NOT_SUPPORTED'],
    [4, 'UPSTREAM_REJECTED'],
    [1, 'UPSTREAM_REJECTED'],
    [2, 'UPSTREAM_REJECTED'],
  ])('context result %i is %s, and the association is released', async (result, code) => {
    const released = Promise.withResolvers<number | undefined>();
    const { upstream } = await serve(async (peer) => {
      await accept(peer, { contexts: [{ id: 1, result, transferSyntax: EXPLICIT }] });
      released.resolve((await peer.receive())?.type);
      peer.send(RELEASE_RP);
    });
    expect(await failureOf(upstream)).toMatchObject({ code });
    expect(await released.promise).toBe(PDU_TYPE.releaseRq);
  });

  test.each<[string, Partial<AssociateAc>, string]>([
    ['without the context', { contexts: [] }, 'UPSTREAM_REJECTED'],
    [
      'with a transfer syntax nobody proposed',
      { contexts: [{ id: 1, result: 0, transferSyntax: '1.2.840.10008.1.2.2' }] },
      'UPSTREAM_REJECTED',
    ],
    [
      'with a maximum PDU length of 6 (trap 6)',
      { userInformation: { maximumLength: 6, roles: [], extended: [] } },
      'UPSTREAM_PROTOCOL_ERROR',
    ],
  ])('A-ASSOCIATE-AC %s is %s', async (_what, overrides, code) => {
    const { upstream } = await serve(async (peer) => {
      await accept(peer, overrides);
      await answerRelease(peer);
    });
    expect(await failureOf(upstream)).toMatchObject({ code });
  });

  test.each([
    ['4 GB announced (trap 6)', Buffer.from('0200ffffffff', 'hex')],
    ['garbage', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')],
    ['A-RELEASE-RQ', RELEASE_RQ],
  ])('%s instead of A-ASSOCIATE-AC ends at once, with A-ABORT (AA-8)', async (_what, bytes) => {
    const types = Promise.withResolvers<number[]>();
    const { upstream } = await serve(async (peer) => {
      await peer.receive();
      peer.send(bytes);
      types.resolve(await peer.receiveTypes());
    });
    const failure = await failureOf(upstream);
    expect(['UPSTREAM_PROTOCOL_ERROR', 'UPSTREAM_UNREACHABLE']).toContain(failure.code);
    expect(await types.promise).toEqual([PDU_TYPE.abort]);
  });

  test('never waits beyond the deadline of the request', async () => {
    const { upstream } = await serve(() => undefined);
    const begin = performance.now();
    const failure = await failureOf(upstream, createContext({ deadline: begin + 50 }));
    expect(failure).toMatchObject({ code: 'UPSTREAM_UNREACHABLE' });
    expect(performance.now() - begin).toBeLessThan(1_000);
  });
});

describe('no answer: every request settles exactly once (trap 9)', () => {
  type Play = (peer: RawPeer, id: number) => Promise<void> | void;
  const pending = (id: number): CommandSet => ({ commandField: 0x8020, messageIdBeingRespondedTo: id, status: 0xff00 });

  test.each<[string, string, Play]>([
    ['A-ABORT', 'CONNECTION_LOST', (peer) => peer.send(ABORT)],
    ['the end of the connection', 'CONNECTION_LOST', (peer) => peer.destroy()],
    ['A-RELEASE-RQ', 'CONNECTION_LOST', (peer) => peer.send(RELEASE_RQ)],
    ['nothing', 'UPSTREAM_TIMEOUT', () => undefined],
    ['one byte at a time (trap 7)', 'UPSTREAM_TIMEOUT', (peer, id) => peer.drip(response(id, 0), 20)],
    ['an unknown PDU', 'UPSTREAM_PROTOCOL_ERROR', (peer) => peer.send(Buffer.from('470000000004', 'hex'))],
    ['4 GB announced (trap 6)', 'UPSTREAM_PROTOCOL_ERROR', (peer) => peer.send(Buffer.from('0400ffffffff', 'hex'))],
    ['another message id', 'UPSTREAM_PROTOCOL_ERROR', (peer, id) => peer.send(response(id + 1, 0))],
    ['another command', 'UPSTREAM_PROTOCOL_ERROR', (peer, id) => peer.send(response(id, 0, { commandField: 0x0030 }))],
    [
      'no status',
      'UPSTREAM_PROTOCOL_ERROR',
      (peer) => peer.send(message(1, { commandField: 0x8020, messageIdBeingRespondedTo: 1 })),
    ],
    ['Pending without identifier', 'ANSWER_UNREADABLE', (peer, id) => peer.send(message(1, pending(id)))],
    [
      'a result cut in a value (trap 5)',
      'ANSWER_UNREADABLE',
      (peer, id) => peer.send(message(1, pending(id), Buffer.from('100010004c4f0a00414243', 'hex'))),
    ],
  ])('%s is %s', async (_what, code, play) => {
    const { upstream } = await serve(afterFind(play), { responseTimeoutMs: 60 });
    expect(await failureOf(upstream)).toMatchObject({ code });
  });

  test('results before the loss do not make it a complete list', async () => {
    const { upstream } = await serve(
      afterFind((peer, id) => {
        peer.send(response(id, 0xff00));
        peer.socket.end();
      }),
    );
    const results: unknown[] = [];
    const search = async (): Promise<void> => {
      for await (const result of upstream.search(QUERY, createContext())) results.push(result);
    };
    await expect(search()).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
    expect(results).toEqual([entry(0)]);
  });

  test('an association that timed out is aborted and never used again', async () => {
    const types = Promise.withResolvers<number[]>();
    const { upstream, server } = await serve(
      async (peer, index) => {
        const { messages } = await accept(peer);
        const { command } = await messages.next();
        if (index === 0) types.resolve(await peer.receiveTypes());
        else peer.send(response(command.messageId, 0));
      },
      { responseTimeoutMs: 60, artimMs: 50 },
    );
    expect(await failureOf(upstream)).toMatchObject({ code: 'UPSTREAM_TIMEOUT' });
    expect(await collect(upstream.search(QUERY, createContext()))).toEqual([]);
    expect(server.connections).toBe(2);
    expect(await types.promise).toEqual([PDU_TYPE.abort]);
  });
});

describe('final statuses (status mapping 3.1)', () => {
  test.each([
    [0xa700, 0, 'OUT_OF_RESOURCES'],
    [0xa700, 1, 'TOO_MANY_RESULTS'],
    [0xa900, 0, 'BAD_REQUEST'],
    [0x0122, 0, 'NOT_SUPPORTED'],
    [0xc123, 0, 'UPSTREAM_ERROR'],
    [0xfe00, 0, 'UPSTREAM_ERROR'],
  ])('%i after %i results is %s', async (status, count, code) => {
    const { upstream } = await serve(
      afterFind((peer, id) => {
        for (let i = 0; i < count; i++) peer.send(response(id, 0xff00));
        peer.send(response(id, status, { errorComment: 'as said', offendingElements: ['00100010'] }));
      }),
    );
    expect(await failureOf(upstream)).toMatchObject({
      code,
      dimseStatus: status,
      words: 'as said',
      attributes: ['00100010'],
    });
  });

  test('FF01 is a result like FF00 and warns once (trap 1)', async () => {
    const { upstream } = await serve(
      afterFind((peer, id) =>
        peer.send(response(id, 0xff01), response(id, 0xff00), response(id, 0xff01), response(id, 0)),
      ),
    );
    const context = createContext();
    expect(await collect(upstream.search(QUERY, context))).toEqual([entry(1), entry(0), entry(1)]);
    expect(context.warnings).toMatchObject([{ code: 'OPTIONAL_KEYS_NOT_SUPPORTED', dimseStatus: 0xff01 }]);
  });

  test('a response of another SOP class counts as what its message id says: dcmjs-dimse answers so', async () => {
    const { upstream } = await serve(
      afterFind((peer, id) => peer.send(response(id, 0, { affectedSopClassUid: '1.2' }))),
    );
    expect(await collect(upstream.search(QUERY, createContext()))).toEqual([]);
  });

  test.each([
    [0xb001, 'RESULTS_MAY_BE_INCOMPLETE'],
    [0xb123, 'UPSTREAM_WARNING'],
  ])('%i ends the list with a warning', async (status, code) => {
    const { upstream } = await serve(afterFind((peer, id) => peer.send(response(id, 0xff00), response(id, status))));
    const context = createContext();
    expect(await collect(upstream.search(QUERY, context))).toEqual([entry(0)]);
    expect(context.warnings).toMatchObject([{ code, dimseStatus: status }]);
  });
});

describe('what goes out', () => {
  test('C-FIND-RQ names class, priority and a message id, with the identifier (PS3.7 9.3.2.1)', async () => {
    const asked = Promise.withResolvers<{ request: AssociateRq; command: CommandSet }>();
    const { upstream } = await serve(async (peer) => {
      const { request, messages } = await accept(peer);
      const { command } = await messages.next();
      asked.resolve({ request, command });
      peer.send(response(command.messageId, 0));
    });
    await collect(upstream.search(QUERY, createContext()));
    const { request, command } = await asked.promise;
    expect(request).toMatchObject({
      calledAeTitle: 'DIMSEWAY',
      callingAeTitle: 'GATEWAY',
      contexts: [{ id: 1, abstractSyntax: SOP_CLASSES.modalityWorklist }],
      userInformation: { maximumLength: 16_384, extended: [] },
    });
    expect(command).toEqual({
      commandField: 0x0020,
      affectedSopClassUid: SOP_CLASSES.modalityWorklist,
      messageId: 1,
      priority: 0,
    });
  });

  test('every request of an association has a message id of its own (PS3.7 9.3)', async () => {
    const ids: (number | undefined)[] = [];
    const { upstream } = await serve(async (peer) => {
      const { messages } = await accept(peer);
      for (;;) {
        const { command } = await messages.next();
        ids.push(command.messageId);
        peer.send(response(command.messageId, 0));
      }
    });
    for (let i = 0; i < 3; i++) await collect(upstream.search(QUERY, createContext()));
    expect(ids).toEqual([1, 2, 3]);
  });

  test.each([
    [{ callingAeTitle: 'pass-through', fallbackCallingAeTitle: 'WEB' }, undefined, 'WEB'],
    [{ callingAeTitle: 'pass-through', fallbackCallingAeTitle: 'WEB' }, 'CT1', 'CT1'],
    [{ callingAeTitle: 'GATEWAY' }, 'CT1', 'GATEWAY'],
  ])('calling AE title with %j for %s is %s', async (options, callingAeTitle, expected) => {
    const calling = Promise.withResolvers<string>();
    const { upstream } = await serve(async (peer) => {
      const { request, messages } = await accept(peer);
      calling.resolve(request.callingAeTitle);
      peer.send(response((await messages.next()).command.messageId, 0));
    }, options);
    const requester = {
      listener: 'ward',
      protocol: 'dimse',
      address: '::1',
      ...(callingAeTitle === undefined ? {} : { callingAeTitle }),
    } as const;
    await collect(upstream.search(QUERY, createContext({ requester })));
    expect(await calling.promise).toBe(expected);
  });

  test('fuzzy matching and time zone are proposed when wanted; what is not agreed is warned of', async () => {
    const proposed = Promise.withResolvers<unknown>();
    const { upstream } = await serve(async (peer) => {
      const { request, messages } = await accept(peer, {
        userInformation: {
          maximumLength: 0,
          roles: [],
          extended: [{ sopClassUid: SOP_CLASSES.modalityWorklist, information: Uint8Array.of(1, 1, 0, 1) }],
        },
      });
      proposed.resolve(request.userInformation.extended);
      peer.send(response((await messages.next()).command.messageId, 0));
    });
    const context = createContext();
    await collect(upstream.search({ ...QUERY, fuzzyMatching: true, timezoneAdjustment: true }, context));
    expect(await proposed.promise).toEqual([
      { sopClassUid: SOP_CLASSES.modalityWorklist, information: Buffer.from([1, 1, 1, 1]) },
    ]);
    expect(context.warnings.map(({ code }) => code)).toEqual(['FUZZY_MATCHING_NOT_SUPPORTED']);
  });
});

describe('cancel (PS3.4 K.4.1.2)', () => {
  /** Answers Pending until the C-CANCEL comes, then FE00; tells what it saw. */
  function endless(seen: number[]) {
    return afterFind(async (peer, id, messages) => {
      let canceled = false;
      const cancel = messages.next().then(({ command }) => {
        seen.push(command.commandField, command.messageIdBeingRespondedTo ?? -1, command.messageId ?? -1);
        canceled = true;
      });
      while (!canceled) {
        peer.send(response(id, 0xff00));
        await new Promise(setImmediate);
      }
      await cancel;
      peer.send(response(id, 0xfe00));
      await answerRelease(peer);
    });
  }

  test('more results than the maximum are cancelled, drained, and fail with the number named', async () => {
    const seen: number[] = [];
    const { upstream } = await serve(endless(seen), { maximumResults: 3 });
    const failure = await failureOf(upstream);
    expect(failure).toMatchObject({ code: 'TOO_MANY_RESULTS' });
    expect(failure.message).toContain('3');
    expect(seen).toEqual([0x0fff, 1, -1]);
  });

  test('an abort of the one who asks sends C-CANCEL; the drained association is used again', async () => {
    const seen: number[] = [];
    const aborter = new AbortController();
    const { upstream, server } = await serve(
      async (peer) => {
        const { messages } = await accept(peer);
        const { command } = await messages.next();
        peer.send(response(command.messageId, 0xff00));
        seen.push((await messages.next()).command.commandField);
        peer.send(response(command.messageId, 0xff00), response(command.messageId, 0xfe00));
        peer.send(response((await messages.next()).command.messageId, 0));
      },
      // With one place the second search waits until the first association is free.
      { pool: { maximum: 1, idleMs: 5_000 } },
    );
    const search = upstream.search(QUERY, createContext({ signal: aborter.signal }));
    await search.next();
    aborter.abort(new ServiceFailure('CANCELED'));
    await expect(search.next()).rejects.toMatchObject({ code: 'CANCELED' });
    expect(await collect(upstream.search(QUERY, createContext()))).toEqual([]);
    expect(seen).toEqual([0x0fff]);
    expect(server.connections).toBe(1);
  });

  test('a search left early is cancelled, and an SCP that does not stop is aborted', async () => {
    const types = Promise.withResolvers<number[]>();
    const { upstream } = await serve(
      afterFind(async (peer, id) => {
        peer.send(response(id, 0xff00));
        types.resolve(await peer.receiveTypes());
      }),
      { drainTimeoutMs: 40, artimMs: 40 },
    );
    for await (const result of upstream.search(QUERY, createContext())) {
      expect(result).toEqual(entry(0));
      break;
    }
    expect(await types.promise).toEqual([PDU_TYPE.dataTf, PDU_TYPE.abort]);
  });

  test('a signal that is aborted already asks nobody', async () => {
    const { upstream, server } = await serve(() => undefined);
    const signal = AbortSignal.abort(new ServiceFailure('SHUTTING_DOWN'));
    expect(await failureOf(upstream, createContext({ signal }))).toMatchObject({ code: 'SHUTTING_DOWN' });
    expect(server.connections).toBe(0);
  });

  test('a consumer that stops taking results stops the socket, not the memory', async () => {
    let written = 0;
    // 40 MB: far more than the buffers of the system take.
    const total = 5_000;
    const result = dataSetOf({ '00400400': attribute('LT', 'x'.repeat(8_000)) });
    const { upstream } = await serve(
      afterFind(async (peer, id) => {
        const command = { commandField: 0x8020, messageIdBeingRespondedTo: id, status: 0xff00 };
        const bytes = message(1, command, encodeDataSet(result, EXPLICIT));
        while (written < total) {
          written++;
          if (!peer.socket.write(bytes)) await new Promise((resolve) => peer.socket.once('drain', resolve));
        }
        peer.send(response(id, 0));
      }),
      { maximumResults: total },
    );
    const search = upstream.search(QUERY, createContext());
    await search.next();
    let before = -1;
    while (before !== written) {
      before = written;
      await new Promise((resolve) => setTimeout(resolve, 60));
    }
    expect(written).toBeLessThan(total);
    let count = 1;
    while ((await search.next()).done !== true) count++;
    expect(count).toBe(total);
  });
});

describe('the pool', () => {
  const answering = async (peer: RawPeer): Promise<void> => {
    const { messages } = await accept(peer);
    for (;;) peer.send(response((await messages.next()).command.messageId, 0));
  };

  test('a kept association serves the next request', async () => {
    const { upstream, server } = await serve(answering);
    for (let i = 0; i < 3; i++) await collect(upstream.search(QUERY, createContext()));
    expect(server.connections).toBe(1);
  });

  test('an idle time of 0 opens and releases for each', async () => {
    const released = Promise.withResolvers<number | undefined>();
    const { upstream, server } = await serve(
      async (peer) => {
        const { messages } = await accept(peer);
        peer.send(response((await messages.next()).command.messageId, 0));
        released.resolve((await peer.receive())?.type);
        peer.send(RELEASE_RP);
      },
      { pool: { maximum: 4, idleMs: 0 } },
    );
    await collect(upstream.search(QUERY, createContext()));
    await collect(upstream.search(QUERY, createContext()));
    expect(server.connections).toBe(2);
    expect(await released.promise).toBe(PDU_TYPE.releaseRq);
  });

  test('no maximum opens and releases for each as well', async () => {
    const { upstream, server } = await serve(
      afterFind(async (peer, id) => {
        peer.send(response(id, 0));
        await answerRelease(peer);
      }),
      { pool: { maximum: 0, idleMs: 5_000 } },
    );
    await collect(upstream.search(QUERY, createContext()));
    await collect(upstream.search(QUERY, createContext()));
    expect(server.connections).toBe(2);
  });

  test('a release that crosses that of the peer is answered first (release collision, AR-9, AR-3)', async () => {
    const answered = Promise.withResolvers<number | undefined>();
    const { upstream } = await serve(
      afterFind(async (peer, id) => {
        peer.send(response(id, 0));
        await peer.receive();
        peer.send(RELEASE_RQ);
        answered.resolve((await peer.receive())?.type);
        peer.send(RELEASE_RP);
      }),
      { pool: { maximum: 1, idleMs: 0 } },
    );
    await collect(upstream.search(QUERY, createContext()));
    expect(await answered.promise).toBe(PDU_TYPE.releaseRp);
    await upstream.close();
  });

  test('an idle association is released after its time', async () => {
    const released = Promise.withResolvers<number | undefined>();
    const { upstream } = await serve(
      async (peer) => {
        const { messages } = await accept(peer);
        peer.send(response((await messages.next()).command.messageId, 0));
        released.resolve((await peer.receive())?.type);
        peer.send(RELEASE_RP);
      },
      { pool: { maximum: 4, idleMs: 30 } },
    );
    await collect(upstream.search(QUERY, createContext()));
    expect(await released.promise).toBe(PDU_TYPE.releaseRq);
  });

  test('a kept association that the peer drops when asked is replaced by a fresh one, once', async () => {
    const { upstream, server } = await serve(async (peer, index) => {
      const { messages } = await accept(peer);
      peer.send(response((await messages.next()).command.messageId, 0));
      if (index === 0) {
        await messages.next();
        peer.destroy();
      }
    });
    await collect(upstream.search(QUERY, createContext()));
    expect(await collect(upstream.search(QUERY, createContext()))).toEqual([]);
    expect(server.connections).toBe(2);
  });

  test('a fresh association that is lost is not tried again', async () => {
    const { upstream, server } = await serve(afterFind((peer) => peer.destroy()));
    expect(await failureOf(upstream)).toMatchObject({ code: 'CONNECTION_LOST' });
    expect(server.connections).toBe(1);
  });

  test('an association the peer has released meanwhile is not taken', async () => {
    const gone = Promise.withResolvers<void>();
    const { upstream, server } = await serve(async (peer, index) => {
      const { messages } = await accept(peer);
      peer.send(response((await messages.next()).command.messageId, 0));
      if (index > 0) return;
      peer.send(RELEASE_RQ);
      await peer.receive();
      peer.socket.end();
      await peer.closed;
      gone.resolve();
    });
    await collect(upstream.search(QUERY, createContext()));
    await gone.promise;
    await collect(upstream.search(QUERY, createContext()));
    expect(server.connections).toBe(2);
  });

  test('other calling AE titles and negotiations get associations of their own', async () => {
    const { upstream, server } = await serve(answering, { callingAeTitle: 'pass-through' });
    for (const callingAeTitle of ['CT1', 'CT2', 'CT1']) {
      const requester = { listener: 'ward', protocol: 'dimse', address: '::1', callingAeTitle } as const;
      await collect(upstream.search(QUERY, createContext({ requester })));
    }
    expect(server.connections).toBe(2);
    const requester = { listener: 'ward', protocol: 'dimse', address: '::1', callingAeTitle: 'CT1' } as const;
    await collect(upstream.search({ ...QUERY, fuzzyMatching: true }, createContext({ requester })));
    expect(server.connections).toBe(3);
  });

  test('an association kept for another calling AE title makes room when every place is taken', async () => {
    const { upstream, server } = await serve(
      async (peer) => {
        const { messages } = await accept(peer);
        peer.send(response((await messages.next()).command.messageId, 0));
        await answerRelease(peer);
      },
      { callingAeTitle: 'pass-through', pool: { maximum: 1, idleMs: 60_000 } },
    );
    for (const callingAeTitle of ['CT1', 'CT2']) {
      const requester = { listener: 'ward', protocol: 'dimse', address: '::1', callingAeTitle } as const;
      const context = createContext({ requester, deadline: performance.now() + 2_000 });
      expect(await collect(upstream.search(QUERY, context))).toEqual([]);
    }
    expect(server.connections).toBe(2);
  });

  test('where one kept association is gone, the others of its kind are released: they are likely gone too', async () => {
    const bothAsked = Promise.withResolvers<void>();
    const released = Promise.withResolvers<number | undefined>();
    const asked: number[] = [];
    const { upstream } = await serve(async (peer, index) => {
      const { messages } = await accept(peer);
      const { command } = await messages.next();
      if (asked.push(index) === 2) bothAsked.resolve();
      await bothAsked.promise;
      peer.send(response(command.messageId, 0));
      const next = await peer.receive();
      if (next?.type === PDU_TYPE.dataTf) peer.destroy();
      else if (index < 2) released.resolve(next?.type);
    });
    await Promise.all([1, 2].map(() => collect(upstream.search(QUERY, createContext()))));
    expect(await collect(upstream.search(QUERY, createContext()))).toEqual([]);
    expect(await released.promise).toBe(PDU_TYPE.releaseRq);
  });

  test('requests beyond the maximum wait for a place, and fail with OUT_OF_RESOURCES when none comes in time', async () => {
    const go = Promise.withResolvers<void>();
    const { upstream, server } = await serve(
      async (peer) => {
        const { messages } = await accept(peer);
        for (;;) {
          const { command } = await messages.next();
          await go.promise;
          peer.send(response(command.messageId, 0));
        }
      },
      { pool: { maximum: 1, idleMs: 1_000 } },
    );
    const first = collect(upstream.search(QUERY, createContext()));
    const impatient = failureOf(upstream, createContext({ deadline: performance.now() + 40 }));
    const patient = collect(upstream.search(QUERY, createContext()));
    expect(await impatient).toMatchObject({ code: 'OUT_OF_RESOURCES', retry: 'safe' });
    go.resolve();
    expect(await Promise.all([first, patient])).toEqual([[], []]);
    expect(server.connections).toBe(1);
  });

  test('close releases what is kept, and asks nobody any more', async () => {
    const released = Promise.withResolvers<number | undefined>();
    const { upstream } = await serve(async (peer) => {
      const { messages } = await accept(peer);
      peer.send(response((await messages.next()).command.messageId, 0));
      released.resolve((await peer.receive())?.type);
      peer.send(RELEASE_RP);
      peer.socket.end();
    });
    await collect(upstream.search(QUERY, createContext()));
    await upstream.close();
    expect(await released.promise).toBe(PDU_TYPE.releaseRq);
    expect(await failureOf(upstream)).toMatchObject({ code: 'SHUTTING_DOWN' });
  });
});
