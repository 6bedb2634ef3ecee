/** MPPS Notification to a scripted SCU: the association, what goes out, what each answer means (PS3.4 F.9, PS3.7 10.1.1). */
import { describe, expect, test } from '@jest/globals';
import type { CommandSet } from '../../../src/dimse/command-set.ts';
import type { Message } from '../../../src/dimse/message.ts';
import type { AssociateRq } from '../../../src/dimse/upper-layer/pdu.ts';
import type { RoleSelection } from '../../../src/dimse/upper-layer/user-information.ts';
import type { DimseUpstream } from '../../../src/dimse/upstream.ts';
import type { MppsEventType } from '../../../src/services/mpps/notification.ts';
import { ServiceFailure } from '../../../src/services/port.ts';
import type { RequestContext } from '../../../src/services/port.ts';
import { ABORT } from '../../support/dimse-bytes.ts';
import { createContext } from '../../support/dimse-upstream.ts';
import { WARD } from '../../support/requests.ts';
import { acceptAssociation, agreeToRelease, response, scriptedScps } from '../../support/scripted-scp.ts';
import type { AcceptOptions, Play } from '../../support/scripted-scp.ts';

const NOTIFICATION = '1.2.840.10008.3.1.2.3.5';
const UID = '1.2.276.0.7230010.3.9.1';
const AGREED: RoleSelection = { sopClassUid: NOTIFICATION, scu: false, scp: true };

const serve = scriptedScps();

interface Seen {
  requests: AssociateRq[];
  messages: Message[];
}
const nothing = (): Seen => ({ requests: [], messages: [] });

/** An SCU that agrees to the role, answers what it is told and agrees to the release. */
function answering(
  fields: Partial<CommandSet> = {},
  seen: Seen = nothing(),
  options: AcceptOptions = { roles: [AGREED] },
): Play {
  return async (peer) => {
    const { request, messages } = await acceptAssociation(peer, options);
    seen.requests.push(request);
    const message = await messages.next();
    seen.messages.push(message);
    peer.send(response(message, fields));
    await agreeToRelease(peer);
  };
}

const tell = (upstream: DimseUpstream, type: MppsEventType = 2, context = createContext()): Promise<void> =>
  upstream.notifyMpps({ uid: UID, type }, context);

async function failureOf(upstream: DimseUpstream, context?: RequestContext): Promise<ServiceFailure> {
  const outcome = await upstream.notifyMpps({ uid: UID, type: 2 }, context ?? createContext()).then(
    () => undefined,
    (error: unknown) => error,
  );
  if (outcome instanceof ServiceFailure) return outcome;
  throw new Error('it did not fail as it should');
}

describe('what goes out', () => {
  test.each<MppsEventType>([1, 2, 3, 4, 5])(
    'event %i: the whole command, no data set, as SCP (F.9.2.2)',
    async (type) => {
      const seen = nothing();
      const { upstream } = await serve(answering({}, seen));
      await tell(upstream, type);
      expect(seen.requests).toMatchObject([
        {
          calledAeTitle: 'DIMSEWAY',
          callingAeTitle: 'GATEWAY',
          contexts: [{ id: 1, abstractSyntax: NOTIFICATION }],
          userInformation: { roles: [{ sopClassUid: NOTIFICATION, scu: false, scp: true }], extended: [] },
        },
      ]);
      expect(seen.messages.map(({ command, dataSet }) => ({ command, dataSet }))).toEqual([
        {
          command: {
            commandField: 0x0100,
            messageId: 1,
            affectedSopClassUid: NOTIFICATION,
            affectedSopInstanceUid: UID,
            eventTypeId: type,
          },
          dataSet: undefined,
        },
      ]);
    },
  );

  test('each event has an association of its own, under a title of ours also where titles pass through', async () => {
    const seen = nothing();
    const { upstream } = await serve(answering({}, seen), {
      callingAeTitle: 'pass-through',
      fallbackCallingAeTitle: 'MANAGER',
    });
    const context = createContext({ requester: WARD });
    await tell(upstream, 1, context);
    expect(upstream.counts.idle).toBe(0);
    await tell(upstream, 2, context);
    expect(seen.requests.map(({ callingAeTitle }) => callingAeTitle)).toEqual(['MANAGER', 'MANAGER']);
    expect(seen.messages.map(({ command }) => command.eventTypeId)).toEqual([1, 2]);
  });
});

describe('the role of SCP (PS3.7 D.3.3.4)', () => {
  test.each<[string, readonly RoleSelection[]]>([
    ['not mentioned', []],
    ['refused', [{ ...AGREED, scp: false }]],
    ['of another class', [{ ...AGREED, sopClassUid: '1.2.840.10008.1.20.1' }]],
  ])('%s: nothing is sent, and it may be tried again', async (_what, roles) => {
    const { upstream } = await serve(async (peer) => {
      await acceptAssociation(peer, { roles });
      await agreeToRelease(peer);
    });
    expect(await failureOf(upstream)).toMatchObject({ code: 'UPSTREAM_REJECTED', dimseStatus: undefined });
  });

  test.each([
    ['try', [{ sopClassUid: NOTIFICATION, scu: false, scp: true }]],
    ['omit', []],
  ] as const)('by option %s the SCU is told without its consent', async (reportRoleSelection, proposed) => {
    const seen = nothing();
    const { upstream } = await serve(answering({}, seen, {}), { reportRoleSelection });
    await tell(upstream);
    expect(seen.requests.map(({ userInformation }) => userInformation.roles)).toEqual([proposed]);
  });
});

describe('answers (status mapping 6)', () => {
  test.each([0x0000, 0x0001, 0x0107, 0x0116, 0xb000])('%i: the SCU has taken it', async (status) => {
    const { upstream } = await serve(answering({ status }));
    await tell(upstream);
  });

  test.each<[number, string, string]>([
    [0x0110, 'UPSTREAM_ERROR', 'permanent'],
    [0x0112, 'NO_SUCH_INSTANCE', 'permanent'],
    [0x0113, 'OPERATION_NOT_SUPPORTED', 'permanent'],
    [0x0117, 'INVALID_UID', 'permanent'],
    [0x0118, 'NOT_SUPPORTED', 'permanent'],
    [0x0211, 'OPERATION_NOT_SUPPORTED', 'permanent'],
    [0x0213, 'OUT_OF_RESOURCES', 'safe'],
  ])('%i is %s, retry %s', async (status, code, retry) => {
    const { upstream } = await serve(answering({ status, errorComment: 'as said' }));
    expect(await failureOf(upstream)).toMatchObject({ code, retry, words: 'as said', dimseStatus: status });
  });

  test('a context that is not accepted says that the class is not offered', async () => {
    const { upstream } = await serve(async (peer) => {
      await acceptAssociation(peer, { results: [3] });
      await agreeToRelease(peer);
    });
    expect(await failureOf(upstream)).toMatchObject({ code: 'NOT_SUPPORTED', dimseStatus: undefined });
  });

  test.each<[string, Play]>([
    [
      'an abort',
      async (peer) => {
        const { messages } = await acceptAssociation(peer, { roles: [AGREED] });
        await messages.next();
        peer.send(ABORT);
      },
    ],
    [
      'no answer in time',
      async (peer) => {
        const { messages } = await acceptAssociation(peer, { roles: [AGREED] });
        await messages.next();
        await peer.closed;
      },
    ],
  ])('%s leaves open whether it was taken', async (_what, play) => {
    const { upstream } = await serve(play, { responseTimeoutMs: 60, artimMs: 50 });
    expect(await failureOf(upstream)).toMatchObject({ retry: 'ambiguous', dimseStatus: undefined });
  });
});
