/** N-EVENT-REPORT to a scripted SCU on an association of ours: roles, what goes out, what each answer means. */
import { describe, expect, test } from '@jest/globals';
import { decodeDataSet } from '../../../src/dataset/binary/decode.ts';
import { attribute, dataSetOf } from '../../../src/dataset/model.ts';
import type { CommandSet } from '../../../src/dimse/command-set.ts';
import type { Message } from '../../../src/dimse/message.ts';
import { encodePdu, PDU_TYPE } from '../../../src/dimse/upper-layer/pdu.ts';
import type { AssociateRq } from '../../../src/dimse/upper-layer/pdu.ts';
import type { RoleSelection } from '../../../src/dimse/upper-layer/user-information.ts';
import type { DimseUpstream } from '../../../src/dimse/upstream.ts';
import { ServiceFailure } from '../../../src/services/port.ts';
import type { CommitmentReportContext } from '../../../src/services/port.ts';
import { nextAfterReport } from '../../../src/services/storage-commitment/answers.ts';
import type { CommitmentResult } from '../../../src/services/storage-commitment/commitment.ts';
import { eventOf } from '../../../src/services/storage-commitment/messages.ts';
import { ABORT, EXPLICIT, RELEASE_RP, RELEASE_RQ } from '../../support/dimse-bytes.ts';
import {
  EVENT_INFORMATION,
  PUSH_MODEL,
  PUSH_MODEL_INSTANCE,
  references,
  REFERENCES,
  RESULT,
  TRANSACTION_UID,
} from '../../support/dimse-commitment.ts';
import { createContext } from '../../support/dimse-upstream.ts';
import type { RawPeer } from '../../support/raw-peer.ts';
import { acceptAssociation, agreeToRelease, response, scriptedScps } from '../../support/scripted-scp.ts';
import type { Play } from '../../support/scripted-scp.ts';

const AGREED: RoleSelection = { sopClassUid: PUSH_MODEL, scu: false, scp: true };

const serve = scriptedScps();

interface Seen {
  request?: AssociateRq;
  message?: Message;
}

/** An SCU that agrees to the role, answers the report and agrees to the release. */
function answering(
  fields: Partial<CommandSet> = {},
  seen: Seen = {},
  roles: readonly RoleSelection[] = [AGREED],
): Play {
  return async (peer) => {
    const { request, messages } = await acceptAssociation(peer, { roles });
    seen.request = request;
    const message = await messages.next();
    seen.message = message;
    peer.send(response(message, fields));
    await agreeToRelease(peer);
  };
}

/** Accepts with the role, reads the report and hands over. */
function afterRequest(play: (peer: RawPeer, request: Message) => Promise<void> | void): Play {
  return async (peer) => {
    const { messages } = await acceptAssociation(peer, { roles: [AGREED] });
    await play(peer, await messages.next());
  };
}

function report(
  upstream: DimseUpstream,
  context: CommitmentReportContext = createContext(),
  result: CommitmentResult = RESULT,
): Promise<void> {
  return upstream.reportCommitment(TRANSACTION_UID, result, context);
}

async function failureOf(upstream: DimseUpstream, context?: CommitmentReportContext): Promise<ServiceFailure> {
  try {
    await report(upstream, context);
  } catch (error) {
    if (error instanceof ServiceFailure) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

describe('what goes out (PS3.4 J.3.3, PS3.7 10.3.1)', () => {
  test('the role of SCP is proposed; the whole command and data set', async () => {
    const seen: Seen = {};
    const { upstream } = await serve(answering({}, seen));
    await report(upstream);
    expect(seen.request).toMatchObject({
      calledAeTitle: 'DIMSEWAY',
      callingAeTitle: 'GATEWAY',
      contexts: [{ id: 1, abstractSyntax: PUSH_MODEL }],
      userInformation: { roles: [{ sopClassUid: PUSH_MODEL, scu: false, scp: true }] },
    });
    expect(seen.message?.command).toEqual({
      commandField: 0x0100,
      messageId: 1,
      affectedSopClassUid: PUSH_MODEL,
      affectedSopInstanceUid: PUSH_MODEL_INSTANCE,
      eventTypeId: 2,
    });
    expect(decodeDataSet(seen.message?.dataSet ?? Buffer.alloc(0), EXPLICIT)).toEqual(EVENT_INFORMATION);
  });

  test('when all is committed it is of type 1; Retrieve AE Title as the context says', async () => {
    const seen: Seen = {};
    const { upstream } = await serve(answering({}, seen));
    const context = { ...createContext(), retrieveAeTitle: 'ARCHIVE' };
    await report(upstream, context, { committed: REFERENCES, failed: [] });
    expect(seen.message?.command.eventTypeId).toBe(1);
    const items = REFERENCES.map(({ sopClassUid, sopInstanceUid }) =>
      dataSetOf({ '00081150': attribute('UI', sopClassUid), '00081155': attribute('UI', sopInstanceUid) }),
    );
    expect(decodeDataSet(seen.message?.dataSet ?? Buffer.alloc(0), EXPLICIT)).toEqual(
      dataSetOf({
        '00080054': attribute('AE', 'ARCHIVE'),
        '00081195': attribute('UI', TRANSACTION_UID),
        '00081199': attribute('SQ', ...items),
      }),
    );
  });

  test.each([
    ['the AE title that the SCU had called', 'GATEWAY', { callingAeTitle: 'PACS' }, 'PACS'],
    ['else that of the configuration', 'GATEWAY', {}, 'GATEWAY'],
    ['never that of the SCU itself', 'pass-through', {}, 'FALLBACK'],
  ])('it comes from %s', async (_what, callingAeTitle, told, expected) => {
    const seen: Seen = {};
    const { upstream } = await serve(answering({}, seen), { callingAeTitle, fallbackCallingAeTitle: 'FALLBACK' });
    const requester = { listener: 'ward', protocol: 'dimse', address: '::1', callingAeTitle: 'CT1' } as const;
    await report(upstream, { ...createContext({ requester }), ...told });
    expect(seen.request?.callingAeTitle).toBe(expected);
  });

  test('10,000 instances are one message', async () => {
    const seen: Seen = {};
    const { upstream } = await serve(async (peer) => {
      const { messages } = await acceptAssociation(peer, { roles: [AGREED] });
      seen.message = await messages.next();
      peer.send(response(seen.message));
      await agreeToRelease(peer);
    });
    const instances = references(10_000);
    const committed = instances.slice(0, 9_000);
    const failed = instances.slice(9_000).map((reference) => ({ ...reference, reason: 0x0112 }));
    await report(upstream, createContext(), { committed, failed });
    const sent = decodeDataSet(seen.message?.dataSet ?? Buffer.alloc(0), EXPLICIT);
    expect(eventOf(2, sent)).toEqual({ transactionUid: TRANSACTION_UID, committed, failed });
  });

  test('each report has an association of its own, which is released', async () => {
    const released = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const { upstream, server } = await serve(async (peer, index) => {
      await answering()(peer, index);
      released[index]?.resolve();
    });
    await report(upstream);
    await report(upstream);
    await Promise.all(released.map(({ promise }) => promise));
    expect(server.connections).toBe(2);
  });
});

describe('role selection (PS3.7 D.3.3.4)', () => {
  const REFUSED = { ...AGREED, scp: false };
  const OTHER = { ...AGREED, sopClassUid: '1.2.840.10008.5.1.4.31' };

  test.each<['require' | 'try' | 'omit', string, readonly RoleSelection[]]>([
    ['require', 'agreed', [AGREED]],
    ['try', 'agreed', [AGREED]],
    ['try', 'refused', [REFUSED]],
    ['try', 'not answered', []],
    ['omit', 'not answered', []],
  ])('%s, and the role is %s: it is reported', async (reportRoleSelection, _what, roles) => {
    const seen: Seen = {};
    const { upstream } = await serve(answering({}, seen, roles), { reportRoleSelection });
    await report(upstream);
    expect(seen.request?.userInformation.roles).toEqual(reportRoleSelection === 'omit' ? [] : [AGREED]);
    expect(decodeDataSet(seen.message?.dataSet ?? Buffer.alloc(0), EXPLICIT)).toEqual(EVENT_INFORMATION);
  });

  test.each<[string, readonly RoleSelection[]]>([
    ['refused', [REFUSED]],
    ['not answered', []],
    ['answered for another SOP class', [OTHER]],
  ])(
    'require is the default, and the role is %s: nothing is sent, and the failure says what to set',
    async (_what, roles) => {
      const released = Promise.withResolvers<void>();
      const { upstream } = await serve(async (peer) => {
        await acceptAssociation(peer, { roles });
        await agreeToRelease(peer);
        released.resolve();
      });
      const failure = await failureOf(upstream);
      expect(failure).toMatchObject({
        code: 'UPSTREAM_REJECTED',
        retry: 'permanent',
        message: 'role SCP not agreed: commitment.roleSelection try sends anyway',
      });
      expect(nextAfterReport(failure)).toBe('again');
      await released.promise;
    },
  );

  describe.each(['require', 'try', 'omit'] as const)('%s', (reportRoleSelection) => {
    test.each([
      [3, 'NOT_SUPPORTED'],
      [4, 'UPSTREAM_REJECTED'],
    ])('a context refused with result %i is %s', async (result, code) => {
      const released = Promise.withResolvers<void>();
      const { upstream } = await serve(
        async (peer) => {
          await acceptAssociation(peer, { results: [result], roles: [AGREED] });
          await agreeToRelease(peer);
          released.resolve();
        },
        { reportRoleSelection },
      );
      const failure = await failureOf(upstream);
      expect(failure).toMatchObject({ code, retry: 'permanent' });
      expect(nextAfterReport(failure)).toBe('again');
      await released.promise;
    });
  });
});

describe('answers (status mapping 7.3)', () => {
  test.each([0x0000, 0x0001, 0x0107, 0x0116, 0xb000])('%i: the SCU has taken it', async (status) => {
    const { upstream } = await serve(answering({ status }));
    await report(upstream);
  });

  test.each<[number, string, string, string]>([
    [0x0110, 'UPSTREAM_ERROR', 'permanent', 'few-times'],
    [0x0112, 'NO_SUCH_INSTANCE', 'permanent', 'never'],
    [0x0113, 'OPERATION_NOT_SUPPORTED', 'permanent', 'never'],
    [0x0114, 'INVALID_VALUE', 'permanent', 'never'],
    [0x0115, 'INVALID_VALUE', 'permanent', 'few-times'],
    [0x0117, 'INVALID_UID', 'permanent', 'never'],
    [0x0118, 'NOT_SUPPORTED', 'permanent', 'never'],
    [0x0119, 'INSTANCE_CONFLICT', 'permanent', 'never'],
    [0x0210, 'INTERNAL_ERROR', 'permanent', 'never'],
    [0x0211, 'OPERATION_NOT_SUPPORTED', 'permanent', 'never'],
    [0x0213, 'OUT_OF_RESOURCES', 'safe', 'again'],
  ])('%i is %s, retry %s: %s more', async (status, code, retry, next) => {
    const released = Promise.withResolvers<void>();
    const { upstream } = await serve(async (peer, index) => {
      await answering({ status, errorComment: 'as said' })(peer, index);
      released.resolve();
    });
    const failure = await failureOf(upstream);
    expect(failure).toMatchObject({ code, retry, words: 'as said', dimseStatus: status });
    expect(nextAfterReport(failure)).toBe(next);
    await released.promise;
  });
});

describe('no answer (status mapping 7.3, 2.1)', () => {
  test.each<[string, string, string, Play]>([
    [
      'A-ASSOCIATE-RJ transient',
      'OUT_OF_RESOURCES',
      'safe',
      async (peer) => {
        await peer.receive();
        peer.send(encodePdu({ type: PDU_TYPE.associateRj, result: 2, source: 1, reason: 1 }));
      },
    ],
    [
      'A-ASSOCIATE-RJ permanent',
      'UPSTREAM_REJECTED',
      'permanent',
      async (peer) => {
        await peer.receive();
        peer.send(encodePdu({ type: PDU_TYPE.associateRj, result: 1, source: 1, reason: 3 }));
      },
    ],
    ['the end of the connection', 'UPSTREAM_UNREACHABLE', 'safe', (peer) => peer.destroy()],
    ['nothing', 'UPSTREAM_UNREACHABLE', 'safe', () => undefined],
  ])('%s before the report was sent is %s, %s', async (_what, code, retry, play) => {
    const { upstream } = await serve(play, { associationTimeoutMs: 60 });
    const failure = await failureOf(upstream);
    expect(failure).toMatchObject({ code, retry });
    expect(nextAfterReport(failure)).toBe('again');
  });

  test.each<[string, string, (peer: RawPeer, request: Message) => Promise<void> | void]>([
    ['A-ABORT', 'CONNECTION_LOST', (peer) => peer.send(ABORT)],
    ['the end of the connection', 'CONNECTION_LOST', (peer) => peer.destroy()],
    ['A-RELEASE-RQ', 'CONNECTION_LOST', (peer) => peer.send(RELEASE_RQ)],
    ['nothing', 'UPSTREAM_TIMEOUT', () => undefined],
    [
      'another message id',
      'UPSTREAM_PROTOCOL_ERROR',
      (peer, request) => peer.send(response(request, { messageIdBeingRespondedTo: 77 })),
    ],
    [
      'an N-EVENT-REPORT of its own',
      'UPSTREAM_PROTOCOL_ERROR',
      (peer, request) => peer.send(response(request, { commandField: 0x0100 })),
    ],
  ])('%s instead of the response is %s: the SCU may have it, and gets it again', async (_what, code, play) => {
    const { upstream } = await serve(afterRequest(play), { responseTimeoutMs: 60, artimMs: 50 });
    const failure = await failureOf(upstream);
    expect(failure).toMatchObject({ code, retry: 'ambiguous' });
    expect(nextAfterReport(failure)).toBe('again');
  });

  test('an abort of the one who reports is ambiguous once it was sent, and the association is aborted', async () => {
    const sent = Promise.withResolvers<void>();
    const types = Promise.withResolvers<number[]>();
    const { upstream } = await serve(
      afterRequest(async (peer) => {
        sent.resolve();
        types.resolve(await peer.receiveTypes());
      }),
    );
    const aborter = new AbortController();
    const failure = failureOf(upstream, createContext({ signal: aborter.signal }));
    await sent.promise;
    aborter.abort(new ServiceFailure('SHUTTING_DOWN'));
    expect(await failure).toMatchObject({ code: 'SHUTTING_DOWN', retry: 'ambiguous' });
    expect(await types.promise).toEqual([PDU_TYPE.abort]);
  });

  test('never waits beyond the deadline', async () => {
    const { upstream } = await serve(afterRequest(() => undefined));
    const begin = performance.now();
    const failure = await failureOf(upstream, createContext({ deadline: begin + 50 }));
    expect(failure).toMatchObject({ code: 'UPSTREAM_TIMEOUT', retry: 'ambiguous' });
    expect(performance.now() - begin).toBeLessThan(1_000);
  });

  test('a report has its place in the pool, which its release frees', async () => {
    const release = Promise.withResolvers<void>();
    const { upstream } = await serve(
      async (peer) => {
        const { messages } = await acceptAssociation(peer, { roles: [AGREED] });
        peer.send(response(await messages.next()));
        await peer.receive();
        await release.promise;
        peer.send(RELEASE_RP);
      },
      { pool: { maximum: 1, idleMs: 1_000 } },
    );
    await report(upstream);
    expect(await failureOf(upstream, createContext({ deadline: performance.now() + 40 }))).toMatchObject({
      code: 'OUT_OF_RESOURCES',
      retry: 'safe',
    });
    release.resolve();
    await report(upstream);
    await upstream.close();
  });
});
