/** MPPS Notification of scripted SCPs that call a listener: who may, for what, and the answers (PS3.4 F.9, status mapping 6). */
import { afterEach, describe, expect, test } from '@jest/globals';
import type { CommandSet } from '../../../src/dimse/command-set.ts';
import type { Message } from '../../../src/dimse/message.ts';
import type { Reporter } from '../../../src/dimse/reporters.ts';
import type { DimseListenerOptions } from '../../../src/dimse/scp.ts';
import { encodePdu, PDU_TYPE } from '../../../src/dimse/upper-layer/pdu.ts';
import type { AssociateAc, AssociateRq } from '../../../src/dimse/upper-layer/pdu.ts';
import type { RoleSelection } from '../../../src/dimse/upper-layer/user-information.ts';
import type { MppsEventType } from '../../../src/services/mpps/notification.ts';
import { ServiceFailure } from '../../../src/services/port.ts';
import { associateRq, decodeRaw, EXPLICIT, message, MessageReader } from '../../support/dimse-bytes.ts';
import { PUSH_MODEL } from '../../support/dimse-commitment.ts';
import { ScriptedHandler, startListener } from '../../support/dimse-listener.ts';
import type { RunningListener } from '../../support/dimse-listener.ts';
import { createContext, createUpstream } from '../../support/dimse-upstream.ts';
import { RawPeer } from '../../support/raw-peer.ts';

const NOTIFICATION = '1.2.840.10008.3.1.2.3.5';
const MPPS = '1.2.840.10008.3.1.2.3.3';
const UID = '1.2.276.0.7230010.3.9.1';
const AS_SCP: RoleSelection = { sopClassUid: NOTIFICATION, scu: false, scp: true };
const MANAGER: Reporter = { aeTitle: 'MANAGER', host: '127.0.0.1', reports: ['mpps'] };
const ARCHIVE: Reporter = { aeTitle: 'ARCHIVE', host: '127.0.0.1', reports: ['storageCommitment'] };

const closers: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function listen(options: Partial<DimseListenerOptions> = {}): Promise<RunningListener> {
  const running = await startListener(new ScriptedHandler(), { reporters: [MANAGER, ARCHIVE], ...options });
  closers.push(() => running.listener.close(0));
  return running;
}

const context = (id: number, abstractSyntax: string): AssociateRq['contexts'][number] => ({
  id,
  abstractSyntax,
  transferSyntaxes: [EXPLICIT],
});

interface Called {
  readonly peer: RawPeer;
  readonly answer: AssociateAc;
}

async function call(
  { port }: RunningListener,
  { callingAeTitle = 'MANAGER', roles = [AS_SCP], classes = [NOTIFICATION] } = {},
): Promise<Called> {
  const peer = await RawPeer.connect(port);
  closers.push(() => peer.destroy());
  const contexts = classes.map((each, i) => context(2 * i + 1, each));
  peer.send(encodePdu(associateRq({ callingAeTitle, contexts, userInformation: { roles, extended: [] } })));
  const answer = decodeRaw(await peer.receive());
  if (answer.type !== PDU_TYPE.associateAc) throw new Error(`answered with PDU type ${answer.type}`);
  return { peer, answer };
}

const REPORT: CommandSet = {
  commandField: 0x0100,
  affectedSopClassUid: NOTIFICATION,
  affectedSopInstanceUid: UID,
  eventTypeId: 1,
  messageId: 1,
};

async function ask(running: RunningListener, fields: Partial<CommandSet> = {}, dataSet?: Buffer): Promise<Message> {
  const { peer } = await call(running);
  const command = Object.fromEntries(
    Object.entries({ ...REPORT, ...fields }).filter(([, value]) => value !== undefined),
  );
  peer.send(message(1, command as unknown as CommandSet, dataSet));
  return new MessageReader(peer).next();
}

describe('who may notify', () => {
  test('an SCP that MPPS go to, from its host: its role is agreed, that of an SCU is not', async () => {
    const running = await listen();
    const { answer } = await call(running, { roles: [{ ...AS_SCP, scu: true }] });
    expect(answer.contexts).toEqual([{ id: 1, result: 0, transferSyntax: EXPLICIT }]);
    expect(answer.userInformation.roles).toEqual([AS_SCP]);
  });

  test('a proposal without its role is taken: many do not know of roles (PS3.7 D.3.3.4)', async () => {
    const { answer } = await call(await listen(), { roles: [] });
    expect(answer.contexts).toMatchObject([{ result: 0 }]);
    expect(answer.userInformation.roles).toEqual([]);
  });

  test('one that would be an SCU is refused by the user: whom we notify we call ourselves (F.9.2)', async () => {
    const { answer } = await call(await listen(), { roles: [{ ...AS_SCP, scu: true, scp: false }] });
    expect(answer.contexts).toMatchObject([{ result: 1 }]);
  });

  test.each([
    ['the SCP of MPPS notifies and does not report storage commitment', 'MANAGER', [0, 3]],
    ['an archive reports storage commitment and does not notify', 'ARCHIVE', [3, 0]],
    ['nobody else does either', 'CT1', [3, 3]],
  ])('%s', async (_what, callingAeTitle, results) => {
    const running = await listen();
    running.handler.commitmentRoute = undefined;
    const { answer } = await call(running, { callingAeTitle, roles: [], classes: [NOTIFICATION, PUSH_MODEL] });
    expect(answer.contexts.map(({ result }) => result)).toEqual(results);
  });

  test('not one of its title at another host', async () => {
    const running = await listen({ reporters: [{ ...MANAGER, host: '192.0.2.7' }] });
    const { answer } = await call(running);
    expect(answer.contexts).toMatchObject([{ result: 3 }]);
    expect(running.logger.lines).toContainEqual(
      expect.objectContaining({ message: 'it has the AE title of one that reports to us, but not its address' }),
    );
  });

  test('whoever is listed: it is admitted for that alone', async () => {
    const running = await listen({ callingAeTitles: ['CT1'] });
    const { answer } = await call(running, { classes: [NOTIFICATION, MPPS] });
    expect(answer.contexts.map(({ result }) => result)).toEqual([0, 3]);
  });
});

describe('what is taken (PS3.4 F.9.2.2)', () => {
  test.each<MppsEventType>([1, 2, 3, 4, 5])('event %i', async (eventTypeId) => {
    const running = await listen();
    const { command, dataSet } = await ask(running, { eventTypeId });
    expect({ command, dataSet }).toEqual({
      command: {
        commandField: 0x8100,
        messageIdBeingRespondedTo: 1,
        affectedSopClassUid: NOTIFICATION,
        affectedSopInstanceUid: UID,
        eventTypeId,
        status: 0,
      },
      dataSet: undefined,
    });
    expect(running.handler.notifications.map(({ event }) => event)).toEqual([{ uid: UID, type: eventTypeId }]);
    expect(running.handler.notifications[0]?.context.requester).toMatchObject({
      callingAeTitle: 'MANAGER',
      protocol: 'dimse',
      listener: 'ward',
    });
  });

  test('also with a data set, which it does not have, and with the UID where a request has it', async () => {
    const running = await listen();
    const misplaced = {
      affectedSopInstanceUid: undefined,
      requestedSopInstanceUid: UID,
    } as unknown as Partial<CommandSet>;
    expect((await ask(running, misplaced, Buffer.alloc(8))).command.status).toBe(0);
    expect(running.handler.notifications).toHaveLength(1);
  });

  test('several on one association, one after the other', async () => {
    const running = await listen();
    const { peer } = await call(running);
    peer.send(message(1, REPORT), message(1, { ...REPORT, eventTypeId: 2, messageId: 2 }));
    expect(await new MessageReader(peer).statuses(2)).toEqual([0, 0]);
    expect(running.handler.notifications.map(({ event }) => event.type)).toEqual([1, 2]);
  });
});

describe('what is refused (status mapping 6)', () => {
  test.each<[string, Partial<Record<keyof CommandSet, unknown>>, number]>([
    ['an event type that is none', { eventTypeId: 6 }, 0x0113],
    ['no event type', { eventTypeId: undefined }, 0x0113],
    ['another class', { affectedSopClassUid: MPPS }, 0x0118],
    ['no instance', { affectedSopInstanceUid: undefined }, 0x0117],
    ['an instance that is no UID', { affectedSopInstanceUid: '1.02.3' }, 0x0117],
  ])('%s', async (_what, fields, status) => {
    const running = await listen();
    expect((await ask(running, fields as Partial<CommandSet>)).command.status).toBe(status);
    expect(running.handler.notifications).toEqual([]);
  });

  test.each<[string, ServiceFailure, number, string]>([
    ['an MPPS nobody knows', new ServiceFailure('NO_SUCH_INSTANCE', { comment: 'not created here' }), 0x0112, 'not created here'],
    ['what cannot be stored', new ServiceFailure('OUT_OF_RESOURCES', { retry: 'safe' }), 0x0213, 'out of resources: try again later'],
    ['what goes wrong otherwise', new ServiceFailure('INTERNAL_ERROR'), 0x0110, 'internal error'],
  ])('%s, with what the gateway says', async (_what, failure, status, errorComment) => {
    const running = await listen();
    running.handler.notifyMpps = () => Promise.reject(failure);
    expect((await ask(running)).command).toMatchObject({ status, errorComment });
  }); // prettier-ignore

  test('a fault of ours is 0110H, and the association goes on', async () => {
    const running = await listen();
    running.handler.notifyMpps = () => Promise.reject(new TypeError('broken'));
    const { peer } = await call(running);
    const reader = new MessageReader(peer);
    peer.send(message(1, REPORT));
    expect(await reader.statuses(1)).toEqual([0x0110]);
    running.handler.notifyMpps = () => Promise.resolve();
    peer.send(message(1, { ...REPORT, messageId: 2 }));
    expect(await reader.statuses(1)).toEqual([0]);
  });

  test('what says nothing usable leaves its line', async () => {
    const running = await listen();
    await ask(running, { eventTypeId: 9 });
    expect(running.handler.refusals).toMatchObject([{ code: 'OPERATION_NOT_SUPPORTED' }]);
  });

  test('one that takes too long is answered in time, and goes on', async () => {
    const running = await listen({ requestTimeoutMs: 40 });
    const done = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<void>();
    running.handler.notifyMpps = () => done.promise.then(() => ended.resolve());
    expect((await ask(running)).command.status).toBe(0x0110);
    done.resolve();
    await ended.promise;
  });
});

test('our upstream notifies our listener: each agrees with the other (PS3.4 F.9)', async () => {
  const running = await listen();
  const upstream = createUpstream(running.port, { callingAeTitle: 'MANAGER' });
  closers.push(() => upstream.close());
  await upstream.notifyMpps({ uid: UID, type: 3 }, createContext());
  running.handler.notifyMpps = () => Promise.reject(new ServiceFailure('OUT_OF_RESOURCES', { retry: 'safe' }));
  await expect(upstream.notifyMpps({ uid: UID, type: 4 }, createContext())).rejects.toMatchObject({
    code: 'OUT_OF_RESOURCES',
    dimseStatus: 0x0213,
  });
  expect(running.handler.notifications.map(({ event }) => event)).toEqual([{ uid: UID, type: 3 }]);
});
