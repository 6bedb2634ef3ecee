/** What a DIMSE listener lets one peer ask, and how much it holds for all of them. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { DIMSE_STATUS } from '../../../src/dimse/command-set.ts';
import type { DimseListenerOptions } from '../../../src/dimse/scp.ts';
import { encodePdu, PDU_TYPE } from '../../../src/dimse/upper-layer/pdu.ts';
import type { AssociateRq, Pdu } from '../../../src/dimse/upper-layer/pdu.ts';
import { associateRq, decodeRaw, echoRq, findRq, MessageReader, RELEASE_RQ } from '../../support/dimse-bytes.ts';
import { IDENTIFIER, results, ScriptedHandler, startListener } from '../../support/dimse-listener.ts';
import type { RunningListener } from '../../support/dimse-listener.ts';
import { createRq, MPPS_CONTEXTS } from '../../support/dimse-mpps.ts';
import { RawPeer } from '../../support/raw-peer.ts';

const closers: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function listen(
  options: Partial<DimseListenerOptions>,
  handler = new ScriptedHandler(() => results(1)),
): Promise<RunningListener> {
  const running = await startListener(handler, options);
  closers.push(() => running.listener.close(0));
  return running;
}

async function request(
  { port }: RunningListener,
  overrides: Partial<AssociateRq> = {},
): Promise<{ peer: RawPeer; answer: Pdu; messages: MessageReader }> {
  const peer = await RawPeer.connect(port);
  closers.push(() => peer.destroy());
  const contexts = [
    ...associateRq().contexts,
    ...MPPS_CONTEXTS.map((context) => ({ ...context, id: context.id + 100 })),
  ];
  peer.send(encodePdu(associateRq({ contexts, ...overrides })));
  return { peer, answer: decodeRaw(await peer.receive()), messages: new MessageReader(peer) };
}

const REJECTED = { type: PDU_TYPE.associateRj, result: 2, source: 3, reason: 2 };
/** No token comes back while a test runs. */
const SLOW = 1e-6;

describe('requests of one peer', () => {
  test('associations count as requests; beyond the rate they are rejected as transient (PS3.8 9.3.4), others are not', async () => {
    const running = await listen({ limits: { requestsPerSecond: SLOW, burst: 2 } });
    for (let i = 0; i < 2; i++) expect((await request(running)).answer.type).toBe(PDU_TYPE.associateAc);
    expect((await request(running)).answer).toEqual(REJECTED);
    expect((await request(running, { callingAeTitle: 'CT2' })).answer.type).toBe(PDU_TYPE.associateAc);
    expect(running.listener.counts.rejected.rate).toBe(1);
  });

  test('a peer that is rejected for its AE title spends nothing of one that may call', async () => {
    const running = await listen({ callingAeTitles: ['CT1'], limits: { requestsPerSecond: SLOW, burst: 2 } });
    expect((await request(running)).answer).toMatchObject({ reason: 3 });
    for (let i = 0; i < 2; i++) {
      expect((await request(running, { callingAeTitle: 'CT1' })).answer.type).toBe(PDU_TYPE.associateAc);
    }
  });

  test('messages beyond the rate are A700H of C-services and 0213H of N-services, and the association lives on', async () => {
    const running = await listen({ limits: { requestsPerSecond: SLOW, burst: 2 } });
    const { peer, messages } = await request(running);
    peer.send(findRq(IDENTIFIER));
    expect(await messages.statuses(2)).toEqual([DIMSE_STATUS.pending, DIMSE_STATUS.success]);
    peer.send(findRq(IDENTIFIER, 2));
    expect((await messages.next()).command).toMatchObject({ status: 0xa700, messageIdBeingRespondedTo: 2 });
    peer.send(echoRq(3));
    expect((await messages.next()).command.status).toBe(0xa700);
    peer.send(RELEASE_RQ);
    expect((await peer.receive())?.type).toBe(PDU_TYPE.releaseRp);
    expect(running.handler.asked).toEqual([]);
  });

  test('a create beyond the rate is 0213H, Resource Limitation, and reaches nobody (PS3.7 C.5.26)', async () => {
    const running = await listen({ limits: { requestsPerSecond: SLOW, burst: 1 } });
    const { peer, messages } = await request(running, { contexts: MPPS_CONTEXTS });
    peer.send(createRq());
    const { command } = await messages.next();
    expect(command).toMatchObject({ status: 0x0213 });
    expect(command.errorComment).toMatch(/too many requests/);
    expect(running.handler.asked).toEqual([]);
  });

  test('at a time as many are served as allowed, over all associations of the peer', async () => {
    const first = Promise.withResolvers<void>();
    const started = Promise.withResolvers<void>();
    const handler = new ScriptedHandler(async function* () {
      started.resolve();
      await first.promise;
      yield* results(0);
    });
    const running = await listen({ limits: { concurrentRequests: 1 } }, handler);
    const [one, two] = [await request(running), await request(running)];
    one.peer.send(findRq(IDENTIFIER));
    await started.promise;
    two.peer.send(findRq(IDENTIFIER));
    expect((await two.messages.next()).command.status).toBe(0xa700);
    first.resolve();
    expect((await one.messages.next()).command.status).toBe(0);
    two.peer.send(findRq(IDENTIFIER));
    expect((await two.messages.next()).command.status).toBe(0);
  });

  test('a reload changes what holds from then on', async () => {
    const running = await listen({ limits: { requestsPerSecond: SLOW, burst: 1 } });
    const { peer, messages } = await request(running);
    peer.send(echoRq());
    expect((await messages.next()).command.status).toBe(0xa700);
    running.listener.update({ ...running.options, limits: {} });
    peer.send(echoRq(2));
    expect((await messages.next()).command.status).toBe(0);
  });
});

describe('connections', () => {
  const AGREED = { type: PDU_TYPE.associateAc };

  async function idle({ port }: RunningListener, localAddress: string): Promise<RawPeer> {
    const peer = await RawPeer.connect(port, localAddress);
    closers.push(() => peer.destroy());
    return peer;
  }

  test('those of an address that says nothing do not shut out another (PS3.8 9.1.4)', async () => {
    const running = await listen({ maximumHalfOpenConnections: 10 });
    const silent = [];
    for (let i = 0; i < 10; i++) silent.push(await idle(running, '127.0.0.2'));
    const eleventh = await idle(running, '127.0.0.2');
    await eleventh.closed;
    expect((await request(running)).answer).toMatchObject(AGREED);
    await silent[0]?.closed;
    expect(running.listener.counts).toMatchObject({ halfOpenConnections: 9, refusedConnections: 2 });
  });

  test('an address whose connections come to nothing is not heard for a while; others are', async () => {
    const running = await listen({ callingAeTitles: ['CT1'], limits: { requestsPerSecond: SLOW, burst: 3 } });
    for (let i = 0; i < 3; i++) {
      const peer = await idle(running, '127.0.0.2');
      peer.send(encodePdu(associateRq()));
      expect(decodeRaw(await peer.receive())).toMatchObject({ type: PDU_TYPE.associateRj, reason: 3 });
    }
    const unheard = await idle(running, '127.0.0.2');
    unheard.send(encodePdu(associateRq({ callingAeTitle: 'CT1' })));
    expect(await unheard.receive()).toBeUndefined();
    expect((await request(running, { callingAeTitle: 'CT1' })).answer).toMatchObject(AGREED);
  });
});

describe('bytes of all messages', () => {
  const MESSAGE_BYTES = 400_000;
  /** Room for one large message and its data set, or ten such messages that are not whole. */
  const OPTIONS = { maximumMessageBytes: MESSAGE_BYTES, maximumHeldBytes: 3_000_000, maximumPduLength: 65_536 };
  const large = Buffer.alloc(MESSAGE_BYTES - 20_000, 0x20);

  /** All of a message but its last PDU, which is held until the rest comes. */
  async function holdMessage(running: RunningListener, nth = 1): Promise<{ peer: RawPeer; messages: MessageReader }> {
    const begun = await request(running, { contexts: MPPS_CONTEXTS });
    const bytes = createRq(large);
    begun.peer.send(bytes.subarray(0, bytes.length - 10_000));
    await becomes(() => running.listener.counts.heldBytes > 280_000 * nth);
    return begun;
  }

  async function becomes(state: () => boolean): Promise<void> {
    const deadline = performance.now() + 3_000;
    while (!state() && performance.now() < deadline) await new Promise(setImmediate);
    expect(state()).toBe(true);
  }

  test('a message for which others hold the memory is 0213H, a small one is served; every byte comes back', async () => {
    const running = await listen(OPTIONS);
    const holder = await holdMessage(running);
    const other = await request(running, { contexts: MPPS_CONTEXTS });
    other.peer.send(createRq(large));
    const refused = (await other.messages.next()).command;
    expect(refused).toMatchObject({ status: 0x0213 });
    expect(refused.errorComment).toMatch(/memory/);
    other.peer.send(createRq());
    expect((await other.messages.next()).command.status).toBe(0);
    holder.peer.destroy();
    await becomes(() => running.listener.counts.heldBytes === 0);
    other.peer.send(createRq(large));
    // Served now: it is no data set, but it was read.
    expect((await other.messages.next()).command.status).toBe(0x0110);
    await becomes(() => running.listener.counts.heldBytes === 0);
  });

  test('a C-FIND for which others hold the memory is A700H, and the association lives on', async () => {
    const running = await listen(OPTIONS);
    for (let nth = 1; nth <= 10; nth++) await holdMessage(running, nth);
    const { peer, messages } = await request(running);
    const [command] = splitCommand(findRq(IDENTIFIER));
    peer.send(command, ...dataPdus(large));
    expect((await messages.next()).command).toMatchObject({ status: 0xa700 });
    peer.send(findRq(IDENTIFIER, 2));
    expect(await messages.statuses(2)).toEqual([DIMSE_STATUS.pending, DIMSE_STATUS.success]);
  });

  /** The first PDU, and the rest. */
  function splitCommand(bytes: Buffer): [Buffer, Buffer] {
    const end = 6 + bytes.readUInt32BE(2);
    return [bytes.subarray(0, end), bytes.subarray(end)];
  }

  function dataPdus(dataSet: Buffer): Buffer[] {
    const size = 60_000;
    return Array.from({ length: Math.ceil(dataSet.length / size) }, (_value, i) => {
      const fragment = dataSet.subarray(i * size, (i + 1) * size);
      const isLast = (i + 1) * size >= dataSet.length;
      return encodePdu({ type: PDU_TYPE.dataTf, values: [{ contextId: 3, isCommand: false, isLast, fragment }] });
    });
  }
});
