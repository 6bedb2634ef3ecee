/** MPPS of our SCU against a scripted SCP: what goes out, what each answer means, and what is known when none comes. */
import { describe, expect, test } from '@jest/globals';
import { decodeDataSet } from '../../../src/dataset/binary/decode.ts';
import { encodeDataSet } from '../../../src/dataset/binary/encode.ts';
import { attribute, dataSetOf } from '../../../src/dataset/model.ts';
import type { DataSet } from '../../../src/dataset/model.ts';
import type { CommandSet } from '../../../src/dimse/command-set.ts';
import type { Message } from '../../../src/dimse/message.ts';
import { encodePdu, PDU_TYPE } from '../../../src/dimse/upper-layer/pdu.ts';
import type { AssociateRq } from '../../../src/dimse/upper-layer/pdu.ts';
import { SOP_CLASSES } from '../../../src/dimse/uids.ts';
import type { DimseUpstream } from '../../../src/dimse/upstream.ts';
import { RETRIEVABLE_TAGS } from '../../../src/services/mpps/attributes.ts';
import { ServiceFailure } from '../../../src/services/port.ts';
import type { RequestContext } from '../../../src/services/port.ts';
import { ABORT, EXPLICIT, RELEASE_RP, RELEASE_RQ } from '../../support/dimse-bytes.ts';
import { COMPLETED, IN_PROGRESS, MPPS_UID } from '../../support/dimse-mpps.ts';
import { createContext } from '../../support/dimse-upstream.ts';
import type { RawPeer } from '../../support/raw-peer.ts';
import { acceptAssociation, response, scriptedScps } from '../../support/scripted-scp.ts';
import type { Play } from '../../support/scripted-scp.ts';

const { mpps, mppsRetrieve } = SOP_CLASSES;

const serve = scriptedScps();

/** @param results of the contexts, 0 where none is given */
function accept(peer: RawPeer, ...results: number[]): ReturnType<typeof acceptAssociation> {
  return acceptAssociation(peer, { results });
}

/** An SCP that answers each request by `answer`; every message it got is in `seen`. */
function answering(
  answer: (request: Message, index: number) => Buffer,
  seen: Message[] = [],
  results: number[] = [],
): Play {
  return async (peer) => {
    const { messages } = await accept(peer, ...results);
    for (;;) {
      const request = await messages.next();
      seen.push(request);
      peer.send(answer(request, seen.length - 1));
    }
  };
}

/** Accepts, reads a request and hands over. */
function afterRequest(play: (peer: RawPeer, request: Message) => Promise<void> | void): Play {
  return async (peer) => {
    const { messages } = await accept(peer);
    await play(peer, await messages.next());
  };
}

type Operation = 'create' | 'update' | 'retrieve';
const OPERATIONS: readonly Operation[] = ['create', 'update', 'retrieve'];

function run(
  upstream: DimseUpstream,
  operation: Operation,
  context: RequestContext = createContext(),
): Promise<unknown> {
  if (operation === 'create') return upstream.createMpps(MPPS_UID, IN_PROGRESS, context);
  if (operation === 'update') return upstream.updateMpps(MPPS_UID, COMPLETED, context);
  return upstream.retrieveMpps(MPPS_UID, 'all', context);
}

async function failureOf(
  upstream: DimseUpstream,
  operation: Operation = 'create',
  context: RequestContext = createContext(),
): Promise<ServiceFailure> {
  try {
    await run(upstream, operation, context);
  } catch (error) {
    if (error instanceof ServiceFailure) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

function sentBy({ dataSet }: Message): DataSet {
  if (dataSet === undefined) throw new Error('no data set');
  return decodeDataSet(dataSet, EXPLICIT);
}

describe('what goes out (PS3.7 10.3, PS3.4 F.7, F.8)', () => {
  test('MPPS and MPPS Retrieve are proposed together, and one association serves every operation', async () => {
    let request: AssociateRq | undefined;
    const { upstream, server } = await serve(async (peer) => {
      const accepted = await accept(peer);
      request = accepted.request;
      for (;;) peer.send(response(await accepted.messages.next(), {}, IN_PROGRESS));
    });
    for (const operation of OPERATIONS) await run(upstream, operation);
    expect(server.connections).toBe(1);
    expect(request).toMatchObject({
      calledAeTitle: 'DIMSEWAY',
      callingAeTitle: 'GATEWAY',
      contexts: [
        { id: 1, abstractSyntax: mpps },
        { id: 3, abstractSyntax: mppsRetrieve },
      ],
      userInformation: { roles: [], extended: [] },
    });
  });

  test('each command has the fields of its operation, on the context of its class', async () => {
    const seen: Message[] = [];
    const { upstream } = await serve(answering((request) => response(request, {}, IN_PROGRESS), seen));
    for (const operation of OPERATIONS) await run(upstream, operation);
    expect(seen.map(({ contextId, command }) => ({ contextId, command }))).toEqual([
      {
        contextId: 1,
        command: { commandField: 0x0140, messageId: 1, affectedSopClassUid: mpps, affectedSopInstanceUid: MPPS_UID },
      },
      {
        contextId: 1,
        command: { commandField: 0x0120, messageId: 2, requestedSopClassUid: mpps, requestedSopInstanceUid: MPPS_UID },
      },
      {
        contextId: 3,
        command: {
          commandField: 0x0110,
          messageId: 3,
          requestedSopClassUid: mppsRetrieve,
          requestedSopInstanceUid: MPPS_UID,
        },
      },
    ]);
    expect(seen.map(({ dataSet }) => dataSet === undefined)).toEqual([false, false, true]);
  });

  test.each([
    [undefined, 'Doe', ['ISO_IR 192']],
    ['ISO_IR 100', 'Doe', ['ISO_IR 100']],
    ['ISO_IR 100', 'Müller', ['ISO_IR 100']],
    ['ISO_IR 100', '山田', ['ISO_IR 192']],
    ['\\ISO 2022 IR 87', 'Doe', [null, 'ISO 2022 IR 87']],
    ['\\ISO 2022 IR 87', '山田', [null, 'ISO 2022 IR 87']],
  ])(
    'with character set %s, %s is sent with 00080005 %j: all messages of an MPPS say it',
    async (characterSet, text, terms) => {
      const seen: Message[] = [];
      const { upstream } = await serve(
        answering((request) => response(request), seen),
        characterSet === undefined ? {} : { characterSet },
      );
      const attributes = dataSetOf({ '00100010': attribute('PN', { Alphabetic: text }) });
      await upstream.createMpps(MPPS_UID, attributes, createContext());
      await upstream.updateMpps(MPPS_UID, attributes, createContext());
      const expected = dataSetOf({ ...attributes, '00080005': attribute('CS', ...terms) });
      expect(seen.map(sentBy)).toEqual([expected, expected]);
    },
  );

  test('the calling AE title passes through', async () => {
    const calling = Promise.withResolvers<string>();
    const { upstream } = await serve(
      async (peer) => {
        const { request, messages } = await accept(peer);
        calling.resolve(request.callingAeTitle);
        peer.send(response(await messages.next()));
      },
      { callingAeTitle: 'pass-through' },
    );
    const requester = { listener: 'ward', protocol: 'dimse', address: '::1', callingAeTitle: 'CT1' } as const;
    await run(upstream, 'create', createContext({ requester }));
    expect(await calling.promise).toBe('CT1');
  });

  test('what cannot be written is refused before anything is sent, naming the attribute', async () => {
    const { upstream, server } = await serve(answering((request) => response(request)));
    const attributes = dataSetOf({
      '00400270': attribute('SQ', dataSetOf({ '00080050': attribute('SH', 'a\\b') })),
    });
    await expect(upstream.createMpps(MPPS_UID, attributes, createContext())).rejects.toMatchObject({
      code: 'CONVERSION_FAILED',
      retry: 'permanent',
      attributes: ['00400270'],
    });
    await run(upstream, 'create');
    expect(server.connections).toBe(1);
  });
});

describe('answers (status mapping 4.1, 5.1, 6)', () => {
  test.each<[string, Partial<CommandSet>, DataSet | undefined]>([
    ['nothing but the status', {}, undefined],
    ['class and instance', { affectedSopClassUid: mpps, affectedSopInstanceUid: MPPS_UID }, undefined],
    ['empty class and instance', { affectedSopClassUid: '', affectedSopInstanceUid: '' }, undefined],
    ['the class of MPPS Retrieve', { affectedSopClassUid: mppsRetrieve }, undefined],
    ['what was stored', { affectedSopInstanceUid: MPPS_UID }, IN_PROGRESS],
  ])('a success with %s is done', async (_what, fields, stored) => {
    const { upstream } = await serve(answering((request) => response(request, fields, stored)));
    const completion = stored === undefined ? { uid: MPPS_UID } : { uid: MPPS_UID, stored };
    const context = createContext();
    expect(await run(upstream, 'create', context)).toEqual(completion);
    expect(await run(upstream, 'update', context)).toEqual(completion);
    expect(context.warnings).toEqual([]);
  });

  test('a success with an unreadable data set is done all the same: the status says so', async () => {
    const { upstream } = await serve(answering((request) => response(request, {}, Buffer.from('cut off'))));
    expect(await run(upstream, 'create')).toEqual({ uid: MPPS_UID });
  });

  test.each<[number, Operation, string, string]>([
    [0x0111, 'create', 'DUPLICATE_INSTANCE', 'permanent'],
    [0x0106, 'create', 'INVALID_VALUE', 'permanent'],
    [0x0112, 'update', 'NO_SUCH_INSTANCE', 'permanent'],
    [0x0213, 'update', 'OUT_OF_RESOURCES', 'safe'],
    [0x0118, 'update', 'NOT_SUPPORTED', 'permanent'],
    [0x0211, 'retrieve', 'OPERATION_NOT_SUPPORTED', 'permanent'],
    [0xa777, 'create', 'UPSTREAM_ERROR', 'permanent'],
    [0xff00, 'create', 'UPSTREAM_PROTOCOL_ERROR', 'permanent'],
    [0xfe00, 'create', 'UPSTREAM_PROTOCOL_ERROR', 'permanent'],
  ])('%i of %s is %s, retry %s', async (status, operation, code, retry) => {
    const { upstream } = await serve(answering((request) => response(request, { status, errorComment: 'as said' })));
    expect(await failureOf(upstream, operation)).toMatchObject({
      code,
      retry,
      words: 'as said',
      dimseStatus: status,
    });
  });

  test('a failure tells Error ID, and the attributes of both lists and of the data set', async () => {
    const fields = {
      status: 0x0110,
      errorId: 0xa710,
      offendingElements: ['00400254'],
      attributeIdentifierList: ['00400253', '00400254'],
    };
    const { upstream } = await serve(answering((request) => response(request, fields, COMPLETED)));
    expect(await failureOf(upstream, 'update')).toMatchObject({
      code: 'INSTANCE_FINAL',
      errorId: 0xa710,
      attributes: ['00400252', '00400253', '00400254', '00400340'],
    });
  });

  test('0107H names what was ignored, 0116H holds what was changed, and is not what was stored', async () => {
    const { upstream } = await serve(
      answering((request, index) =>
        index === 0
          ? response(request, { status: 0x0107, attributeIdentifierList: ['00400254'] })
          : response(request, { status: 0x0116 }, dataSetOf({ '00400252': attribute('CS') })),
      ),
    );
    const context = createContext();
    expect(await run(upstream, 'create', context)).toEqual({ uid: MPPS_UID });
    expect(await run(upstream, 'update', context)).toEqual({ uid: MPPS_UID });
    expect(context.warnings).toMatchObject([
      { code: 'ATTRIBUTES_IGNORED', dimseStatus: 0x0107, attributes: ['00400254'] },
      { code: 'VALUES_CHANGED', dimseStatus: 0x0116, attributes: ['00400252'] },
    ]);
  });

  test.each<[string, Partial<CommandSet>]>([
    ['another instance', { affectedSopInstanceUid: '1.2.3' }],
    ['another class', { affectedSopClassUid: '1.2.3' }],
  ])('a success for %s is a broken protocol, unknown for writes, and ends the association', async (_what, fields) => {
    for (const operation of ['create', 'update'] as const) {
      const types = Promise.withResolvers<number[]>();
      const { upstream } = await serve(
        afterRequest(async (peer, request) => {
          peer.send(response(request, fields));
          types.resolve(await peer.receiveTypes());
        }),
      );
      expect(await failureOf(upstream, operation)).toMatchObject({
        code: 'UPSTREAM_PROTOCOL_ERROR',
        retry: 'ambiguous',
      });
      expect(await types.promise).toEqual([PDU_TYPE.abort]);
    }
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
});

describe('retrieve (flows 5.3)', () => {
  const lists = (seen: readonly Message[]): unknown[] => seen.map(({ command }) => command.attributeIdentifierList);

  test('paths become their top-level tags and 00080005; private ones bring their creator', async () => {
    const seen: Message[] = [];
    const { upstream } = await serve(answering((request) => response(request, {}, IN_PROGRESS), seen));
    const paths = [['00400270', '00080050'], ['00400252'], ['00400270', '0020000D'], ['00091001']];
    expect(await upstream.retrieveMpps(MPPS_UID, paths, createContext())).toEqual(IN_PROGRESS);
    expect(lists(seen)).toEqual([['00080005', '00090010', '00091001', '00400252', '00400270']]);
  });

  test('everything is asked for without a list, or by option with that of the table', async () => {
    for (const explicitRetrieveList of [false, true]) {
      const seen: Message[] = [];
      const { upstream } = await serve(
        answering((request) => response(request, {}, IN_PROGRESS), seen),
        {
          explicitRetrieveList,
        },
      );
      await run(upstream, 'retrieve');
      expect(lists(seen)).toEqual([explicitRetrieveList ? RETRIEVABLE_TAGS : undefined]);
    }
  });

  test.each<[string, Partial<CommandSet>]>([
    ['0105H', { status: 0x0105 }],
    ['0106H', { status: 0x0106 }],
    ['0116H', { status: 0x0116 }],
    ['a success without data set', {}],
  ])('%s for the list: once more without one', async (_what, fields) => {
    const seen: Message[] = [];
    const { upstream } = await serve(
      answering(
        (request, index) => (index === 0 ? response(request, fields) : response(request, {}, IN_PROGRESS)),
        seen,
      ),
    );
    const context = createContext();
    expect(await upstream.retrieveMpps(MPPS_UID, [['00400252']], context)).toEqual(IN_PROGRESS);
    expect(lists(seen)).toEqual([['00080005', '00400252'], undefined]);
    expect(context.warnings).toEqual([]);
  });

  test('what is refused without a list too has failed', async () => {
    const seen: Message[] = [];
    const { upstream } = await serve(answering((request) => response(request, { status: 0x0105 }), seen));
    await expect(upstream.retrieveMpps(MPPS_UID, [['00400252']], createContext())).rejects.toMatchObject({
      code: 'NO_SUCH_ATTRIBUTE',
    });
    expect(seen).toHaveLength(2);
  });

  test.each([
    ['no data set', undefined],
    ['a data set cut short', encodeDataSet(IN_PROGRESS, EXPLICIT).subarray(0, -3)],
  ])('a success with %s is unreadable', async (_what, dataSet) => {
    const { upstream } = await serve(answering((request) => response(request, {}, dataSet)));
    expect(await failureOf(upstream, 'retrieve')).toMatchObject({ code: 'ANSWER_UNREADABLE' });
  });

  test('0001H warns of what was left out', async () => {
    const { upstream } = await serve(answering((request) => response(request, { status: 0x0001 }, IN_PROGRESS)));
    const context = createContext();
    expect(await run(upstream, 'retrieve', context)).toEqual(IN_PROGRESS);
    expect(context.warnings).toMatchObject([{ code: 'ATTRIBUTES_IGNORED', dimseStatus: 0x0001 }]);
  });

  test('an SCP without MPPS Retrieve creates and updates; a retrieve is NOT_SUPPORTED, or by option asked of MPPS', async () => {
    for (const retrieveWithMppsClass of [false, true]) {
      const seen: Message[] = [];
      const { upstream, server } = await serve(
        answering((request) => response(request, {}, IN_PROGRESS), seen, [0, 3]),
        { retrieveWithMppsClass },
      );
      await run(upstream, 'create');
      if (retrieveWithMppsClass) {
        expect(await run(upstream, 'retrieve')).toEqual(IN_PROGRESS);
        expect(seen.at(-1)).toMatchObject({ contextId: 1, command: { requestedSopClassUid: mpps } });
      } else {
        expect(await failureOf(upstream, 'retrieve')).toMatchObject({ code: 'NOT_SUPPORTED' });
      }
      await run(upstream, 'update');
      expect(server.connections).toBe(1);
    }
  });

  test('an SCP with MPPS Retrieve alone retrieves', async () => {
    const { upstream } = await serve(answering((request) => response(request, {}, IN_PROGRESS), [], [3, 0]));
    expect(await run(upstream, 'retrieve')).toEqual(IN_PROGRESS);
    expect(await failureOf(upstream, 'create')).toMatchObject({ code: 'NOT_SUPPORTED', retry: 'permanent' });
  });

  test.each([
    [3, 'NOT_SUPPORTED'],
    [4, 'UPSTREAM_REJECTED'],
  ])('both contexts refused with result %i: %s', async (result, code) => {
    const { upstream } = await serve(async (peer) => {
      await accept(peer, result, result);
      await peer.receive();
      peer.send(RELEASE_RP);
    });
    for (const operation of OPERATIONS) expect(await failureOf(upstream, operation)).toMatchObject({ code });
  });
});

describe('no answer (status mapping 2.1, 8)', () => {
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
    [
      'garbage',
      'UPSTREAM_PROTOCOL_ERROR',
      async (peer) => {
        await peer.receive();
        peer.send(Buffer.from('0200ffffffff', 'hex'));
      },
    ],
  ])('%s before the request was sent is %s, safe', async (_what, code, play) => {
    const { upstream } = await serve(play, { associationTimeoutMs: 60 });
    for (const operation of ['create', 'update'] as const) {
      expect(await failureOf(upstream, operation)).toMatchObject({ code, retry: 'safe' });
    }
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
      (peer, request) => peer.send(response(request, { commandField: 0x8030 })),
    ],
    ['a request', 'UPSTREAM_PROTOCOL_ERROR', (peer, request) => peer.send(response(request, { commandField: 0x0100 }))],
    [
      'a data set that was not announced',
      'UPSTREAM_PROTOCOL_ERROR',
      (peer) => peer.send(Buffer.from('04000000000a000000060102', 'hex'), Buffer.alloc(4)),
    ],
  ])(
    '%s instead of the response is %s: unknown for writes, and the association is never used again',
    async (_what, code, play) => {
      const { upstream, server } = await serve(afterRequest(play), { responseTimeoutMs: 60, artimMs: 50 });
      expect(await failureOf(upstream, 'create')).toMatchObject({ code, retry: 'ambiguous' });
      expect(await failureOf(upstream, 'update')).toMatchObject({ code, retry: 'ambiguous' });
      expect(server.connections).toBe(2);
      if (code !== 'UPSTREAM_PROTOCOL_ERROR') {
        expect(await failureOf(upstream, 'retrieve')).toMatchObject({ code, retry: 'safe' });
      }
    },
  );

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
    const failure = failureOf(upstream, 'create', createContext({ signal: aborter.signal }));
    await sent.promise;
    aborter.abort(new ServiceFailure('SHUTTING_DOWN'));
    expect(await failure).toMatchObject({ code: 'SHUTTING_DOWN', retry: 'ambiguous' });
    expect(await types.promise).toEqual([PDU_TYPE.abort]);
  });

  test('an abort before that is safe: nothing was done', async () => {
    const asked = Promise.withResolvers<void>();
    const { upstream, server } = await serve(async (peer) => {
      await peer.receive();
      asked.resolve();
    });
    const aborter = new AbortController();
    const failure = failureOf(upstream, 'create', createContext({ signal: aborter.signal }));
    await asked.promise;
    aborter.abort(new ServiceFailure('SHUTTING_DOWN'));
    expect(await failure).toMatchObject({ code: 'SHUTTING_DOWN', retry: 'safe' });
    const aborted = createContext({ signal: AbortSignal.abort(new ServiceFailure('SHUTTING_DOWN')) });
    expect(await failureOf(upstream, 'update', aborted)).toMatchObject({ code: 'SHUTTING_DOWN', retry: 'safe' });
    expect(server.connections).toBe(1);
  });

  test('never waits beyond the deadline of the request', async () => {
    const { upstream } = await serve(afterRequest(() => undefined));
    const begin = performance.now();
    const failure = await failureOf(upstream, 'create', createContext({ deadline: begin + 50 }));
    expect(failure).toMatchObject({ code: 'UPSTREAM_TIMEOUT', retry: 'ambiguous' });
    expect(performance.now() - begin).toBeLessThan(1_000);
  });
});

describe('kept associations', () => {
  /** Answers one request and falls with the second, without a word. */
  const dropsTheSecond: Play = async (peer, index) => {
    const { messages } = await accept(peer);
    peer.send(response(await messages.next(), {}, IN_PROGRESS));
    if (index === 0) {
      await messages.next();
      peer.destroy();
    }
  };

  test('one that is lost with a write on it is not replaced: the write may have arrived', async () => {
    const { upstream, server } = await serve(dropsTheSecond);
    await run(upstream, 'create');
    expect(await failureOf(upstream, 'update')).toMatchObject({ code: 'CONNECTION_LOST', retry: 'ambiguous' });
    expect(server.connections).toBe(1);
  });

  test('with a retrieve on it a fresh one is tried, once', async () => {
    const { upstream, server } = await serve(dropsTheSecond);
    await run(upstream, 'create');
    expect(await run(upstream, 'retrieve')).toEqual(IN_PROGRESS);
    expect(server.connections).toBe(2);
  });

  test('one that the SCP has ended meanwhile is not taken', async () => {
    const gone = Promise.withResolvers<void>();
    const { upstream, server } = await serve(async (peer, index) => {
      const { messages } = await accept(peer);
      peer.send(response(await messages.next()));
      if (index > 0) return;
      peer.send(RELEASE_RQ);
      await peer.receive();
      peer.socket.end();
      await peer.closed;
      gone.resolve();
    });
    await run(upstream, 'create');
    await gone.promise;
    await run(upstream, 'update');
    expect(server.connections).toBe(2);
  });

  test('after a failure of the SCP the association is used again', async () => {
    const { upstream, server } = await serve(
      answering((request, index) => response(request, { status: index === 0 ? 0x0111 : 0 })),
    );
    expect(await failureOf(upstream)).toMatchObject({ code: 'DUPLICATE_INSTANCE' });
    await run(upstream, 'create');
    expect(server.connections).toBe(1);
  });

  test('without a free place in time nothing was sent: safe', async () => {
    const { upstream } = await serve(
      afterRequest(() => undefined),
      { pool: { maximum: 1, idleMs: 1_000 } },
    );
    const first = failureOf(upstream, 'create', createContext({ deadline: performance.now() + 150 }));
    const second = failureOf(upstream, 'create', createContext({ deadline: performance.now() + 40 }));
    expect(await second).toMatchObject({ code: 'OUT_OF_RESOURCES', retry: 'safe' });
    expect(await first).toMatchObject({ code: 'UPSTREAM_TIMEOUT', retry: 'ambiguous' });
  });
});
