/** C-FIND at our listener, played by a scripted peer: answers, cancel, failures, character sets, tiny PDUs. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { decodeDataSet } from '../../../src/dataset/binary/decode.ts';
import { encodeDataSet } from '../../../src/dataset/binary/encode.ts';
import { attribute, dataSetOf } from '../../../src/dataset/model.ts';
import type { DataSet } from '../../../src/dataset/model.ts';
import type { DimseListenerOptions } from '../../../src/dimse/scp.ts';
import { SOP_CLASSES } from '../../../src/dimse/uids.ts';
import { encodePdu, PDU_TYPE } from '../../../src/dimse/upper-layer/pdu.ts';
import type { AssociateRq } from '../../../src/dimse/upper-layer/pdu.ts';
import { ServiceFailure } from '../../../src/services/port.ts';
import type { RequestContext, WorklistQuery } from '../../../src/services/port.ts';
import {
  associateRq,
  cancelRq,
  dataPdu,
  decodeRaw,
  echoRq,
  EXPLICIT,
  findRq,
  IMPLICIT,
  message,
  MessageReader,
} from '../../support/dimse-bytes.ts';
import { entry, IDENTIFIER, results, ROUTE, ScriptedHandler, startListener } from '../../support/dimse-listener.ts';
import type { RunningListener, Search } from '../../support/dimse-listener.ts';
import { RawPeer } from '../../support/raw-peer.ts';

let running: RunningListener;
let handler: ScriptedHandler;
const peers: RawPeer[] = [];

async function listen(options: Partial<DimseListenerOptions>): Promise<void> {
  await running.listener.close(0);
  running = await startListener(handler, options);
}

beforeEach(async () => {
  handler = new ScriptedHandler();
  running = await startListener(handler);
});

afterEach(async () => {
  for (const peer of peers.splice(0)) peer.destroy();
  await running.listener.close(0);
});

async function associate(request: Partial<AssociateRq> = {}): Promise<{ peer: RawPeer; messages: MessageReader }> {
  const peer = await RawPeer.connect(running.port);
  peers.push(peer);
  peer.send(encodePdu(associateRq(request)));
  expect(decodeRaw(await peer.receive()).type).toBe(PDU_TYPE.associateAc);
  return { peer, messages: new MessageReader(peer) };
}

/** The final response to one C-FIND, and the results before it. */
async function find(
  search: Search,
  identifier = IDENTIFIER,
): Promise<{
  statuses: (number | undefined)[];
  dataSets: DataSet[];
  comment?: string | undefined;
  offending?: readonly string[] | undefined;
}> {
  handler.search = search;
  const { peer, messages } = await associate();
  peer.send(findRq(identifier));
  const statuses: (number | undefined)[] = [];
  const dataSets: DataSet[] = [];
  for (;;) {
    const { command, dataSet } = await messages.next();
    statuses.push(command.status);
    if (dataSet === undefined) {
      return { statuses, dataSets, comment: command.errorComment, offending: command.offendingElements };
    }
    dataSets.push(decodeDataSet(dataSet, EXPLICIT));
  }
}

async function* failing(error: unknown, after = 0): AsyncGenerator<DataSet, void, void> {
  yield* results(after);
  throw error;
}

describe('C-FIND answers (PS3.4 K.4.1)', () => {
  test('each result is a Pending response, the final one is Success without identifier', async () => {
    const found = await find(() => results(3));
    expect(found).toMatchObject({
      statuses: [0xff00, 0xff00, 0xff00, 0x0000],
      dataSets: [entry(0), entry(1), entry(2)],
    });
  });

  test('the query has the keys and what was negotiated', async () => {
    let asked: WorklistQuery | undefined;
    handler.route = { ...ROUTE, fuzzyMatching: true };
    handler.search = (query) => {
      asked = query;
      return results(0);
    };
    const extended = [{ sopClassUid: SOP_CLASSES.modalityWorklist, information: Uint8Array.of(1, 1, 1, 1) }];
    const { peer, messages } = await associate({ userInformation: { maximumLength: 0, roles: [], extended } });
    peer.send(findRq(IDENTIFIER));
    expect(await messages.statuses(1)).toEqual([0]);
    expect(asked).toMatchObject({
      identifier: IDENTIFIER,
      fuzzyMatching: true,
      timezoneAdjustment: false,
      returnKeys: 'requested',
    });
  });

  test('only what was asked for comes back (PS3.4 K.4.1.3.2)', async () => {
    const { dataSets } = await find(() => results(1), dataSetOf({ '00100020': attribute('LO') }));
    expect(dataSets).toEqual([dataSetOf({ '00100020': attribute('LO', 'ID0') })]);
  });

  test('no match is the final response alone', async () => {
    expect(await find(() => results(0))).toMatchObject({ statuses: [0x0000], dataSets: [] });
  });

  test('results are FF01 from the moment an unsupported key is known (PS3.4 K.4.1.1.4)', async () => {
    const { statuses } = await find(async function* (_query, context) {
      yield entry(0);
      context.warn({ code: 'OPTIONAL_KEYS_NOT_SUPPORTED', text: '' });
      yield entry(1);
    });
    expect(statuses).toEqual([0xff00, 0xff01, 0x0000]);
  });

  test('results leave as they arrive, not at the end', async () => {
    const go = Promise.withResolvers<void>();
    handler.search = async function* () {
      yield entry(0);
      await go.promise;
      yield entry(1);
    };
    const { peer, messages } = await associate();
    peer.send(findRq(IDENTIFIER));
    expect(await messages.statuses(1)).toEqual([0xff00]);
    go.resolve();
    expect(await messages.statuses(2)).toEqual([0xff00, 0x0000]);
  });

  test('nothing of one message stays for the next, message ids may come again (trap 1)', async () => {
    const asked: DataSet[] = [];
    handler.search = (query) => {
      asked.push(query.identifier);
      return results(1);
    };
    const { peer, messages } = await associate();
    const second = dataSetOf({ '00100020': attribute('LO', 'X') });
    peer.send(findRq(IDENTIFIER, 65_535));
    expect(await messages.statuses(2)).toEqual([0xff00, 0]);
    peer.send(findRq(second, 65_535));
    expect(await messages.statuses(2)).toEqual([0xff00, 0]);
    expect(asked).toEqual([IDENTIFIER, second]);
  });

  test('a second C-FIND before the first ended waits for its turn', async () => {
    const go = Promise.withResolvers<void>();
    let running = 0;
    handler.search = async function* () {
      expect(++running).toBe(1);
      await go.promise;
      yield entry(0);
      running--;
    };
    const { peer, messages } = await associate();
    peer.send(findRq(IDENTIFIER, 1), findRq(IDENTIFIER, 2), echoRq(3));
    go.resolve();
    const answers: (number | undefined)[] = [];
    for (let i = 0; i < 5; i++) answers.push((await messages.next()).command.messageIdBeingRespondedTo);
    expect(answers).toEqual([1, 1, 2, 2, 3]);
  });

  test('an identifier in many PDUs, many values in one PDU, and several messages in one PDU are the same (trap 8)', async () => {
    handler.search = () => results(1);
    const { peer, messages } = await associate();
    const command = {
      commandField: 0x0020,
      affectedSopClassUid: SOP_CLASSES.modalityWorklist,
      priority: 0,
      messageId: 1,
    };
    peer.send(message(3, command, encodeDataSet(IDENTIFIER, EXPLICIT), 24));
    expect(await messages.statuses(2)).toEqual([0xff00, 0]);
    const cut = findRq(IDENTIFIER);
    const first = 6 + cut.readUInt32BE(2);
    const merged = Buffer.concat([cut.subarray(6, first), cut.subarray(first + 6), echoRq(2).subarray(6)]);
    const header = Buffer.from([4, 0, 0, 0, 0, 0]);
    header.writeUInt32BE(merged.length, 2);
    peer.send(header, merged);
    expect(await messages.statuses(3)).toEqual([0xff00, 0, 0]);
  });

  test.each([
    [22, 'a tiny'],
    [128, 'a small'],
    [0, 'an unlimited'],
  ])('a peer with %i (%s) maximum PDU length gets PDUs no longer than that (trap 6)', async (maximumLength) => {
    handler.search = () => results(2);
    const { peer, messages } = await associate({ userInformation: { maximumLength, roles: [], extended: [] } });
    let longest = 0;
    const receive = peer.receive.bind(peer);
    peer.receive = async () => {
      const pdu = await receive();
      longest = Math.max(longest, pdu?.body.length ?? 0);
      return pdu;
    };
    peer.send(findRq(IDENTIFIER));
    for (const status of [0xff00, 0xff00, 0]) expect((await messages.next()).command.status).toBe(status);
    expect(longest).toBeLessThanOrEqual(maximumLength === 0 ? 131_072 : maximumLength);
    expect(longest).toBeGreaterThan(16);
  });

  test('an implicit context answers in Implicit VR Little Endian', async () => {
    handler.search = () => results(1);
    const contexts = [{ id: 3, abstractSyntax: SOP_CLASSES.modalityWorklist, transferSyntaxes: [IMPLICIT] }];
    const { peer, messages } = await associate({ contexts });
    const command = { commandField: 0x0020, affectedSopClassUid: SOP_CLASSES.modalityWorklist, messageId: 1 };
    peer.send(message(3, command, encodeDataSet(IDENTIFIER, IMPLICIT)));
    const { dataSet } = await messages.next();
    expect(decodeDataSet(dataSet ?? Buffer.alloc(0), IMPLICIT)).toEqual(entry(0));
  });
});

describe('C-CANCEL (PS3.7 9.3.2.3)', () => {
  test('ends the search with FE00 though the far side never answers', async () => {
    const aborted = Promise.withResolvers<unknown>();
    handler.search = async function* (_query, { signal }) {
      signal.addEventListener('abort', () => aborted.resolve(signal.reason));
      yield entry(0);
      await new Promise(() => undefined);
    };
    const { peer, messages } = await associate();
    peer.send(findRq(IDENTIFIER, 7));
    expect(await messages.statuses(1)).toEqual([0xff00]);
    peer.send(cancelRq(7));
    expect((await messages.next()).command).toMatchObject({ status: 0xfe00, messageIdBeingRespondedTo: 7 });
    expect(await aborted.promise).toMatchObject({ code: 'CANCELED' });
    handler.search = () => results(0);
    peer.send(findRq(IDENTIFIER, 8));
    expect(await messages.statuses(1)).toEqual([0]);
  });

  test('gets its turn while a source answers faster than the socket is read', async () => {
    handler.search = () => results(1_000_000);
    const { peer, messages } = await associate();
    peer.send(findRq(IDENTIFIER, 7));
    await messages.next();
    peer.send(cancelRq(7));
    let status: number | undefined = 0xff00;
    for (let i = 0; status === 0xff00; i++) {
      expect(i).toBeLessThan(100_000);
      status = (await messages.next()).command.status;
    }
    expect(status).toBe(0xfe00);
  });

  test('of a C-FIND that waits its turn ends that one only', async () => {
    const go = Promise.withResolvers<void>();
    let asked = 0;
    handler.search = async function* () {
      asked++;
      await go.promise;
      yield entry(0);
    };
    const { peer, messages } = await associate();
    peer.send(findRq(IDENTIFIER, 1), findRq(IDENTIFIER, 2), cancelRq(2), echoRq(3));
    // The echo stands behind the cancel: when it is queued, the cancel was read.
    go.resolve();
    const answers: unknown[] = [];
    for (let i = 0; i < 4; i++) {
      const { command } = await messages.next();
      answers.push([command.messageIdBeingRespondedTo, command.status]);
    }
    expect(answers).toEqual([
      [1, 0xff00],
      [1, 0],
      [2, 0xfe00],
      [3, 0],
    ]);
    expect(asked).toBe(1);
  });

  test('that comes too late, or names nothing, is ignored', async () => {
    handler.search = () => results(0);
    const { peer, messages } = await associate();
    peer.send(findRq(IDENTIFIER, 1), cancelRq(1), cancelRq(99));
    await messages.next();
    peer.send(cancelRq(1), echoRq(2));
    expect((await messages.next()).command).toMatchObject({ commandField: 0x8030, status: 0 });
  });
});

describe('failures (status mapping 3)', () => {
  test.each([
    ['UPSTREAM_UNREACHABLE', new ServiceFailure('UPSTREAM_UNREACHABLE'), 0xc005],
    ['OUT_OF_RESOURCES', new ServiceFailure('OUT_OF_RESOURCES'), 0xa700],
    ['NOT_SUPPORTED', new ServiceFailure('NOT_SUPPORTED'), 0x0122],
    ['CANCELED that no SCU asked for', new ServiceFailure('CANCELED'), 0xc001],
    ['a bug', new Error('a bug'), 0xc001],
    ['what is not even an error', 'text', 0xc001],
  ])('%s becomes its status, and the association lives on (trap 11)', async (_what, error, status) => {
    handler.search = () => failing(error, 1);
    const { peer, messages } = await associate();
    peer.send(findRq(IDENTIFIER));
    expect(await messages.statuses(2)).toEqual([0xff00, status]);
    peer.send(echoRq());
    expect(await messages.statuses(1)).toEqual([0]);
  });

  test('a handler that throws before it answers is C001, and its message does not leave the process (trap 11)', async () => {
    const found = await find(() => {
      throw new Error('Doe^Jane is secret');
    });
    expect(found).toMatchObject({ statuses: [0xc001], comment: 'internal error' });
    expect(JSON.stringify(running.logger.lines)).not.toContain('secret');
  });

  test('Error Comment and Offending Element come from the failure (PS3.4 Table K.4-2)', async () => {
    const failure = new ServiceFailure('BAD_REQUEST', { comment: 'bad key', attributes: ['00100010'] });
    expect(await find(() => failing(failure))).toMatchObject({
      statuses: [0xa900],
      comment: 'bad key',
      offending: ['00100010'],
    });
  });

  test.each<[string, Buffer | undefined]>([
    ['missing', undefined],
    ['cut in the middle of a value (trap 5)', encodeDataSet(IDENTIFIER, EXPLICIT).subarray(0, 21)],
    ['garbage', Buffer.from('ffffffffffffffffffff', 'hex')],
    [
      'larger than any identifier',
      encodeDataSet(dataSetOf({ '00404000': attribute('LO', 'x'.repeat(600_000)) }), EXPLICIT),
    ],
  ])('an identifier that is %s is A900, told to the gateway, and the association lives on', async (_what, dataSet) => {
    const { peer, messages } = await associate();
    const command = { commandField: 0x0020, affectedSopClassUid: SOP_CLASSES.modalityWorklist, messageId: 1 };
    peer.send(message(3, command, dataSet));
    expect(await messages.statuses(1)).toEqual([0xa900]);
    expect(handler.refusals).toMatchObject([{ code: 'BAD_REQUEST' }]);
    peer.send(echoRq());
    expect(await messages.statuses(1)).toEqual([0]);
  });

  test('two items in a sequence key are A900 with the sequence named (PS3.4 C.2.2.2.6)', async () => {
    const item = dataSetOf({ '00080060': attribute('CS', 'CT') });
    const found = await find(() => results(1), dataSetOf({ '00400100': attribute('SQ', item, item) }));
    expect(found).toMatchObject({ statuses: [0xa900], offending: ['00400100'] });
  });

  test('no answer within the patience of the SCU is C004', async () => {
    await listen({ requestTimeoutMs: 40 });
    const found = await find(() => ({ [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => undefined) }) }));
    expect(found.statuses).toEqual([0xc004]);
  });

  test('each result renews the patience of the SCU', async () => {
    await listen({ requestTimeoutMs: 80 });
    let deadlines: number[] = [];
    const found = await find(async function* (_query, context: RequestContext) {
      for (let i = 0; i < 4; i++) {
        await new Promise((resolve) => setTimeout(resolve, 40));
        deadlines = [...deadlines, context.deadline];
        yield entry(i);
      }
    });
    expect(found.statuses).toEqual([0xff00, 0xff00, 0xff00, 0xff00, 0]);
    expect(new Set(deadlines).size).toBe(4);
  });

  test('a route that is gone since the association began is 0122', async () => {
    handler.search = () => results(1);
    const { peer, messages } = await associate();
    handler.route = undefined;
    peer.send(findRq(IDENTIFIER));
    expect(await messages.statuses(1)).toEqual([0x0122]);
  });

  test('a search whose SCU aborts or disappears is told at once', async () => {
    const aborted = Promise.withResolvers<unknown>();
    handler.search = async function* (_query, { signal }) {
      signal.addEventListener('abort', () => aborted.resolve(signal.reason));
      yield entry(0);
      await new Promise(() => undefined);
    };
    const { peer, messages } = await associate();
    peer.send(findRq(IDENTIFIER));
    await messages.next();
    peer.destroy();
    expect(await aborted.promise).toMatchObject({ code: 'CONNECTION_LOST' });
  });
});

describe('commands that are not ours (status mapping 12)', () => {
  const { verification, modalityWorklist } = SOP_CLASSES;
  test.each([
    ['an unknown command field', 3, { commandField: 0x0042, affectedSopClassUid: modalityWorklist }, 0x0211],
    ['C-FIND on Verification', 1, { commandField: 0x0020, affectedSopClassUid: verification }, 0x0211],
    [
      'C-FIND of another class than the context',
      3,
      { commandField: 0x0020, affectedSopClassUid: verification },
      0x0122,
    ],
    [
      'C-ECHO of another class than the context',
      1,
      { commandField: 0x0030, affectedSopClassUid: modalityWorklist },
      0x0122,
    ],
    ['C-STORE', 3, { commandField: 0x0001, affectedSopClassUid: '1.2.840.10008.5.1.4.1.1.2' }, 0x0122],
    [
      'N-CREATE of another class than the context',
      3,
      { commandField: 0x0140, affectedSopClassUid: '1.2.840.10008.3.1.2.3.3' },
      0x0118,
    ],
    ['N-GET on the worklist', 3, { commandField: 0x0110, requestedSopClassUid: modalityWorklist }, 0x0211],
  ])('%s is answered, and the association lives on', async (_what, contextId, command, status) => {
    const { peer, messages } = await associate();
    peer.send(message(contextId, { ...command, messageId: 4 }, encodeDataSet(IDENTIFIER, EXPLICIT)));
    expect((await messages.next()).command).toMatchObject({
      commandField: command.commandField | 0x8000,
      messageIdBeingRespondedTo: 4,
      status,
    });
    peer.send(echoRq(5));
    expect(await messages.statuses(1)).toEqual([0]);
  });

  test('a Command Data Set Type of 0 announces a data set as any but 0101 does', async () => {
    handler.search = () => results(1);
    const { peer, messages } = await associate();
    const find = findRq(IDENTIFIER);
    const at = find.indexOf(Buffer.from('0000000802000000', 'hex'));
    find.writeUInt16LE(0, at + 8);
    peer.send(find);
    expect(await messages.statuses(2)).toEqual([0xff00, 0]);
  });

  test('a peer that asks and asks without waiting is aborted', async () => {
    handler.search = () => ({ [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => undefined) }) });
    const { peer } = await associate();
    peer.send(...Array.from({ length: 100 }, (_value, i) => findRq(IDENTIFIER, i + 1)));
    expect(decodeRaw(await peer.receive())).toMatchObject({ type: PDU_TYPE.abort });
  });
});

describe('character sets towards the SCU (proxy flows 1.2, trap 4)', () => {
  const name = (alphabetic: string): DataSet => dataSetOf({ '00100010': attribute('PN', { Alphabetic: alphabetic }) });
  const identifierWith = (set?: string): DataSet =>
    dataSetOf({
      '00100010': attribute('PN'),
      ...(set === undefined ? {} : { '00080005': attribute('CS', ...set.split('\\')) }),
    });

  async function written(result: DataSet, identifier: DataSet): Promise<unknown> {
    const { dataSets } = await find(async function* () {
      yield result;
    }, identifier);
    expect(dataSets[0]?.['00100010']).toEqual(result['00100010']);
    return dataSets[0]?.['00080005']?.Value;
  }

  test('plain ASCII needs none', async () => {
    expect(await written(name('Doe^Jane'), identifierWith('ISO_IR 100'))).toBeUndefined();
  });

  test('the set of the identifier, where every character fits', async () => {
    expect(await written(name('Müller^Jörg'), identifierWith('ISO_IR 100'))).toEqual(['ISO_IR 100']);
  });

  test("the route's sets come first, in order", async () => {
    handler.route = { ...ROUTE, characterSets: ['ISO_IR 101', 'ISO_IR 144'] };
    expect(await written(name('Иванов^Пётр'), identifierWith('ISO_IR 100'))).toEqual(['ISO_IR 144']);
  });

  test('else ISO_IR 192, with one log line however many results', async () => {
    expect(await written(name('山田^太郎'), identifierWith())).toEqual(['ISO_IR 192']);
    expect(running.logger.lines.filter(({ level }) => level === 'warn')).toEqual([]);
    await find(async function* () {
      yield name('山田^太郎');
      yield name('山田^花子');
    }, identifierWith('ISO_IR 100'));
    const warnings = running.logger.lines.filter(({ level }) => level === 'warn');
    expect(warnings).toMatchObject([{ fields: { characterSet: 'ISO_IR 192', replaced: false } }]);
    expect(JSON.stringify(warnings)).not.toContain('山田');
  });

  test('a route that wants no fallback fails the search with C009', async () => {
    handler.route = { ...ROUTE, characterSets: ['ISO_IR 100'], unencodable: 'fail' };
    const found = await find(async function* () {
      yield name('山田^太郎');
    }, identifierWith());
    expect(found.statuses).toEqual([0xc009]);
  });
});

test('a data set with a fragment left over after its last one is a wrong order, not the next message', async () => {
  const { peer } = await associate();
  peer.send(findRq(IDENTIFIER), dataPdu([3, 2, Buffer.alloc(4)]));
  let pdu = decodeRaw(await peer.receive());
  while (pdu.type === PDU_TYPE.dataTf) pdu = decodeRaw(await peer.receive());
  expect(pdu).toMatchObject({ type: PDU_TYPE.abort, source: 0 });
});
