/** Who is admitted to report storage commitment, and for what (design 6), played by scripted peers. */
import { afterEach, describe, expect, test } from '@jest/globals';
import type { Reporter, ResolveHost } from '../../../src/dimse/reporters.ts';
import type { DimseListenerOptions } from '../../../src/dimse/scp.ts';
import { SOP_CLASSES } from '../../../src/dimse/uids.ts';
import { encodePdu, PDU_TYPE } from '../../../src/dimse/upper-layer/pdu.ts';
import type { AssociateRq } from '../../../src/dimse/upper-layer/pdu.ts';
import { ABORT, associateRq, decodeRaw, EXPLICIT, MessageReader } from '../../support/dimse-bytes.ts';
import { actionRq, eventRq, PUSH_MODEL } from '../../support/dimse-commitment.ts';
import { ScriptedHandler, startListener, withdrawals } from '../../support/dimse-listener.ts';
import type { RunningListener } from '../../support/dimse-listener.ts';
import { RawPeer } from '../../support/raw-peer.ts';

const closers: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function listen(options: Partial<DimseListenerOptions>, resolve?: ResolveHost): Promise<RunningListener> {
  const running = await startListener(new ScriptedHandler(), { reporterLookupMs: 50, ...options }, resolve);
  closers.push(() => running.listener.close(0));
  return running;
}

const CLASSES = [PUSH_MODEL, SOP_CLASSES.verification, SOP_CLASSES.modalityWorklist, SOP_CLASSES.mpps];
const REQUEST: Partial<AssociateRq> = {
  callingAeTitle: 'PACS',
  contexts: CLASSES.map((abstractSyntax, i) => ({ id: 2 * i + 1, abstractSyntax, transferSyntaxes: [EXPLICIT] })),
};

async function call({ port }: RunningListener, request: Partial<AssociateRq> = {}): Promise<RawPeer> {
  const peer = await RawPeer.connect(port);
  closers.push(() => peer.destroy());
  peer.send(encodePdu(associateRq({ ...REQUEST, ...request })));
  return peer;
}

/** Results of the contexts of `CLASSES`, or the rejection. */
async function answerTo(peer: RawPeer): Promise<string> {
  const answer = decodeRaw(await peer.receive());
  if (answer.type === PDU_TYPE.associateAc) return answer.contexts.map(({ result }) => result).join(' ');
  if (answer.type === PDU_TYPE.associateRj) return `${answer.result}/${answer.source}/${answer.reason}`;
  throw new Error(`answered with PDU type ${answer.type}`);
}

/** Connections are counted when the system tells of them. */
async function halfOpenBecome({ listener }: RunningListener, count: number): Promise<void> {
  while (listener.counts.halfOpenConnections !== count) await new Promise(setImmediate);
}

const PACS: Reporter = { aeTitle: 'PACS', host: '127.0.0.1', reports: ['storageCommitment'] };
const NAMED: Reporter = { ...PACS, host: 'pacs.example' };
const ONLY_CT = { callingAeTitles: ['CT1'], addresses: ['192.0.2.0/24'] };
const ONLY_REPORTS = '0 3 3 3';
const EVERYTHING = '0 0 0 0';
const CALLING_NOT_RECOGNIZED = '1/1/3';
const resolved: ResolveHost = async () => ['127.0.0.1', '::1'];

describe('a reporter', () => {
  test('is admitted whatever the lists say, for storage commitment only', async () => {
    const running = await listen({ ...ONLY_CT, reporters: [PACS] });
    expect(await answerTo(await call(running))).toBe(ONLY_REPORTS);
  });

  test('that the lists do not have reports, and has no request taken: 0118H', async () => {
    const running = await listen({ ...ONLY_CT, reporters: [PACS] });
    const peer = await call(running);
    await answerTo(peer);
    peer.send(actionRq(), eventRq(undefined, { messageId: 2 }));
    expect(await new MessageReader(peer).statuses(2)).toEqual([0x0118, 0]);
    expect(running.handler.commitments).toEqual([]);
    expect(running.handler.reports).toHaveLength(1);
  });

  test('that is admitted anyhow keeps everything else', async () => {
    const running = await listen({ reporters: [PACS] });
    const peer = await call(running);
    expect(await answerTo(peer)).toBe(EVERYTHING);
    peer.send(actionRq(), eventRq(undefined, { messageId: 2 }));
    expect(await new MessageReader(peer).statuses(2)).toEqual([0, 0]);
  });

  test.each<[string, Partial<AssociateRq>, string]>([
    ['another AE title of ours', { calledAeTitle: 'OTHER' }, '1/1/7'],
    ['another application context', { applicationContext: '1.2.3' }, '1/1/2'],
    ['PDUs that are too small', { userInformation: { maximumLength: 6, roles: [], extended: [] } }, '1/2/1'],
  ])('is rejected for %s as anybody is', async (_what, request, rejection) => {
    const running = await listen({ ...ONLY_CT, reporters: [PACS] });
    expect(await answerTo(await call(running, request))).toBe(rejection);
  });

  test('counts among the associations, and those of its AE title (2/3/2)', async () => {
    const limits = { maximumAssociations: 2, maximumAssociationsPerCallingAeTitle: 1 };
    const running = await listen({ callingAeTitles: ['CT1', 'CT2'], ...limits, reporters: [NAMED] }, resolved);
    expect(await answerTo(await call(running))).toBe(ONLY_REPORTS);
    expect(await answerTo(await call(running))).toBe('2/3/2');
    expect(await answerTo(await call(running, { callingAeTitle: 'CT1' }))).toBe(EVERYTHING);
    expect(await answerTo(await call(running, { callingAeTitle: 'CT2' }))).toBe('2/3/2');
    expect(running.listener.counts).toMatchObject({
      associations: 2,
      halfOpenConnections: 0,
      rejected: { limit: 1, limitOfCallingAeTitle: 1 },
    });
  });

  test('is one from the next association on when the configuration says so, and no longer when it does not', async () => {
    const running = await listen(ONLY_CT);
    expect(await answerTo(await call(running))).toBe('1/1/1');
    running.listener.update({ ...running.options, ...ONLY_CT, reporters: [PACS] });
    expect(await answerTo(await call(running))).toBe(ONLY_REPORTS);
    running.listener.update({ ...running.options, ...ONLY_CT });
    expect(await answerTo(await call(running))).toBe('1/1/1');
  });
});

describe('an association that is open when the configuration changes', () => {
  test('stays with a reporter, and ends when it is none any more', async () => {
    const running = await listen({ ...ONLY_CT, reporters: [PACS] });
    const peer = await call(running);
    await answerTo(peer);
    running.listener.update({ ...running.options, ...ONLY_CT, reporters: [PACS, NAMED] });
    peer.send(eventRq(undefined, { messageId: 1 }));
    expect(await new MessageReader(peer).statuses(1)).toEqual([0]);
    running.listener.update({ ...running.options, ...ONLY_CT, reporters: [] });
    expect((await peer.receive())?.type).toBe(PDU_TYPE.abort);
    expect(withdrawals(running)).toEqual(['address not allowed']);
  });

  test('stays with a reporter whose host is a name, resolved anew', async () => {
    let addresses: readonly string[] = ['127.0.0.1'];
    const running = await listen({ ...ONLY_CT, reporters: [NAMED] }, async () => addresses);
    const peer = await call(running);
    await answerTo(peer);
    running.listener.update({ ...running.options, ...ONLY_CT, reporters: [NAMED] });
    peer.send(eventRq(undefined, { messageId: 1 }));
    expect(await new MessageReader(peer).statuses(1)).toEqual([0]);
    addresses = ['192.0.2.7'];
    running.listener.update({ ...running.options, ...ONLY_CT, reporters: [NAMED] });
    expect((await peer.receive())?.type).toBe(PDU_TYPE.abort);
    expect(withdrawals(running)).toEqual(['address not allowed']);
  });
});

describe('an association that is open, of a caller that the lists have too,', () => {
  test.each<[string, readonly Reporter[]]>([
    ['is none any more', []],
    ['is another host', [{ ...PACS, host: '192.0.2.7' }]],
    ['may report something else', [{ ...PACS, reports: ['mpps'] }]],
  ])('ends when a reload says that the reporter %s', async (_what, reporters) => {
    const running = await listen({ reporters: [PACS] });
    const peer = await call(running);
    await answerTo(peer);
    running.listener.update({ ...running.options, reporters });
    expect((await peer.receive())?.type).toBe(PDU_TYPE.abort);
    expect(withdrawals(running)).toEqual(['it may report less now']);
  });

  test('ends when the lists do not have it any more: as a reporter it may call again', async () => {
    const running = await listen({ reporters: [PACS] });
    const peer = await call(running);
    expect(await answerTo(peer)).toBe(EVERYTHING);
    running.listener.update({ ...running.options, ...ONLY_CT, reporters: [PACS] });
    expect((await peer.receive())?.type).toBe(PDU_TYPE.abort);
    expect(withdrawals(running)).toEqual(['address not allowed']);
    expect(await answerTo(await call(running))).toBe(ONLY_REPORTS);
  });

  test('stays where nothing is taken from it', async () => {
    const running = await listen({ reporters: [PACS] });
    const peer = await call(running);
    await answerTo(peer);
    running.listener.update({ ...running.options, reporters: [{ ...PACS, reports: ['mpps', 'storageCommitment'] }] });
    peer.send(eventRq(undefined, { messageId: 1 }));
    expect(await new MessageReader(peer).statuses(1)).toEqual([0]);
  });
});

test('the audit trail is told of those whom the lists do not have, and of no other rejection', async () => {
  const told: object[] = [];
  const running = await listen({ callingAeTitles: ['PACS'], refused: (refusal) => void told.push(refusal) });
  expect(await answerTo(await call(running, { calledAeTitle: 'OTHER' }))).toBe('1/1/7');
  expect(told).toEqual([]);
  expect(await answerTo(await call(running, { callingAeTitle: 'CT1' }))).toBe(CALLING_NOT_RECOGNIZED);
  expect(told).toEqual([{ address: '127.0.0.1', callingAeTitle: 'CT1', why: 'calling AE title not recognized' }]);
});

describe('a caller with the AE title of a reporter at another address', () => {
  test('is rejected where the lists do not have it', async () => {
    const running = await listen({ callingAeTitles: ['CT1'], reporters: [{ ...PACS, host: '192.0.2.7' }] });
    expect(await answerTo(await call(running))).toBe(CALLING_NOT_RECOGNIZED);
    expect(running.logger.lines.filter(({ level }) => level === 'warn')).toMatchObject([
      { message: 'it has the AE title of one that reports to us, but not its address' },
      { message: 'association rejected' },
    ]);
  });

  test('has what the lists and routes say else', async () => {
    const running = await listen({ reporters: [{ ...PACS, host: '192.0.2.7' }] });
    expect(await answerTo(await call(running))).toBe(EVERYTHING);
  });
});

describe('a reporter whose host is a name', () => {
  test('is admitted by its first association', async () => {
    const running = await listen({ ...ONLY_CT, reporters: [NAMED] }, resolved);
    expect(await answerTo(await call(running))).toBe(ONLY_REPORTS);
  });

  test('is found by the resolver of the system', async () => {
    const running = await listen({ ...ONLY_CT, reporters: [{ ...PACS, host: 'localhost' }], reporterLookupMs: 5_000 });
    expect(await answerTo(await call(running))).toBe(ONLY_REPORTS);
  });

  test.each<[string, ResolveHost]>([
    ['fails', () => Promise.reject(new Error('ENOTFOUND'))],
    ['never answers', () => new Promise(() => undefined)],
  ])('and whose lookup %s is rejected after a bounded time, with 1/1/3', async (_what, resolve) => {
    const running = await listen({ callingAeTitles: ['CT1'], reporters: [NAMED] }, resolve);
    expect(await answerTo(await call(running))).toBe(CALLING_NOT_RECOGNIZED);
    expect(running.listener.counts).toMatchObject({ associations: 0, halfOpenConnections: 0 });
  });

  test('holds nobody else up while it is looked for', async () => {
    const answer = Promise.withResolvers<readonly string[]>();
    const options = { callingAeTitles: ['CT1'], reporters: [NAMED], reporterLookupMs: 10_000 };
    const running = await listen(options, () => answer.promise);
    const reporter = await call(running);
    expect(await answerTo(await call(running, { callingAeTitle: 'CT1' }))).toBe(EVERYTHING);
    expect(running.listener.counts).toMatchObject({ associations: 1, halfOpenConnections: 1 });
    answer.resolve(['127.0.0.1']);
    expect(await answerTo(reporter)).toBe(ONLY_REPORTS);
  });

  test.each<[string, (peer: RawPeer) => void]>([
    ['aborts', (peer) => peer.send(ABORT)],
    ['closes the connection', (peer) => peer.destroy()],
    ['asks again', (peer) => peer.send(encodePdu(associateRq(REQUEST)))],
  ])('and that %s in the meantime leaves nothing behind', async (_what, leave) => {
    const answer = Promise.withResolvers<readonly string[]>();
    const options = { callingAeTitles: ['CT1'], reporters: [NAMED], reporterLookupMs: 10_000 };
    const running = await listen(options, () => answer.promise);
    const peer = await call(running);
    await halfOpenBecome(running, 1);
    leave(peer);
    await halfOpenBecome(running, 0);
    answer.resolve(['127.0.0.1']);
    for (let i = 0; i < 10; i++) await new Promise(setImmediate);
    expect(running.listener.counts).toMatchObject({ associations: 0, halfOpenConnections: 0 });
  });

  test('does not hold up a listener that closes', async () => {
    const running = await listen({ reporters: [NAMED], reporterLookupMs: 10_000 }, () => new Promise(() => undefined));
    const peer = await call(running);
    await halfOpenBecome(running, 1);
    await running.listener.close(10_000);
    await peer.closed;
  });

  test('a handler that fails meanwhile ends the association, not the process (trap 11)', async () => {
    const running = await listen({ reporters: [NAMED] }, resolved);
    running.handler.routeFor = () => {
      throw new TypeError('broken');
    };
    const peer = await call(running);
    expect((await peer.receive())?.type).toBe(PDU_TYPE.abort);
    expect(running.logger.lines).toMatchObject([{ message: 'association failed' }, { message: 'association aborted' }]);
  });
});
