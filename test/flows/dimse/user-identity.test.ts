/** User identity of associations (PS3.7 D.3.3.7): what a listener makes of it, and what an upstream shows. */
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { Reporter } from '../../../src/dimse/reporters.ts';
import type { DimseUpstreamOptions } from '../../../src/dimse/upstream.ts';
import { UserIdentityCheck } from '../../../src/dimse/user-identity.ts';
import type { UserIdentityOptions } from '../../../src/dimse/user-identity.ts';
import { encodePdu, PDU_TYPE } from '../../../src/dimse/upper-layer/pdu.ts';
import { SOP_CLASSES } from '../../../src/dimse/uids.ts';
import type { Pdu } from '../../../src/dimse/upper-layer/pdu.ts';
import type { UserIdentity } from '../../../src/dimse/upper-layer/user-information.ts';
import type { AuthenticationEvent } from '../../../src/identity/principal.ts';
import { hashSecret } from '../../../src/identity/secret-hash.ts';
import type { RequestContext } from '../../../src/services/port.ts';
import { STORAGE_COMMITMENT_PUSH_MODEL } from '../../../src/services/storage-commitment/attributes.ts';
import { associateRq, decodeRaw, EXPLICIT, findRq, MessageReader } from '../../support/dimse-bytes.ts';
import { createRq, IN_PROGRESS } from '../../support/dimse-mpps.ts';
import {
  IDENTIFIER,
  results,
  ROUTE,
  ScriptedHandler,
  startListener,
  withdrawals,
} from '../../support/dimse-listener.ts';
import type { RunningListener } from '../../support/dimse-listener.ts';
import { collect, createContext, createUpstream, QUERY } from '../../support/dimse-upstream.ts';
import { RawPeer } from '../../support/raw-peer.ts';
import { AUDIENCE, createKey, ISSUER, sign, TokenIssuer } from '../../support/token-issuer.ts';
import type { IssuedKey } from '../../support/token-issuer.ts';

const PASSCODE = 'passcode-4711';

let issuer: TokenIssuer;
let key: IssuedKey;
let passcodeHash: string;
const closers: (() => Promise<unknown> | void)[] = [];

beforeAll(async () => {
  key = await createKey('key');
  issuer = await TokenIssuer.start(key);
  passcodeHash = await hashSecret(PASSCODE);
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});
afterAll(() => issuer.close());

interface Running extends RunningListener {
  readonly events: readonly AuthenticationEvent[];
  /** Of the options. */
  readonly identity: { readonly userIdentity: UserIdentityCheck };
  /** Of every search. */
  readonly contexts: readonly RequestContext[];
}

async function listen(
  changes: Partial<UserIdentityOptions> = {},
  { scopes = [], reporters = [] }: { scopes?: readonly string[]; reporters?: readonly Reporter[] } = {},
): Promise<Running> {
  const userIdentity = new UserIdentityCheck({
    mode: 'accept',
    users: [{ name: 'jane', passcodeHash, scopes: ['worklist'] }, { name: 'Jürgen', passcodeHash }, { name: 'ct1' }],
    jwt: { issuer: ISSUER, audience: AUDIENCE, keys: issuer.keysUrl },
    ...changes,
  });
  const contexts: RequestContext[] = [];
  const handler = new ScriptedHandler((_query, context) => {
    contexts.push(context);
    return results(1);
  });
  handler.route = { ...ROUTE, scopes };
  const events: AuthenticationEvent[] = [];
  const authenticated = (event: AuthenticationEvent): void => void events.push(event);
  const running = await startListener(handler, { userIdentity, authenticated, reporters });
  closers.push(
    () => userIdentity.close(),
    () => running.listener.close(0),
  );
  return { ...running, events, contexts, identity: { userIdentity } };
}

/** The answer to an association request with this identity. */
async function answerTo({ port }: RunningListener, userIdentity?: UserIdentity, abstractSyntax?: string): Promise<Pdu> {
  const peer = await RawPeer.connect(port);
  closers.push(() => peer.destroy());
  const request = associateRq();
  const contexts = abstractSyntax && { contexts: [{ id: 1, abstractSyntax, transferSyntaxes: [EXPLICIT] }] };
  const userInformation = { ...request.userInformation, ...(userIdentity && { userIdentity }) };
  peer.send(encodePdu({ ...request, ...contexts, userInformation }));
  return decodeRaw(await peer.receive());
}

function identity(type: number, primary: string | Uint8Array, secondary = '', responseRequested = false): UserIdentity {
  const bytes = typeof primary === 'string' ? Buffer.from(primary) : primary;
  return { type, responseRequested, primary: bytes, secondary: Buffer.from(secondary) };
}

/** `accepted`, with the server response when there is one, or `result/source/reason`. */
function told(answer: Pdu): string {
  if (answer.type === PDU_TYPE.associateRj) return `${answer.result}/${answer.source}/${answer.reason}`;
  if (answer.type !== PDU_TYPE.associateAc) throw new Error(`PDU type ${answer.type}`);
  const { userIdentityResponse: response } = answer.userInformation;
  return response === undefined ? 'accepted' : `accepted, response of ${response.length} bytes`;
}

describe('a user identity that is right', () => {
  test.each([
    ['a user name that needs no passcode', 1, 'ct1', '', 'userName'],
    ['user name and passcode', 2, 'jane', PASSCODE, 'passcode'],
    ['a user name in UTF-8', 2, 'Jürgen', PASSCODE, 'passcode'],
  ])('%s is accepted, and answered where that was asked for', async (_what, type, name, passcode, means) => {
    const running = await listen();
    expect(told(await answerTo(running, identity(type, name, passcode)))).toBe('accepted');
    expect(told(await answerTo(running, identity(type, name, passcode, true)))).toBe('accepted, response of 0 bytes');
    const event = { listener: 'ward', address: '127.0.0.1', outcome: 'success', subject: name, means };
    expect(running.events).toEqual([event, event]);
    expect(running.handler.requesters.at(-1)).toMatchObject({ subject: name });
  });

  test('a JSON web token is accepted, with its subject and scopes', async () => {
    const running = await listen({ mode: 'require' });
    const token = await sign(key, { sub: 'mr2', scope: 'worklist mpps' });
    expect(told(await answerTo(running, identity(5, token, '', true)))).toBe('accepted, response of 0 bytes');
    expect(running.handler.requesters.at(-1)).toMatchObject({ subject: 'mr2', scopes: ['worklist', 'mpps'] });
  });
});

describe('an association that is open', () => {
  const CONTEXTS = [
    { id: 1, abstractSyntax: SOP_CLASSES.mpps, transferSyntaxes: [EXPLICIT] },
    { id: 3, abstractSyntax: SOP_CLASSES.modalityWorklist, transferSyntaxes: [EXPLICIT] },
  ];

  async function associate({ port }: RunningListener, userIdentity?: UserIdentity): Promise<RawPeer> {
    const peer = await RawPeer.connect(port);
    closers.push(() => peer.destroy());
    const request = associateRq({ contexts: CONTEXTS });
    const userInformation = { ...request.userInformation, ...(userIdentity && { userIdentity }) };
    peer.send(encodePdu({ ...request, userInformation }));
    expect(decodeRaw(await peer.receive()).type).toBe(PDU_TYPE.associateAc);
    return peer;
  }

  test('has the rights of its token until it expires; then requests are refused: C002H, 0124H (PS3.7 C.4)', async () => {
    const running = await listen();
    const peer = await associate(running, identity(5, await sign(key)));
    const messages = new MessageReader(peer);
    peer.send(findRq(IDENTIFIER));
    expect(await messages.statuses(2)).toEqual([0xff00, 0]);
    const clock = jest.spyOn(Date, 'now').mockReturnValue(Date.now() + 331_000);
    try {
      peer.send(findRq(IDENTIFIER, 2));
      expect(await messages.statuses(1)).toEqual([0xc002]);
      peer.send(createRq(IN_PROGRESS, { messageId: 3 }));
      expect(await messages.statuses(1)).toEqual([0x0124]);
    } finally {
      clock.mockRestore();
    }
    expect(running.contexts).toHaveLength(1);
    expect(running.events.slice(1)).toEqual(
      Array.from({ length: 2 }, () => ({
        ...{ listener: 'ward', address: '127.0.0.1', outcome: 'failure' },
        why: 'the token of the association has expired',
      })),
    );
  });

  test('ends when a reload asks for a scope that it has not, and stays while it has all', async () => {
    const running = await listen();
    const peer = await associate(running, identity(5, await sign(key, { scope: 'worklist' })));
    running.handler.route = { ...ROUTE, scopes: ['worklist'] };
    running.listener.update({ ...running.options, ...running.identity });
    peer.send(findRq(IDENTIFIER));
    expect(await new MessageReader(peer).statuses(2)).toEqual([0xff00, 0]);
    running.handler.route = { ...ROUTE, scopes: ['admin'] };
    running.listener.update({ ...running.options, ...running.identity });
    expect((await peer.receive())?.type).toBe(PDU_TYPE.abort);
    expect(withdrawals(running)).toEqual(['its routes offer less now']);
  });

  test('ends when a reload has other rules of user identity, whose user may be gone', async () => {
    const running = await listen();
    const peer = await associate(running, identity(1, 'ct1'));
    const userIdentity = new UserIdentityCheck({ mode: 'accept', users: [{ name: 'ct2' }] });
    closers.push(() => userIdentity.close());
    running.listener.update({ ...running.options, userIdentity });
    expect((await peer.receive())?.type).toBe(PDU_TYPE.abort);
    expect(withdrawals(running)).toEqual(['the rules of user identity are others now']);
  });

  test('is not to be by rules of user identity from before: a connection without one ends with the reload', async () => {
    const running = await listen();
    const peer = await RawPeer.connect(running.port);
    closers.push(() => peer.destroy());
    while (running.listener.counts.halfOpenConnections === 0) await new Promise(setImmediate);
    const userIdentity = new UserIdentityCheck({ mode: 'accept', users: [{ name: 'ct2' }] });
    closers.push(() => userIdentity.close());
    running.listener.update({ ...running.options, userIdentity });
    await peer.closed;
    // Not by ARTIM, which would say so.
    expect(running.logger.lines.filter(({ fields }) => 'waitedFor' in fields)).toEqual([]);
    expect(running.listener.counts).toMatchObject({ halfOpenConnections: 0, associations: 0 });
  });
});

describe('a user identity that is wrong is rejected permanently (1/2/1), be one needed or not', () => {
  test.each([
    ['a name nobody has', identity(2, 'joe', PASSCODE)],
    ['a wrong passcode', identity(2, 'jane', `${PASSCODE}x`)],
    ['no passcode', identity(1, 'jane')],
    ['an empty name', identity(1, '')],
    ['a name that is no UTF-8', identity(1, Buffer.from([0xff, 0xfe]))],
    ['a token that is none', identity(5, 'abc')],
  ])('%s', async (_what, shown) => {
    const running = await listen();
    expect(told(await answerTo(running, shown))).toBe('1/2/1');
    expect(running.events.map(({ outcome }) => outcome)).toEqual(['failure']);
    expect(running.listener.counts).toMatchObject({ associations: 0, rejected: { userIdentity: 1 } });
    expect(running.logger.lines.map(({ message }) => message)).toContain('association rejected');
    expect(JSON.stringify([running.logger.lines, running.events])).not.toContain('4711');
  });

  test('an expired token, and the log says so', async () => {
    const running = await listen();
    expect(told(await answerTo(running, identity(5, await sign(key, { exp: 1_000_000_000 }))))).toBe('1/2/1');
    const [line] = running.logger.lines.filter(({ message }) => message === 'association rejected');
    expect(line?.fields.why).toBe('user identity refused: the token has expired');
  });
});

test('a token that cannot be checked now is rejected for now (2/2/1)', async () => {
  const jwt = { issuer: ISSUER, audience: AUDIENCE, keys: `${issuer.url}/nothing-here` };
  const running = await listen({ jwt });
  expect(told(await answerTo(running, identity(5, await sign(key))))).toBe('2/2/1');
  expect(running.listener.counts.rejected.userIdentityUnchecked).toBe(1);
});

describe('what is not shown or not supported', () => {
  const kerberos = identity(3, 'ticket', '', true);

  test.each([
    ['accept', undefined, 'accepted'],
    ['accept', kerberos, 'accepted'],
    ['require', undefined, '1/2/1'],
    ['require', kerberos, '1/2/1'],
    ['ignore', identity(2, 'nobody', 'nothing', true), 'accepted'],
  ] as const)('%s (%#): goes without answer, or not at all', async (mode, shown, expected) => {
    expect(told(await answerTo(await listen({ mode }), shown))).toBe(expected);
  });

  test('types that are not configured are not supported', async () => {
    const running = await listen({ users: undefined });
    expect(told(await answerTo(running, identity(2, 'jane', PASSCODE, true)))).toBe('accepted');
    expect(running.handler.requesters.at(-1)).not.toHaveProperty('subject');
  });

  test('who reports storage commitment needs none, and without one gets nothing else', async () => {
    const reporters: Reporter[] = [{ aeTitle: 'MODALITY', host: '127.0.0.1', reports: ['storageCommitment'] }];
    const running = await listen({ mode: 'require' }, { reporters });
    expect(await answerTo(running)).toMatchObject({ contexts: [{ result: 3 }, { result: 3 }] });
    expect(told(await answerTo(running, undefined, STORAGE_COMMITMENT_PUSH_MODEL))).toBe('accepted');
    expect(await answerTo(running, identity(1, 'ct1'))).toMatchObject({ contexts: [{ result: 0 }, { result: 0 }] });
  });
});

test('a route that needs a scope is offered to who has it', async () => {
  const running = await listen({}, { scopes: ['worklist'] });
  expect(await answerTo(running, identity(2, 'jane', PASSCODE))).toMatchObject({
    contexts: [{ result: 0 }, { result: 0 }],
  });
  expect(await answerTo(running, identity(1, 'ct1'))).toMatchObject({ contexts: [{ result: 0 }, { result: 3 }] });
  expect(await answerTo(running)).toMatchObject({ contexts: [{ result: 0 }, { result: 3 }] });
});

test('a peer that leaves while its passcode is checked is forgotten', async () => {
  const running = await listen();
  const peer = await RawPeer.connect(running.port);
  const request = associateRq();
  const userInformation = { ...request.userInformation, userIdentity: identity(2, 'jane', 'guess') };
  peer.send(encodePdu({ ...request, userInformation }));
  peer.socket.end();
  await peer.closed;
  expect(told(await answerTo(running, identity(2, 'jane', PASSCODE)))).toBe('accepted');
  await running.listener.close(0);
  expect(running.listener.counts.associations).toBe(0);
});

describe('an upstream of ours', () => {
  const search = async (
    { port }: RunningListener,
    userIdentity: DimseUpstreamOptions['userIdentity'],
    contexts: readonly Partial<RequestContext>[] = [{}],
  ): Promise<void> => {
    const upstream = createUpstream(port, userIdentity && { userIdentity });
    closers.push(() => upstream.close());
    for (const context of contexts) await collect(upstream.search(QUERY, createContext(context)));
  };

  test('shows user name and passcode', async () => {
    const running = await listen({ mode: 'require' });
    await search(running, { username: 'jane', passcode: PASSCODE, acknowledged: true });
    await search(running, { username: 'ct1' });
    expect(running.contexts.map(({ requester }) => requester.subject)).toEqual(['jane', 'ct1']);
  });

  test('is told that it was rejected, permanently', async () => {
    const work = search(await listen(), { username: 'jane', passcode: 'wrong' });
    await expect(work).rejects.toMatchObject({ code: 'UPSTREAM_REJECTED', retry: 'permanent' });
  });

  test('may insist that the SCP looks at it', async () => {
    const work = search(await listen({ mode: 'ignore' }), { username: 'jane', passcode: PASSCODE, acknowledged: true });
    await expect(work).rejects.toMatchObject({
      code: 'UPSTREAM_REJECTED',
      message: 'the peer did not acknowledge the user identity',
    });
  });

  test('passes the token of the requester on, never on the association of another', async () => {
    const running = await listen({ bridge: true });
    const [first, second] = await Promise.all([sign(key, { sub: 'first' }), sign(key, { sub: 'second' })]);
    const bearers = [{ bearer: first }, { bearer: second }, {}, { bearer: first }];
    await search(running, { passOn: true }, bearers);
    expect(running.contexts.map(({ requester }) => requester.subject)).toEqual(['first', 'second', undefined, 'first']);
    // Bridged: what came as user identity goes on to upstreams of the web as bearer token.
    expect(running.contexts.map(({ bearer }) => bearer)).toEqual([first, second, undefined, first]);
    expect(running.events).toHaveLength(2);
  });

  test('gets no token through where the listener does not bridge', async () => {
    const running = await listen();
    await search(running, { passOn: true }, [{ bearer: await sign(key) }]);
    expect(running.contexts.map((context) => 'bearer' in context)).toEqual([false]);
  });
});
