/** SCPs that fail on order (odil, wlmscpfs) behind dimseway, on the web side and on the DIMSE side. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { echoWithDcmtk, findWithDcmtk, makeDcmtkWorklist, startWlmscpfs } from '../../scripts/peers/dcmtk.ts';
import { findWithOdil, startOdilScp } from '../../scripts/peers/odil.ts';
import { findFreePort } from '../../scripts/peers/process.ts';
import {
  countMatches,
  expectSoundPdus,
  finalStatus,
  Peers,
  search,
  WORKLIST_PATH,
  type Target,
} from '../support/peers.ts';

const ODIL = 'ODIL';
/** The listener's patience: a 503 with Retry-After is tried again within it. */
const IMPATIENT = { timers: { request: '2s' } };
const QUERY = { '00100010': { vr: 'PN' } };

describe('an SCP that fails', () => {
  const peers = new Peers();
  let folder = '';
  let records: string[] = [];

  beforeAll(async () => {
    folder = await peers.folder();
    records = await makeDcmtkWorklist(join(folder, 'OFFIS'));
    await peers.startJudging();
  });
  afterAll(() => peers.close());

  const odil = async (...args: string[]): Promise<Target> => ({
    port: peers.watch(await startOdilScp(records, args)).port,
    aeTitle: ODIL,
  });

  // The tables of status mapping: docs/errors.md. `after` matches were sent before the failure.
  test.each([
    { dimse: 'A700', after: 0, http: 503, what: 'out of resources, nothing done: try again later' },
    { dimse: 'A700', after: 3, http: 413, what: 'out of resources after some matches: ask for less' },
    { dimse: 'A900', after: 0, http: 400, what: 'identifier does not match SOP class' },
    { dimse: 'C001', after: 0, http: 502, what: 'unable to process' },
    { dimse: 'C001', after: 3, http: 502, what: 'unable to process after some matches' },
    { dimse: '0122', after: 0, http: 501, what: 'SOP class not supported' },
  ])('$dimse after $after matches is $http on the web side: $what', async ({ dimse, after, http }) => {
    const baseUrl = await peers.originServer(await odil('--status', dimse, '--after', String(after)));
    const { status, headers, body } = await search(baseUrl, '');
    expect(status).toBe(http);
    expect(JSON.parse(body.toString('utf8'))).toMatchObject({ status: http, dimseStatus: dimse });
    expect(headers.has('retry-after')).toBe(http === 503);
  });

  test.each([
    { dimse: 'A700', after: 0 },
    { dimse: 'A900', after: 0 },
    { dimse: 'C001', after: 3 },
  ])('$dimse after $after matches arrives as $dimse behind two gateways', async ({ dimse, after }) => {
    const scp = await odil('--status', dimse, '--after', String(after));
    const chain = await peers.scpBefore(await peers.originServer(scp), { listener: IMPATIENT });
    const { status, matches } = await findWithOdil(folder, chain, QUERY);
    expect([status?.toUpperCase(), matches.length]).toEqual([dimse, 0]);
  });

  test('DIMSE → DIMSE keeps the matches sent before the failure, and the failure', async () => {
    const target = await peers.scpBeforeScp(await odil('--status', 'A700', '--after', '3'));
    const { status, matches } = await findWithOdil(folder, target, QUERY);
    expect([status, matches.length]).toEqual(['a700', 3]);
  });

  test('FF01 is pending like FF00 and is told as a warning (PS3.4 K.4.1.1.4)', async () => {
    const baseUrl = await peers.originServer(await odil('--pending', 'FF01'));
    const { status, headers, body } = await search(baseUrl, '');
    expect([status, (JSON.parse(body.toString('utf8')) as unknown[]).length]).toEqual([200, 10]);
    expect(headers.get('warning')).toMatch(/^299 /);
  });

  test('a wlmscpfs without lockfile answers A7xx: 503 or 502, never an empty list', async () => {
    const base = await peers.folder();
    await makeDcmtkWorklist(join(base, 'OFFIS'));
    await unlink(join(base, 'OFFIS/lockfile'));
    const scp = peers.watch(await startWlmscpfs(base));
    const direct = finalStatus((await findWithDcmtk({ ...scp, keys: ['PatientName'] })).log) ?? '';
    expect(direct).not.toMatch(/Success/);
    expect([502, 503]).toContain((await search(await peers.originServer(scp), '')).status);
    const crossed = await findWithDcmtk({ ...(await peers.scpBeforeScp(scp)), keys: ['PatientName'] });
    expect(finalStatus(crossed.log)).toBe(direct);
  });

  test('an SCP that is down is 503 with Retry-After, a failure on the DIMSE side, and comes back by itself', async () => {
    const port = await findFreePort();
    const base = await peers.folder();
    await makeDcmtkWorklist(join(base, 'OFFIS'));
    const baseUrl = await peers.originServer({ port, aeTitle: 'OFFIS' });
    const chain = await peers.scpBefore(baseUrl, { listener: IMPATIENT });
    const refused = await search(baseUrl, '');
    expect([refused.status, refused.headers.has('retry-after')]).toEqual([503, true]);
    const failed = await findWithDcmtk({ ...chain, keys: ['PatientName'] });
    expect(finalStatus(failed.log)).not.toMatch(/Success|undefined/);
    expect((await echoWithDcmtk(chain.port, chain.aeTitle)).code).toBe(0);
    peers.watch(await startWlmscpfs(base, { port }));
    expect((await search(baseUrl, '')).status).toBe(200);
    const found = await findWithDcmtk({ ...chain, keys: ['PatientName'] });
    expect(finalStatus(found.log)).toBe('Success');
  });

  test('an SCP that rejects our AE titles is 502: trying again is useless', async () => {
    const base = await peers.folder();
    await makeDcmtkWorklist(join(base, 'OFFIS'));
    const scp = peers.watch(await startWlmscpfs(base));
    expect((await search(await peers.originServer({ ...scp, aeTitle: 'NOBODY' }), '')).status).toBe(502);
  });

  test("findscu's C-CANCEL reaches the SCP and ends in Cancel with the matches so far", async () => {
    const base = await peers.folder();
    await makeDcmtkWorklist(join(base, 'OFFIS'));
    const scp = peers.watch(await startWlmscpfs(base, { args: ['--sleep-during', '1'] }));
    const target = await peers.scpBeforeScp(scp);
    const { log } = await findWithDcmtk({ ...target, keys: ['PatientName'], args: ['--cancel', '2'] });
    expect(finalStatus(log)).toMatch(/^Cancel/);
    expect(countMatches(log)).toBeLessThan(6);
    await scp.running.waitFor(/Response \d+ \(Cancel/);
    expect((await echoWithDcmtk(target.port, target.aeTitle)).code).toBe(0);
  });

  test("odil's C-CANCEL ends in FE00", async () => {
    const target = await peers.scpBeforeScp(await odil('--delay', '0.2'));
    const { status, matches } = await findWithOdil(folder, target, QUERY, ['--cancel', '2']);
    expect(status).toBe('fe00');
    expect(matches.length).toBeLessThan(10);
  });

  test('a web client that goes away cancels the C-FIND at the SCP', async () => {
    const base = await peers.folder();
    await makeDcmtkWorklist(join(base, 'OFFIS'));
    const scp = peers.watch(await startWlmscpfs(base, { args: ['--sleep-during', '1'] }));
    const baseUrl = await peers.originServer(scp);
    const leaving = new AbortController();
    const gone = fetch(`${baseUrl}/${WORKLIST_PATH}`, { signal: leaving.signal, headers: { accept: '*/*' } });
    await scp.running.waitFor(/Response 1 \(Pending/);
    leaving.abort();
    await expect(gone).rejects.toThrow();
    await scp.running.waitFor(/Response \d+ \(Cancel/);
  });

  test('an SCP slower than the configured time is 504, and the next request works', async () => {
    const port = await findFreePort();
    const base = await peers.folder();
    await makeDcmtkWorklist(join(base, 'OFFIS'));
    const baseUrl = await peers.originServer(
      { port, aeTitle: 'OFFIS' },
      { upstream: { timers: { response: '300ms' } } },
    );
    // One process: a forked child would hold the port after its parent's end.
    const slow = peers.watch(await startWlmscpfs(base, { port, args: ['-s', '--sleep-before', '2'] }));
    expect((await search(baseUrl, '')).status).toBe(504);
    await slow.running.stop();
    peers.watch(await startWlmscpfs(base, { port }));
    expect((await search(baseUrl, '')).status).toBe(200);
  });

  test('every PDU we sent and received is sound', async () => {
    expectSoundPdus(await peers.judge());
  });
});
