/** C-FIND of 1,000 items through the gateway from an HTTP stub, against wlmscpfs serving the same items to the same SCU. */
import { findWithDcmtk, startWlmscpfs } from '../peers/dcmtk.ts';
import { makeLoadWorklist } from '../peers/worklist.ts';
import { Bed } from './bed.ts';
import { compareMs, ms, type Row } from './measure.ts';
import { associate, find, release, WORKLIST } from './wire.ts';
import { broadIdentifier, FINDSCU_KEYS } from './worklist-item.ts';

const ITEMS = 1_000;

async function byFindscu(port: number, aeTitle: string): Promise<void> {
  const { code, log } = await findWithDcmtk({ port, aeTitle, keys: FINDSCU_KEYS });
  const matches = log.match(/^I: Find Response: \d+/gm)?.length;
  if (code !== 0 || matches !== ITEMS) throw new Error(`findscu got ${matches} matches and ended with ${code}`);
}

async function byRawClient(port: number, called: string): Promise<void> {
  const connection = await associate(port, { called, abstractSyntax: WORKLIST });
  const outcome = await find(connection, broadIdentifier());
  if (outcome.status !== 0 || outcome.matches !== ITEMS) throw new Error(`Unexpected: ${JSON.stringify(outcome)}`);
  await release(connection);
}

export async function benchFind(): Promise<Row[]> {
  const bed = new Bed();
  try {
    const folder = await bed.cleanup.folder();
    const { itemsFile } = await makeLoadWorklist(folder, ITEMS);
    const stub = await bed.server('http-stub.ts', itemsFile);
    const scp = await startWlmscpfs(folder);
    bed.cleanup.add(() => scp.running.stop());
    const port = (await bed.dimseToWeb(`http://127.0.0.1:${stub.port}`)).port('ward');
    const times = await compareMs({
      gateway: () => byFindscu(port, 'DIMSEWAY'),
      wlmscpfs: () => byFindscu(scp.port, scp.aeTitle),
      rawGateway: () => byRawClient(port, 'DIMSEWAY'),
      rawWlmscpfs: () => byRawClient(scp.port, scp.aeTitle),
    });
    const row = (client: string, gateway: number, wlmscpfs: number): Row => ({
      name: `C-FIND of 1,000 items by ${client}, time / wlmscpfs`,
      value: gateway / wlmscpfs,
      unit: '×',
      target: { atMost: 1 },
      detail: `gateway from HTTP ${ms(gateway)}, wlmscpfs ${ms(wlmscpfs)}`,
    });
    return [row('findscu', times.gateway, times.wlmscpfs), row('a raw client', times.rawGateway, times.rawWlmscpfs)];
  } finally {
    await bed.close();
  }
}
