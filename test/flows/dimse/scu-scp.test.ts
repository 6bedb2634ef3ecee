/** Our SCU against our SCP over real sockets, and each against dcmjs-dimse as a second implementation. */
import { afterEach, describe, expect, test } from '@jest/globals';
import dcmjsDimse from 'dcmjs-dimse';
import { attribute, dataSetOf } from '../../../src/dataset/model.ts';
import { ServiceFailure } from '../../../src/services/port.ts';
import { entry, results, ROUTE, ScriptedHandler, startListener } from '../../support/dimse-listener.ts';
import type { RunningListener } from '../../support/dimse-listener.ts';
import { collect, createContext, createUpstream, QUERY } from '../../support/dimse-upstream.ts';

type CFindResponse = InstanceType<typeof dcmjsDimse.responses.CFindResponse>;

const { Client, Dataset, log, requests, responses, constants, Scp, Server } = dcmjsDimse;

log.setLevel('silent');

const closers: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function pair(
  handler = new ScriptedHandler(),
  options: Parameters<typeof createUpstream>[1] = {},
): Promise<{ running: RunningListener; upstream: ReturnType<typeof createUpstream> }> {
  const running = await startListener(handler);
  const upstream = createUpstream(running.port, options);
  closers.push(
    () => running.listener.close(0),
    () => upstream.close(),
  );
  return { running, upstream };
}

describe('our SCU against our SCP', () => {
  test('C-ECHO verifies, and its association is released', async () => {
    const { running, upstream } = await pair();
    await upstream.verify(createContext());
    await upstream.close();
    expect(running.listener.counts).toMatchObject({ associations: 0 });
  });

  test('a search brings every result, in the order of the source, whole', async () => {
    const { upstream } = await pair(new ScriptedHandler(() => results(500)));
    const expected = Array.from({ length: 500 }, (_value, i) => entry(i));
    expect(await collect(upstream.search(QUERY, createContext()))).toEqual(expected);
  });

  test.each([22, 100, 16_384])('also with PDUs of %i bytes both ways', async (maximumPduLength) => {
    const running = await startListener(new ScriptedHandler(() => results(3)), { maximumPduLength });
    const upstream = createUpstream(running.port, { maximumPduLength });
    closers.push(
      () => running.listener.close(0),
      () => upstream.close(),
    );
    expect(await collect(upstream.search(QUERY, createContext()))).toEqual([entry(0), entry(1), entry(2)]);
  });

  test('also in Deflated and in Implicit VR Little Endian', async () => {
    for (const transferSyntax of ['1.2.840.10008.1.2.1.99', '1.2.840.10008.1.2'] as const) {
      const transferSyntaxes = [transferSyntax];
      const running = await startListener(new ScriptedHandler(() => results(3)), { transferSyntaxes });
      const upstream = createUpstream(running.port, { transferSyntaxes });
      closers.push(
        () => running.listener.close(0),
        () => upstream.close(),
      );
      expect(await collect(upstream.search(QUERY, createContext()))).toEqual([entry(0), entry(1), entry(2)]);
    }
  });

  test('keys and results keep Japanese, Cyrillic and German text (trap 4)', async () => {
    const names = ['Yamada^Tarou=山田^太郎=やまだ^たろう', 'Иванов^Пётр', 'Müller^Jörg'].map((text) => {
      const [Alphabetic = '', Ideographic, Phonetic] = text.split('=');
      return {
        Alphabetic,
        ...(Ideographic === undefined ? {} : { Ideographic }),
        ...(Phonetic === undefined ? {} : { Phonetic }),
      };
    });
    const { running, upstream } = await pair(new ScriptedHandler(), { characterSet: '\\ISO 2022 IR 87' });
    for (const name of names) {
      const identifier = dataSetOf({ '00100010': attribute('PN', name) });
      running.handler.search = async function* (query) {
        expect(query.identifier['00100010']).toEqual(attribute('PN', name));
        yield dataSetOf({ '00100010': attribute('PN', name) });
      };
      const [found] = await collect(upstream.search({ ...QUERY, identifier }, createContext()));
      expect(found?.['00100010']).toEqual(attribute('PN', name));
    }
  });

  test('a page is cut from the sorted whole, and says how many more there are', async () => {
    const { upstream } = await pair(
      new ScriptedHandler(async function* () {
        for (const id of [3, 1, 4, 0, 2]) yield entry(id);
      }),
    );
    const context = createContext();
    const page = await collect(upstream.search({ ...QUERY, stableOrder: true, offset: 1, limit: 2 }, context));
    expect(page).toEqual([entry(1), entry(2)]);
    expect(context.warnings).toMatchObject([{ code: 'MORE_RESULTS', remaining: 2 }]);
    const last = createContext();
    expect(await collect(upstream.search({ ...QUERY, stableOrder: true, offset: 4, limit: 2 }, last))).toEqual([
      entry(4),
    ]);
    expect(last.warnings).toEqual([]);
  });

  test('an unsorted limit stops the far side and says that there is more', async () => {
    const stopped = Promise.withResolvers<unknown>();
    const { upstream } = await pair(
      new ScriptedHandler(async function* (_query, { signal }) {
        signal.addEventListener('abort', () => stopped.resolve(signal.reason));
        yield* results(3);
        await new Promise(() => undefined);
      }),
    );
    const context = createContext();
    const found = await collect(upstream.search({ ...QUERY, offset: 1, limit: 1 }, context));
    expect(found).toEqual([entry(1)]);
    expect(context.warnings).toMatchObject([{ code: 'MORE_RESULTS' }]);
    expect(await stopped.promise).toMatchObject({ code: 'CANCELED' });
  });

  test('a result of several steps is taken apart (C22)', async () => {
    const step = (id: string) => dataSetOf({ '00080060': attribute('CS', 'CT'), '00400009': attribute('SH', id) });
    const { upstream } = await pair(
      new ScriptedHandler(async function* () {
        yield dataSetOf({ '00100020': attribute('LO', 'ID'), '00400100': attribute('SQ', step('A'), step('B')) });
      }),
    );
    const found = await collect(upstream.search(QUERY, createContext()));
    expect(found.map((result) => result['00400100'])).toEqual([attribute('SQ', step('A')), attribute('SQ', step('B'))]);
  });

  test('failures cross both wires: the code, and the comment as words of the far end', async () => {
    const { upstream } = await pair(
      new ScriptedHandler(() => {
        throw new ServiceFailure('BAD_REQUEST', { comment: 'bad key', attributes: ['00400100'] });
      }),
    );
    await expect(collect(upstream.search(QUERY, createContext()))).rejects.toMatchObject({
      code: 'BAD_REQUEST',
      words: 'bad key',
      attributes: ['00400100'],
      dimseStatus: 0xa900,
    });
  });

  test('fuzzy matching is agreed where the route offers it', async () => {
    const { running, upstream } = await pair();
    running.handler.route = { ...ROUTE, fuzzyMatching: true };
    let fuzzy: boolean | undefined;
    running.handler.search = (query) => {
      fuzzy = query.fuzzyMatching;
      return results(0);
    };
    const context = createContext();
    await collect(upstream.search({ ...QUERY, fuzzyMatching: true }, context));
    expect(fuzzy).toBe(true);
    expect(context.warnings).toEqual([]);
  });

  test('forty searches at once, each with its own results', async () => {
    const { upstream } = await pair(
      new ScriptedHandler(async function* (query) {
        const id = query.identifier['00100020']?.Value?.[0];
        yield dataSetOf({ '00100020': attribute('LO', id ?? null) });
      }),
    );
    const ids = Array.from({ length: 40 }, (_value, i) => `ID${i}`);
    const found = await Promise.all(
      ids.map((id) =>
        collect(
          upstream.search({ ...QUERY, identifier: dataSetOf({ '00100020': attribute('LO', id) }) }, createContext()),
        ),
      ),
    );
    expect(found.map(([result]) => result?.['00100020']?.Value?.[0])).toEqual(ids);
  });
});

describe('with dcmjs-dimse', () => {
  test('its SCU gets C-ECHO and worklist answers from our SCP', async () => {
    const running = await startListener(new ScriptedHandler(() => results(3)));
    closers.push(() => running.listener.close(0));
    const echo = new requests.CEchoRequest();
    const find = requests.CFindRequest.createWorklistFindRequest({
      PatientID: '',
      ScheduledProcedureStepSequence: [{ Modality: '' }],
    });
    const statuses: number[] = [];
    const ids: unknown[] = [];
    echo.on('response', (response: { getStatus(): number }) => statuses.push(response.getStatus()));
    find.on('response', (response: CFindResponse) => {
      statuses.push(response.getStatus());
      const id: unknown = response.getDataset()?.getElement('PatientID');
      if (id !== undefined) ids.push(id);
    });
    const client = new Client();
    client.addRequest(echo);
    client.addRequest(find);
    const closed = new Promise((resolve, reject) => {
      client.on('closed', resolve);
      client.on('networkError', reject);
    });
    client.send('127.0.0.1', running.port, 'DCMJS', 'DIMSEWAY');
    await closed;
    expect(statuses).toEqual([0, 0xff00, 0xff00, 0xff00, 0]);
    expect(ids).toEqual(['ID0', 'ID1', 'ID2']);
  });

  test('our SCU gets C-ECHO and worklist answers from its SCP', async () => {
    class Peer extends Scp {
      override associationRequested(
        association: Parameters<InstanceType<typeof Scp>['associationRequested']>[0],
      ): void {
        for (const { id } of association.getPresentationContexts()) {
          const context = association.getPresentationContext(id);
          context.setResult(constants.PresentationContextResult.Accept, context.getTransferSyntaxUids()[0]);
        }
        this.sendAssociationAccept();
      }

      override cEchoRequest(...[request, callback]: Parameters<InstanceType<typeof Scp>['cEchoRequest']>): void {
        const response = responses.CEchoResponse.fromRequest(request);
        response.setStatus(constants.Status.Success);
        callback(response);
      }

      override cFindRequest(...[request, callback]: Parameters<InstanceType<typeof Scp>['cFindRequest']>): void {
        const pending = responses.CFindResponse.fromRequest(request);
        pending.setStatus(constants.Status.Pending);
        pending.setDataset(new Dataset({ PatientID: 'ID7', ScheduledProcedureStepSequence: [{ Modality: 'CT' }] }));
        const final = responses.CFindResponse.fromRequest(request);
        final.setStatus(constants.Status.Success);
        callback([pending, final]);
      }

      override associationReleaseRequested(): void {
        this.sendAssociationReleaseResponse();
      }
    }
    const server = new Server(Peer);
    const port = await freePort();
    server.listen(port);
    closers.push(() => server.close());
    const upstream = createUpstream(port);
    closers.push(() => upstream.close());
    await upstream.verify(createContext());
    const [found] = await collect(upstream.search(QUERY, createContext()));
    expect(found).toMatchObject({
      '00100020': { Value: ['ID7'] },
      '00400100': { Value: [{ '00080060': { Value: ['CT'] } }] },
    });
  });
});

async function freePort(): Promise<number> {
  const { listener, port } = await startListener();
  await listener.close(0);
  return port;
}
