/** MPPS of our SCU against our SCP over real sockets, and each against dcmjs-dimse as a second implementation. */
import { afterEach, describe, expect, test } from '@jest/globals';
import dcmjsDimse from 'dcmjs-dimse';
import { attribute, dataSetOf } from '../../../src/dataset/model.ts';
import type { DataSet } from '../../../src/dataset/model.ts';
import { SOP_CLASSES } from '../../../src/dimse/uids.ts';
import { ServiceFailure } from '../../../src/services/port.ts';
import { ScriptedHandler, startListener } from '../../support/dimse-listener.ts';
import type { RunningListener } from '../../support/dimse-listener.ts';
import { COMPLETED, IN_PROGRESS, MPPS_UID } from '../../support/dimse-mpps.ts';
import { createContext, createUpstream } from '../../support/dimse-upstream.ts';

type ScpInstance = InstanceType<typeof dcmjsDimse.Scp>;
type NResponse = InstanceType<typeof dcmjsDimse.responses.NGetResponse>;

const { Client, Dataset, log, requests, responses, constants, Scp, Server } = dcmjsDimse;
const { mpps, mppsRetrieve } = SOP_CLASSES;

log.setLevel('silent');

const closers: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function pair(
  options: Parameters<typeof createUpstream>[1] = {},
  listener: Parameters<typeof startListener>[1] = {},
): Promise<{ running: RunningListener; upstream: ReturnType<typeof createUpstream> }> {
  const running = await startListener(new ScriptedHandler(), listener);
  const upstream = createUpstream(running.port, options);
  closers.push(
    () => running.listener.close(0),
    () => upstream.close(),
  );
  return { running, upstream };
}

describe('our SCU against our SCP', () => {
  test.each([
    ['Explicit VR', '1.2.840.10008.1.2.1', 16_384],
    ['Implicit VR', '1.2.840.10008.1.2', 16_384],
    ['Deflated', '1.2.840.10008.1.2.1.99', 16_384],
    ['PDUs of 22 bytes', '1.2.840.10008.1.2.1', 22],
  ] as const)('a step is created, completed and read again: %s', async (_what, transferSyntax, maximumPduLength) => {
    const transferSyntaxes = [transferSyntax];
    const { running, upstream } = await pair(
      { transferSyntaxes, maximumPduLength },
      { transferSyntaxes, maximumPduLength },
    );
    const { handler } = running;
    expect(await upstream.createMpps(MPPS_UID, IN_PROGRESS, createContext())).toEqual({ uid: MPPS_UID });
    expect(await upstream.updateMpps(MPPS_UID, COMPLETED, createContext())).toEqual({ uid: MPPS_UID });
    const characterSet = { '00080005': attribute('CS', 'ISO_IR 192') };
    expect(handler.asked).toMatchObject([
      { operation: 'create', uid: MPPS_UID, attributes: { ...characterSet, ...IN_PROGRESS } },
      { operation: 'update', uid: MPPS_UID, attributes: { ...characterSet, ...COMPLETED } },
    ]);
    handler.retrieveMpps = async () => ({ ...IN_PROGRESS, ...COMPLETED });
    expect(await upstream.retrieveMpps(MPPS_UID, 'all', createContext())).toEqual({ ...IN_PROGRESS, ...COMPLETED });
    expect(await upstream.retrieveMpps(MPPS_UID, [['00400252']], createContext())).toEqual(
      dataSetOf({ '00400252': attribute('CS', 'COMPLETED') }),
    );
    expect(running.listener.counts).toMatchObject({ associations: 1 });
  });

  test('Japanese text and private attributes arrive whole, and their answer too', async () => {
    const { running, upstream } = await pair({ characterSet: '\\ISO 2022 IR 87' });
    const attributes = dataSetOf({
      '00090010': attribute('LO', 'VENDOR'),
      '00091001': attribute('LO', '撮影'),
      '00100010': attribute('PN', { Alphabetic: 'Yamada^Tarou', Ideographic: '山田^太郎', Phonetic: 'やまだ^たろう' }),
    });
    await upstream.createMpps(MPPS_UID, attributes, createContext());
    const [asked] = running.handler.asked;
    expect(asked?.context.characterSet).toBe('\\ISO 2022 IR 87');
    expect(asked?.attributes).toMatchObject(attributes);
    running.handler.characterSetOf = async () => asked?.context.characterSet;
    running.handler.retrieveMpps = async () => attributes;
    expect(await upstream.retrieveMpps(MPPS_UID, 'all', createContext())).toEqual(
      dataSetOf({ ...attributes, '00080005': attribute('CS', null, 'ISO 2022 IR 87') }),
    );
  });

  test('several series with hundreds of images cross in one message', async () => {
    const { running, upstream } = await pair();
    const images = Array.from({ length: 400 }, (_value, i) =>
      dataSetOf({
        '00081150': attribute('UI', '1.2.840.10008.5.1.4.1.1.2'),
        '00081155': attribute('UI', `1.2.3.${i}`),
      }),
    );
    const series = Array.from({ length: 4 }, (_value, i) =>
      dataSetOf({ '0020000E': attribute('UI', `1.2.4.${i}`), '00081140': attribute('SQ', ...images) }),
    );
    const modifications = dataSetOf({ '00400340': attribute('SQ', ...series) });
    await upstream.updateMpps(MPPS_UID, modifications, createContext());
    expect(running.handler.asked[0]?.attributes?.['00400340']).toEqual(modifications['00400340']);
  });

  test.each([
    new ServiceFailure('DUPLICATE_INSTANCE', { comment: 'MPPS UID already in use' }),
    new ServiceFailure('MISSING_ATTRIBUTE', { comment: 'missing attribute', attributes: ['00400253'] }),
    new ServiceFailure('INVALID_VALUE', { comment: 'bad state', attributes: ['00400252'] }),
    new ServiceFailure('OUT_OF_RESOURCES', { comment: 'later', retry: 'safe' }),
    new ServiceFailure('NOT_AUTHORIZED', { comment: 'not you' }),
  ])('$code crosses both wires with attributes, and its comment as the words of the far end', async (failure) => {
    const { running, upstream } = await pair();
    running.handler.createMpps = () => Promise.reject(failure);
    const { code, message: words, attributes, retry } = failure;
    await expect(upstream.createMpps(MPPS_UID, IN_PROGRESS, createContext())).rejects.toMatchObject({
      code,
      words,
      attributes,
      retry,
    });
  });

  test('an update after the final state crosses as such (0110H, A710H)', async () => {
    const { running, upstream } = await pair();
    running.handler.updateMpps = () => Promise.reject(new ServiceFailure('INSTANCE_FINAL'));
    await expect(upstream.updateMpps(MPPS_UID, COMPLETED, createContext())).rejects.toMatchObject({
      code: 'INSTANCE_FINAL',
      errorId: 0xa710,
    });
  });

  test('warnings cross when the listener passes them on', async () => {
    const { running, upstream } = await pair({}, { warningsAsSuccess: false });
    running.handler.createMpps = async (uid, _attributes, context) => {
      context.warn({ code: 'VALUES_CHANGED', text: '', attributes: ['00400252'] });
      return { uid: uid ?? '' };
    };
    const context = createContext();
    await upstream.createMpps(MPPS_UID, IN_PROGRESS, context);
    expect(context.warnings).toMatchObject([{ code: 'VALUES_CHANGED', dimseStatus: 0x0116, attributes: ['00400252'] }]);
  });

  test('an SCP whose route has no MPPS is NOT_SUPPORTED', async () => {
    const { running, upstream } = await pair();
    running.handler.mppsRoute = undefined;
    await expect(upstream.createMpps(MPPS_UID, IN_PROGRESS, createContext())).rejects.toMatchObject({
      code: 'NOT_SUPPORTED',
      retry: 'permanent',
    });
  });

  test('every answer is known to be delivered once the association goes on or is released', async () => {
    const { running, upstream } = await pair();
    for (let i = 0; i < 3; i++) await upstream.createMpps(`${MPPS_UID}.${i}`, IN_PROGRESS, createContext());
    await upstream.close();
    const delivered = running.handler.asked.map(async ({ context }) => context.answerDelivered);
    expect(await Promise.all(delivered)).toEqual([true, true, true]);
  });
});

describe('with dcmjs-dimse', () => {
  test('its SCU creates, updates and reads at our SCP', async () => {
    const { running } = await pair();
    running.handler.retrieveMpps = async () => dataSetOf({ ...IN_PROGRESS, ...COMPLETED });
    const create = new requests.NCreateRequest(mpps, MPPS_UID);
    create.setDataset(new Dataset({ Modality: 'CT', PerformedProcedureStepStatus: 'IN PROGRESS' }));
    const set = new requests.NSetRequest(mpps, MPPS_UID);
    set.setDataset(new Dataset({ PerformedProcedureStepStatus: 'COMPLETED' }));
    const get = new requests.NGetRequest(mppsRetrieve, MPPS_UID, ['00400252']);
    const statuses: number[] = [];
    let state: unknown;
    const client = new Client();
    for (const request of [create, set, get]) {
      request.on('response', (response: NResponse) => {
        statuses.push(response.getStatus());
        if (request === get) state = response.getDataset()?.getElement('PerformedProcedureStepStatus');
      });
      client.addRequest(request);
    }
    const closed = new Promise((resolve, reject) => {
      client.on('closed', resolve);
      client.on('networkError', reject);
    });
    client.send('127.0.0.1', running.port, 'DCMJS', 'DIMSEWAY');
    await closed;
    expect(statuses).toEqual([0, 0, 0]);
    expect(state).toBe('COMPLETED');
    const [created, updated] = running.handler.asked;
    expect(created).toMatchObject({
      uid: MPPS_UID,
      attributes: { '00080060': attribute('CS', 'CT'), '00400252': attribute('CS', 'IN PROGRESS') },
    });
    expect(updated).toMatchObject({ uid: MPPS_UID, attributes: { '00400252': attribute('CS', 'COMPLETED') } });
    expect(await created?.context.answerDelivered).toBe(true);
  });

  test('our SCU creates, updates and reads at its SCP; what it answers is told', async () => {
    const stored = new Map<string, Record<string, unknown>>();
    class Peer extends Scp {
      override associationRequested(association: Parameters<ScpInstance['associationRequested']>[0]): void {
        for (const { id } of association.getPresentationContexts()) {
          const context = association.getPresentationContext(id);
          context.setResult(constants.PresentationContextResult.Accept, context.getTransferSyntaxUids()[0]);
        }
        this.sendAssociationAccept();
      }

      override nCreateRequest(...[request, callback]: Parameters<ScpInstance['nCreateRequest']>): void {
        const response = responses.NCreateResponse.fromRequest(request);
        const uid = request.getAffectedSopInstanceUid() ?? '';
        response.setStatus(stored.has(uid) ? constants.Status.DuplicateSOPInstance : constants.Status.Success);
        if (!stored.has(uid)) stored.set(uid, { ...request.getDataset()?.getElements() });
        callback(response);
      }

      override nSetRequest(...[request, callback]: Parameters<ScpInstance['nSetRequest']>): void {
        const response = responses.NSetResponse.fromRequest(request);
        const created = stored.get(request.getRequestedSopInstanceUid() ?? '');
        response.setStatus(created === undefined ? constants.Status.NoSuchObjectInstance : constants.Status.Success);
        Object.assign(created ?? {}, request.getDataset()?.getElements());
        callback(response);
      }

      override nGetRequest(...[request, callback]: Parameters<ScpInstance['nGetRequest']>): void {
        const response = responses.NGetResponse.fromRequest(request);
        response.setStatus(constants.Status.Success);
        response.setDataset(new Dataset(stored.get(request.getRequestedSopInstanceUid() ?? '') ?? {}));
        callback(response);
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
    const umlaut: DataSet = { ...IN_PROGRESS, '00400254': attribute('LO', 'Schädel') };
    expect(await upstream.createMpps(MPPS_UID, umlaut, createContext())).toMatchObject({ uid: MPPS_UID });
    await upstream.updateMpps(MPPS_UID, COMPLETED, createContext());
    expect(await upstream.retrieveMpps(MPPS_UID, 'all', createContext())).toMatchObject({
      '00080060': attribute('CS', 'CT'),
      '00400252': attribute('CS', 'COMPLETED'),
      '00400254': attribute('LO', 'Schädel'),
    });
    await expect(upstream.createMpps(MPPS_UID, umlaut, createContext())).rejects.toMatchObject({
      code: 'DUPLICATE_INSTANCE',
      dimseStatus: 0x0111,
    });
    await expect(upstream.updateMpps('1.2.3', COMPLETED, createContext())).rejects.toMatchObject({
      code: 'NO_SUCH_INSTANCE',
    });
  });
});

async function freePort(): Promise<number> {
  const { listener, port } = await startListener();
  await listener.close(0);
  return port;
}
