/** An archive that is asked for storage commitment may report it, whoever else may associate: at the start and after a reload. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from '../../src/app.ts';
import { loadConfig } from '../../src/config/load.ts';
import { encodePdu, PDU_TYPE } from '../../src/dimse/upper-layer/pdu.ts';
import { SILENT } from '../../src/observe/log.ts';
import { associateRq, decodeRaw } from '../support/dimse-bytes.ts';
import { COMMITMENT_CONTEXTS } from '../support/dimse-commitment.ts';
import { RawPeer } from '../support/raw-peer.ts';

let folder: string;
let file: string;
let app: App;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dimseway-'));
  file = join(folder, 'gateway.yaml');
  app = new App({ ...SILENT, setLevel: () => undefined }, () => loadConfig(file, {}));
});
afterEach(async () => {
  await app.close();
  await rm(folder, { recursive: true });
});

const ASKED = '{ name: all, storageCommitment: { to: pacs } }';
const UNASKED = '{ name: all, worklist: { to: pacs } }';

function configure(route: string): Promise<void> {
  const text = `
listeners: { ward: { protocol: dimse, aeTitle: DIMSEWAY, port: 0, access: { callingAeTitles: [CT1] } } }
upstreams: { pacs: { protocol: dimse, host: 127.0.0.1, port: 1, aeTitle: PACS, callingAeTitle: DIMSEWAY } }
routes: [${route}]
timers: { shutdown: 200ms }
`;
  return writeFile(file, text);
}

async function start(): Promise<void> {
  await app.start((await loadConfig(file, {})).config);
}

/** The answer to PACS, which the lists do not have. */
async function answerToArchive(): Promise<number> {
  const peer = await RawPeer.connect(app.ports().listeners['ward']?.port ?? 0);
  peer.send(encodePdu(associateRq({ callingAeTitle: 'PACS', contexts: COMMITMENT_CONTEXTS })));
  const { type } = decodeRaw(await peer.receive());
  peer.destroy();
  return type;
}

test('from the start where a route asks it', async () => {
  await configure(ASKED);
  await start();
  expect(await answerToArchive()).toBe(PDU_TYPE.associateAc);
});

test('from a reload on that adds the route, and no longer after one that takes it away', async () => {
  await configure(UNASKED);
  await start();
  const answers = [await answerToArchive()];
  for (const route of [ASKED, UNASKED]) {
    await configure(route);
    await app.reload();
    answers.push(await answerToArchive());
  }
  expect(answers).toEqual([PDU_TYPE.associateRj, PDU_TYPE.associateAc, PDU_TYPE.associateRj]);
});
