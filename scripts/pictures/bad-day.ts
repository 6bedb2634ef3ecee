/**
 * A gateway on a bad day, in this process: scanners that go on working with a RIS on the web, an archive that is away, a step
 * that is refused, and somebody whom no route knows. Its patients are those of config/worklist.yaml: invented.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { App } from '../../src/app.ts';
import { modalityContext } from '../../src/cli/demo-play.ts';
import { finalModifications } from '../../src/cli/mpps-final.ts';
import { searchWorklist } from '../../src/cli/worklist-search.ts';
import { ConfigFile } from '../../src/config/config-file.ts';
import { upstream as upstreamSchema } from '../../src/config/upstream-schema.ts';
import { createDataSet } from '../../src/dataset/model.ts';
import { generateUid } from '../../src/dataset/uid.ts';
import { SILENT } from '../../src/observe/log.ts';
import { createFromWorklist } from '../../src/services/mpps/from-worklist.ts';
import { ServiceFailure } from '../../src/services/port.ts';
import type { Upstream } from '../../src/services/port.ts';
import { createUpstream } from '../../src/upstream-parts.ts';
import { Cleanup } from '../peers/process.ts';

const WORKLIST = join(import.meta.dirname, '../../config/worklist.yaml');
const PATIENCE_MS = 15_000;

/** Of the console, by role. */
export const TOKENS = {
  values: 'picture-of-a-bad-day-0123456789',
  viewer: 'reader-of-a-bad-day-0123456789ab',
} as const;

const RIS = `listeners:
  web: { protocol: dicomweb, host: 127.0.0.1, port: 0 }
upstreams:
  ris: { protocol: ris, entries: ${WORKLIST} }
routes:
  - { name: all, from: { listener: web }, worklist: { to: ris }, mpps: { to: ris } }
store: { path: ris.db }
`;

const gateway = (risPort: number, captureUntil: string): string => `# Scanners of the ward, a RIS on the web.
listeners:
  ward:
    protocol: dimse
    aeTitles: [DIMSEWAY]
    host: 127.0.0.1
    port: 0
  web:
    protocol: dicomweb
    host: 127.0.0.1
    port: 0

upstreams:
  webRis:
    protocol: dicomweb
    baseUrl: http://127.0.0.1:${risPort}
  archive:
    protocol: dimse
    host: 127.0.0.1
    port: 1
    aeTitle: ARCHIVE
    callingAeTitle: DIMSEWAY
    spool: { firstDelay: 10m, maximumDelay: 10m }

routes:
  - name: scanners
    from: { listener: ward, callingAeTitles: [CT1, MR1] }
    worklist: { to: webRis }
    mpps:
      to: webRis
      rules:
        request:
          - { map: PerformedStationAETitle, table: { CT1: SCANNER_1 } }
          - { remove: PatientSex }
      forwardTo: [archive]
  - name: carts
    from: { listener: web }
    worklist: { to: webRis }

store: { path: gateway.db }

console:
  host: 127.0.0.1
  port: 0
  tokens:
    - { name: picture, token: ${TOKENS.values}, role: values }
    - { name: reader, token: ${TOKENS.viewer}, role: viewer }
  capture: { until: ${captureUntil} }
`;

export interface BadDay {
  /** Of the console. */
  readonly url: string;
  /** The configuration: may be written to. */
  readonly file: string;
  /** The step that went through, and that the archive does not know yet. */
  readonly stepUid: string;
  close(): Promise<void>;
}

/** @throws whatever goes wrong; nothing is left behind then */
export async function startBadDay(): Promise<BadDay> {
  const cleanup = new Cleanup();
  try {
    const folder = await cleanup.folder();
    const start = async (name: string, text: string): Promise<ReturnType<App['ports']>> => {
      const file = join(folder, name);
      await writeFile(file, text);
      const source = new ConfigFile(file, {});
      const app = new App({ ...SILENT, setLevel() {} }, () => source.load(), source);
      cleanup.add(() => app.close());
      return app.start((await source.load()).config);
    };
    const ris = await start('ris.yaml', RIS);
    const until = new Date(Date.now() + 3_600_000).toISOString();
    const { listeners, console } = await start('gateway.yaml', gateway(ris.listeners['web']?.port ?? 0, until));
    const stepUid = await work(listeners['ward']?.port ?? 0, listeners['web']?.port ?? 0);
    const url = `http://127.0.0.1:${console?.port ?? 0}`;
    return { url, file: join(folder, 'gateway.yaml'), stepUid, close: () => cleanup.run() };
  } catch (error) {
    await cleanup.run();
    throw error;
  }
}

/** What the modalities do. @returns the UID of the step */
async function work(wardPort: number, webPort: number): Promise<string> {
  const context = (): ReturnType<typeof modalityContext> =>
    modalityContext(AbortSignal.timeout(PATIENCE_MS), PATIENCE_MS);
  const scanner = (callingAeTitle: string): Promise<Upstream> =>
    createUpstream(
      callingAeTitle,
      upstreamSchema.parse({
        protocol: 'dimse',
        host: '127.0.0.1',
        port: wardPort,
        aeTitle: 'DIMSEWAY',
        callingAeTitle,
      }),
      SILENT,
    );
  const cart = await createUpstream(
    'cart',
    upstreamSchema.parse({ protocol: 'dicomweb', baseUrl: `http://127.0.0.1:${webPort}` }),
    SILENT,
  );
  const [ct, stranger] = [await scanner('CT1'), await scanner('XA9')];
  try {
    const keys = ['ScheduledProcedureStepSequence.Modality=CT'];
    const include = ['PatientName', 'PatientID', 'PatientSex', 'AccessionNumber', 'StudyInstanceUID'];
    const entries = await searchWorklist(ct, { keys, include }, context());
    await searchWorklist(cart, { keys: [], include: [], limit: 5 }, context());
    await refused(() => searchWorklist(stranger, { keys: [], include: [] }, context()));
    const uid = generateUid();
    const step = createFromWorklist(entries.slice(0, 1), { now: new Date(), stationAeTitle: 'CT1' });
    await ct.createMpps(uid, step, context());
    const end = await finalModifications(ct, uid, context(), {
      ...{ state: 'COMPLETED', given: createDataSet(), end: undefined, reason: undefined },
      ...{ emptySeries: true, protocol: 'Head', now: new Date() },
    });
    await ct.updateMpps(uid, end, context());
    await refused(() => ct.updateMpps(uid, end, context()));
    return uid;
  } finally {
    await Promise.all([cart.close(), ct.close(), stranger.close()]);
  }
}

async function refused(action: () => Promise<unknown>): Promise<void> {
  try {
    await action();
  } catch (error) {
    if (error instanceof ServiceFailure) return;
    throw error;
  }
  throw new Error('this should have been refused');
}
