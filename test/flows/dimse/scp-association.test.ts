/** Associations with our listener, played by a scripted peer: establishment, release, abort, timers, bad PDUs. */
import { afterEach, describe, expect, test } from '@jest/globals';
import type { DimseListenerOptions } from '../../../src/dimse/scp.ts';
import { SOP_CLASSES } from '../../../src/dimse/uids.ts';
import { encodePdu, PDU_TYPE } from '../../../src/dimse/upper-layer/pdu.ts';
import type { AssociateAc, AssociateRq } from '../../../src/dimse/upper-layer/pdu.ts';
import {
  ABORT,
  associateRq,
  cancelRq,
  dataPdu,
  decodeRaw,
  echoRq,
  EXPLICIT,
  findRq,
  IMPLICIT,
  MessageReader,
  RELEASE_RP,
  RELEASE_RQ,
} from '../../support/dimse-bytes.ts';
import { entry, IDENTIFIER, results, ScriptedHandler, startListener } from '../../support/dimse-listener.ts';
import type { RunningListener } from '../../support/dimse-listener.ts';
import { RawPeer } from '../../support/raw-peer.ts';

const closers: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function listen(
  options: Partial<DimseListenerOptions> = {},
  handler = new ScriptedHandler(),
): Promise<RunningListener> {
  const running = await startListener(handler, options);
  closers.push(() => running.listener.close(0));
  return running;
}

async function peerOf({ port }: RunningListener): Promise<RawPeer> {
  const peer = await RawPeer.connect(port);
  closers.push(() => peer.destroy());
  return peer;
}

async function associate(
  running: RunningListener,
  request: Partial<AssociateRq> = {},
): Promise<{ peer: RawPeer; answer: AssociateAc }> {
  const peer = await peerOf(running);
  peer.send(encodePdu(associateRq(request)));
  const answer = decodeRaw(await peer.receive());
  if (answer.type !== PDU_TYPE.associateAc) throw new Error(`answered with PDU type ${answer.type}`);
  return { peer, answer };
}

const abortPdu = (source: number, reason: number): object => ({ type: PDU_TYPE.abort, source, reason });
const rejectPdu = (result: number, source: number, reason: number): object => ({
  type: PDU_TYPE.associateRj,
  result,
  source,
  reason,
});

/** The listener still answers a C-ECHO on a new association. */
async function expectAlive(running: RunningListener): Promise<void> {
  const { peer } = await associate(running);
  peer.send(echoRq());
  expect((await new MessageReader(peer).next()).command.status).toBe(0);
  peer.destroy();
}

/** What the listener counts, once it is so: connections end when the system tells. */
async function countsBecome(
  running: RunningListener,
  associations: number,
  halfOpenConnections: number,
): Promise<void> {
  const deadline = performance.now() + 3_000;
  const matches = (): boolean => {
    const { counts } = running.listener;
    return counts.associations === associations && counts.halfOpenConnections === halfOpenConnections;
  };
  while (!matches() && performance.now() < deadline) await new Promise(setImmediate);
  expect(running.listener.counts).toMatchObject({ associations, halfOpenConnections });
}

describe('establishment and release (PS3.8 7.1, 7.2)', () => {
  test('accepts, answers C-ECHO on a context with any id order, releases, and lets the peer close', async () => {
    const running = await listen();
    const contexts = [
      { id: 255, abstractSyntax: SOP_CLASSES.verification, transferSyntaxes: [IMPLICIT] },
      { id: 4, abstractSyntax: SOP_CLASSES.verification, transferSyntaxes: [EXPLICIT] },
    ];
    const { peer, answer } = await associate(running, { contexts });
    expect(answer).toMatchObject({ calledAeTitle: 'DIMSEWAY', callingAeTitle: 'MODALITY', protocolVersion: 1 });
    expect(answer.userInformation).toMatchObject({ maximumLength: 16_384 });
    const messages = new MessageReader(peer);
    for (const contextId of [4, 255, 4]) {
      peer.send(echoRq(contextId, contextId));
      expect(await messages.next()).toMatchObject({
        contextId,
        command: { status: 0, messageIdBeingRespondedTo: contextId },
      });
    }
    peer.send(RELEASE_RQ);
    expect((await peer.receive())?.type).toBe(PDU_TYPE.releaseRp);
    peer.socket.end();
    await peer.closed;
    await countsBecome(running, 0, 0);
  });

  test('128 presentation contexts with twenty transfer syntaxes each are all answered', async () => {
    const transferSyntaxes = [...Array.from({ length: 19 }, (_value, i) => `1.2.840.10008.1.2.4.${50 + i}`), IMPLICIT];
    const contexts = Array.from({ length: 128 }, (_value, i) => ({
      id: 2 * i + 1,
      abstractSyntax: SOP_CLASSES.modalityWorklist,
      transferSyntaxes,
    }));
    const { answer } = await associate(await listen(), { contexts });
    expect(answer.contexts).toHaveLength(128);
    expect(new Set(answer.contexts.map(({ result }) => result))).toEqual(new Set([0]));
  });

  test('survives unlimited asynchronous operations and a user identity nobody asked for', async () => {
    const running = await listen();
    const { peer } = await associate(running, {
      userInformation: {
        maximumLength: 0,
        roles: [],
        extended: [],
        asynchronousOperations: { invoked: 0, performed: 0 },
        userIdentity: { type: 1, responseRequested: true, primary: Buffer.from('x'), secondary: Buffer.alloc(0) },
      },
    });
    peer.send(echoRq());
    expect((await new MessageReader(peer).next()).command.status).toBe(0);
  });

  test('the requester handed to the gateway names listener, AE titles and plain address', async () => {
    const running = await listen();
    await associate(running);
    expect(running.handler.requesters[0]).toEqual({
      listener: 'ward',
      protocol: 'dimse',
      address: '127.0.0.1',
      callingAeTitle: 'MODALITY',
      calledAeTitle: 'DIMSEWAY',
    });
  });

  test('a peer that releases before its answers gets A-RELEASE-RP and the search ends', async () => {
    const running = await listen();
    const aborted = Promise.withResolvers<unknown>();
    running.handler.search = async function* (_query, { signal }) {
      signal.addEventListener('abort', () => aborted.resolve(signal.reason));
      yield entry(0);
      await new Promise(() => undefined);
    };
    const { peer } = await associate(running);
    peer.send(findRq(IDENTIFIER));
    await new MessageReader(peer).next();
    peer.send(RELEASE_RQ);
    expect((await peer.receive())?.type).toBe(PDU_TYPE.releaseRp);
    expect(await aborted.promise).toMatchObject({ code: 'CONNECTION_LOST' });
  });
});

describe('rejections (PS3.8 9.3.4)', () => {
  test.each<[string, Partial<AssociateRq>, Partial<DimseListenerOptions>, object]>([
    ['called AE title', { calledAeTitle: 'OTHER' }, {}, rejectPdu(1, 1, 7)],
    ['calling AE title', {}, { callingAeTitles: ['CT1'] }, rejectPdu(1, 1, 3)],
    ['address', {}, { addresses: ['192.0.2.0/24'] }, rejectPdu(1, 1, 1)],
    ['application context', { applicationContext: '1.2.3' }, {}, rejectPdu(1, 1, 2)],
    ['protocol version', { protocolVersion: 2 }, {}, rejectPdu(1, 2, 2)],
    [
      'a maximum PDU length of 6 (trap 6)',
      { userInformation: { maximumLength: 6, roles: [], extended: [] } },
      {},
      rejectPdu(1, 2, 1),
    ],
    [
      'a maximum PDU length of 16 (trap 6)',
      { userInformation: { maximumLength: 16, roles: [], extended: [] } },
      {},
      rejectPdu(1, 2, 1),
    ],
  ])('%s: the very reason of PS3.8 9.3.4, and the listener lives on', async (_what, request, options, rejection) => {
    const running = await listen(options);
    const peer = await peerOf(running);
    peer.send(encodePdu(associateRq(request)));
    expect(decodeRaw(await peer.receive())).toEqual(rejection);
    peer.socket.end();
    await peer.closed;
    running.listener.update({ ...running.options });
    await expectAlive(running);
  });

  test('associations are limited in all and per calling AE title, and freed when they end (2/3/2)', async () => {
    const running = await listen({ maximumAssociations: 2, maximumAssociationsPerCallingAeTitle: 1 });
    const first = await associate(running, { callingAeTitle: 'CT1' });
    const again = await peerOf(running);
    again.send(encodePdu(associateRq({ callingAeTitle: 'CT1' })));
    expect(decodeRaw(await again.receive())).toEqual(rejectPdu(2, 3, 2));
    await associate(running, { callingAeTitle: 'CT2' });
    const third = await peerOf(running);
    third.send(encodePdu(associateRq({ callingAeTitle: 'CT3' })));
    expect(decodeRaw(await third.receive())).toEqual(rejectPdu(2, 3, 2));
    expect(running.listener.counts.rejected).toMatchObject({ limit: 1, limitOfCallingAeTitle: 1 });
    first.peer.destroy();
    await countsBecome(running, 1, 0);
    await associate(running, { callingAeTitle: 'CT3' });
  });

  test('connections without an A-ASSOCIATE-RQ are counted apart and do not take places of associations', async () => {
    const running = await listen({ maximumAssociations: 1, maximumHalfOpenConnections: 2 });
    const idle = await peerOf(running);
    await peerOf(running);
    await countsBecome(running, 0, 2);
    const refused = await peerOf(running);
    await refused.closed;
    expect(running.listener.counts.refusedConnections).toBe(1);
    idle.send(encodePdu(associateRq()));
    expect((await idle.receive())?.type).toBe(PDU_TYPE.associateAc);
    await countsBecome(running, 1, 1);
  });

  test('peers that do not close after a reject hold as many connections as may be half open, the oldest goes first', async () => {
    const running = await listen({ maximumHalfOpenConnections: 2 });
    const peers: RawPeer[] = [];
    for (let count = 0; count < 4; count++) {
      const peer = await peerOf(running);
      peer.send(encodePdu(associateRq({ calledAeTitle: 'NOBODY' })));
      expect(decodeRaw(await peer.receive())).toEqual(rejectPdu(1, 1, 7));
      peers.push(peer);
    }
    await Promise.all(peers.slice(0, 2).map(({ closed }) => closed));
    expect(peers.slice(2).map(({ socket }) => socket.closed)).toEqual([false, false]);
    await expectAlive(running);
  });

  test('new lists end the associations of those they do not have, and leave the others alone', async () => {
    const refused: object[] = [];
    const running = await listen();
    const [leaving, staying] = [await associate(running), await associate(running, { callingAeTitle: 'CT1' })];
    const lists = { callingAeTitles: ['CT1'], refused: (refusal: object) => void refused.push(refusal) };
    running.listener.update({ ...running.options, ...lists });
    expect(decodeRaw(await leaving.peer.receive())).toEqual(abortPdu(0, 0));
    await countsBecome(running, 1, 0);
    const late = await peerOf(running);
    late.send(encodePdu(associateRq()));
    expect(decodeRaw(await late.receive())).toEqual(rejectPdu(1, 1, 3));
    staying.peer.send(echoRq());
    expect((await new MessageReader(staying.peer).next()).command.status).toBe(0);
    const why = 'calling AE title not recognized';
    expect(running.logger.lines.filter(({ level }) => level === 'warn')).toMatchObject([
      { message: 'association ends: its peer may not have it any more', fields: { why } },
      { message: 'association aborted' },
      { message: 'association rejected' },
    ]);
    expect(refused).toMatchObject([
      { callingAeTitle: 'MODALITY', why },
      { callingAeTitle: 'MODALITY', why },
    ]);
  });

  test('an association that ends so answers what it was asked, and begins nothing new', async () => {
    const running = await listen();
    running.handler.search = async function* (_query, { signal }) {
      yield entry(0);
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
    };
    const { peer } = await associate(running);
    const messages = new MessageReader(peer);
    peer.send(findRq(IDENTIFIER));
    expect((await messages.next()).command.status).toBe(0xff00);
    running.listener.update({ ...running.options, addresses: ['192.0.2.0/24'] });
    peer.send(echoRq(2), cancelRq(1));
    expect((await messages.next()).command.status).toBe(0xfe00);
    expect(decodeRaw(await peer.receive())).toEqual(abortPdu(0, 0));
  });
});

describe('ARTIM and deadlines (trap 7)', () => {
  test('a connection that says nothing is closed when ARTIM expires', async () => {
    const running = await listen({ artimMs: 40 });
    const peer = await peerOf(running);
    await peer.closed;
    await countsBecome(running, 0, 0);
  });

  test('one byte at a time does not move the deadline of the A-ASSOCIATE-RQ', async () => {
    const running = await listen({ artimMs: 60 });
    const peer = await peerOf(running);
    const begin = performance.now();
    await Promise.race([peer.drip(encodePdu(associateRq()), 5), peer.closed]);
    expect(performance.now() - begin).toBeLessThan(500);
    await peer.closed;
  });

  test('one byte at a time does not move the deadline of a PDU that has begun: A-ABORT', async () => {
    const running = await listen({ transferTimeoutMs: 60 });
    const { peer } = await associate(running);
    void peer.drip(echoRq(), 5);
    expect(decodeRaw(await peer.receive())).toEqual(abortPdu(0, 0));
    await expectAlive(running);
  });

  test('whole PDUs of one byte do not keep an association that sends no whole message', async () => {
    const running = await listen({ idleTimeoutMs: 80 });
    const { peer } = await associate(running);
    const timer = setInterval(() => peer.send(dataPdu([1, 1, Buffer.of(0)])), 10);
    closers.push(() => clearInterval(timer));
    expect(decodeRaw(await peer.receive())).toEqual(abortPdu(0, 0));
  });

  test('an idle association is aborted', async () => {
    const { peer } = await associate(await listen({ idleTimeoutMs: 40, artimMs: 40 }));
    expect(await peer.receiveTypes()).toEqual([PDU_TYPE.abort]);
  });

  test.each([
    ['release', RELEASE_RQ, PDU_TYPE.releaseRp],
    ['abort for an unknown PDU', Buffer.from('630000000004', 'hex'), PDU_TYPE.abort],
  ])('after %s a peer that does not close is closed when ARTIM expires', async (_what, bytes, type) => {
    const { peer } = await associate(await listen({ artimMs: 40 }));
    peer.send(bytes);
    expect(await peer.receiveTypes()).toEqual([type]);
  });

  test('a peer that never reads is aborted, and the search is told', async () => {
    const running = await listen({ transferTimeoutMs: 80 });
    const reason = Promise.withResolvers<unknown>();
    running.handler.search = async function* (_query, { signal }) {
      signal.addEventListener('abort', () => reason.resolve(signal.reason));
      yield* results(1_000_000);
    };
    const { peer } = await associate(running);
    peer.socket.pause();
    peer.send(findRq(IDENTIFIER));
    expect(await reason.promise).toMatchObject({ code: 'CONNECTION_LOST' });
    await countsBecome(running, 0, 0);
    peer.destroy();
  });
});

describe('what is no PDU, or comes out of order (PS3.8 9.2)', () => {
  const garbage = Buffer.from('GET / HTTP/1.1\r\nHost: ward\r\n\r\n');

  test.each<[string, Buffer]>([
    ['garbage', garbage],
    ['a header that announces 4 GB (trap 6)', Buffer.from('0100ffffffff', 'hex')],
    ['P-DATA-TF', echoRq()],
    ['A-RELEASE-RQ', RELEASE_RQ],
    ['A-RELEASE-RP', RELEASE_RP],
    ['A-ASSOCIATE-RQ cut in its items (trap 5)', cutItem(encodePdu(associateRq()))],
  ])('%s as the first thing ends in A-ABORT at once (AA-1), and the listener lives on', async (_what, bytes) => {
    const running = await listen();
    const peer = await peerOf(running);
    peer.send(bytes);
    expect(decodeRaw(await peer.receive())).toEqual(abortPdu(0, 0));
    peer.destroy();
    await expectAlive(running);
    await countsBecome(running, 0, 0);
  });

  test.each<[string, Buffer, number]>([
    ['an unknown PDU type', Buffer.from('470000000004', 'hex'), 1],
    ['a second A-ASSOCIATE-RQ', encodePdu(associateRq()), 2],
    ['A-RELEASE-RP', RELEASE_RP, 2],
    ['a P-DATA-TF that announces 4 GB (trap 6)', Buffer.from('0400ffffffff', 'hex'), 6],
    ['a P-DATA-TF one byte larger than announced', Buffer.from('040000004001', 'hex'), 6],
    ['a value longer than its PDU (trap 5)', Buffer.from('04000000000600000400 0103'.replace(' ', ''), 'hex'), 6],
  ])('%s on an association ends in A-ABORT of the provider with its reason (AA-8)', async (_what, bytes, reason) => {
    const running = await listen();
    const { peer } = await associate(running);
    peer.send(bytes);
    expect(decodeRaw(await peer.receive())).toEqual(abortPdu(2, reason));
    peer.destroy();
    await expectAlive(running);
  });

  test('after A-ABORT the rest of what a peer sends is ignored', async () => {
    const running = await listen({ artimMs: 100 });
    const { peer } = await associate(running);
    peer.send(Buffer.from('470000000004', 'hex'), echoRq(), encodePdu(associateRq()), garbage);
    expect(await peer.receiveTypes()).toEqual([PDU_TYPE.abort]);
  });

  test('A-ABORT of the peer in the middle of a message frees the association', async () => {
    const running = await listen();
    const { peer } = await associate(running);
    const find = findRq(IDENTIFIER);
    peer.send(find.subarray(0, 6 + find.readUInt32BE(2)));
    peer.send(ABORT);
    await peer.closed;
    await countsBecome(running, 0, 0);
    await expectAlive(running);
  });

  test('a connection lost in the middle of a PDU frees the association', async () => {
    const running = await listen();
    const { peer } = await associate(running);
    peer.send(findRq(IDENTIFIER).subarray(0, 40));
    peer.socket.end();
    await peer.closed;
    await countsBecome(running, 0, 0);
  });

  test.each<[string, Buffer]>([
    ['a context that was not accepted', echoRq(1, 99)],
    ['a data set that no command announced', dataPdu([1, 2, Buffer.alloc(8)])],
    ['a command set that is cut (trap 5)', dataPdu([1, 3, Buffer.from('0000000004000000', 'hex')])],
    [
      'a response to nothing',
      dataPdu([1, 3, Buffer.from('000000010200000030800000000802000000 0101'.replace(' ', ''), 'hex')]),
    ],
  ])('a message with %s ends in A-ABORT of the user', async (_what, bytes) => {
    const running = await listen();
    const { peer } = await associate(running);
    peer.send(bytes);
    expect(decodeRaw(await peer.receive())).toEqual(abortPdu(0, 0));
    await expectAlive(running);
  });

  test('a message larger than allowed is refused while it arrives (trap 6)', async () => {
    const running = await listen({ maximumMessageBytes: 20_000 });
    const { peer } = await associate(running);
    const command = findRq(IDENTIFIER);
    peer.send(command.subarray(0, 6 + command.readUInt32BE(2)));
    for (let i = 0; i < 3; i++) peer.send(dataPdu([3, 0, Buffer.alloc(10_000)]));
    expect(decodeRaw(await peer.receive())).toEqual(abortPdu(0, 0));
  });
});

/** The same PDU whose first item says it is longer than all of it. */
function cutItem(pdu: Buffer): Buffer {
  const broken = Buffer.from(pdu);
  broken.writeUInt16BE(0xffff, 76);
  return broken;
}

describe('closing', () => {
  test('idle associations are released, new connections are refused', async () => {
    const running = await listen();
    const { peer } = await associate(running);
    const closed = running.listener.close(5_000);
    expect((await peer.receive())?.type).toBe(PDU_TYPE.releaseRq);
    peer.send(RELEASE_RP);
    await closed;
    await expect(RawPeer.connect(running.port)).rejects.toThrow('ECONNREFUSED');
  });

  test('a release that crosses that of the peer is answered after its answer (release collision, AR-10, AR-4)', async () => {
    const running = await listen();
    const { peer } = await associate(running);
    const closed = running.listener.close(5_000);
    expect((await peer.receive())?.type).toBe(PDU_TYPE.releaseRq);
    peer.send(RELEASE_RQ);
    peer.send(RELEASE_RP);
    expect((await peer.receive())?.type).toBe(PDU_TYPE.releaseRp);
    peer.socket.end();
    await closed;
  });

  test('a search under way finishes first', async () => {
    const running = await listen();
    const go = Promise.withResolvers<void>();
    running.handler.search = async function* () {
      yield entry(0);
      await go.promise;
      yield entry(1);
    };
    const { peer } = await associate(running);
    const messages = new MessageReader(peer);
    peer.send(findRq(IDENTIFIER));
    await messages.next();
    const closed = running.listener.close(5_000);
    go.resolve();
    expect(await messages.statuses(2)).toEqual([0xff00, 0]);
    expect((await peer.receive())?.type).toBe(PDU_TYPE.releaseRq);
    peer.send(RELEASE_RP);
    await closed;
  });

  test.each(['the deadline', 'a second call'])('%s ends what is still open by A-ABORT', async (what) => {
    const running = await listen();
    running.handler.search = async function* () {
      yield entry(0);
      await new Promise(() => undefined);
    };
    const { peer } = await associate(running);
    peer.send(findRq(IDENTIFIER));
    await new MessageReader(peer).next();
    const closed = running.listener.close(what === 'the deadline' ? 30 : 60_000);
    if (what === 'a second call') void running.listener.close(60_000);
    await closed;
    expect(await peer.receiveTypes()).toEqual([PDU_TYPE.abort]);
  });
});
