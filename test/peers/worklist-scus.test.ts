/** SCUs that nobody here wrote in front of dimseway: echoscu, findscu, odil, dcmjs-dimse, Orthanc over REST. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { join } from 'node:path';
import { askWithDcmjs } from '../../scripts/peers/dcmjs.ts';
import {
  echoWithDcmtk,
  findWithDcmtk,
  makeDcmtkWorklist,
  startWlmscpfs,
  type WorklistScp,
} from '../../scripts/peers/dcmtk.ts';
import { findWithOdil } from '../../scripts/peers/odil.ts';
import { startOrthanc } from '../../scripts/peers/orthanc.ts';
import { readJson } from '../../scripts/peers/read-dicom.ts';
import { countMatches, expectSameDataSets, expectSoundPdus, Peers, type Target } from '../support/peers.ts';

const QUERY = {
  '00080050': { vr: 'SH' },
  '00100010': { vr: 'PN' },
  '00100020': { vr: 'LO' },
  '0020000D': { vr: 'UI' },
  '00400100': {
    vr: 'SQ',
    Value: [{ '00080060': { vr: 'CS' }, '00400002': { vr: 'DA' }, '00400003': { vr: 'TM' }, '00400009': { vr: 'SH' } }],
  },
  '00401001': { vr: 'SH' },
};

describe('third-party SCUs', () => {
  const peers = new Peers();
  let folder = '';
  let scp: WorklistScp;
  let chain: Target;
  let guarded: Target;

  beforeAll(async () => {
    folder = await peers.folder();
    await makeDcmtkWorklist(join(folder, 'OFFIS'));
    await peers.startJudging();
    scp = peers.watch(await startWlmscpfs(folder));
    const baseUrl = await peers.originServer(scp);
    chain = await peers.scpBefore(baseUrl);
    guarded = await peers.scpBefore(baseUrl, { listener: { access: { callingAeTitles: ['CT1', 'CT2'] } } });
  });
  afterAll(() => peers.close());

  test('echoscu gets Success, with each number of presentation contexts and transfer syntaxes it can propose', async () => {
    for (const args of [[], ['-pts', '38'], ['-ppc', '128'], ['-pts', '38', '-ppc', '128'], ['--repeat', '20']]) {
      const { code, log } = await echoWithDcmtk(chain.port, chain.aeTitle, args);
      expect({ args, code, log }).toMatchObject({ args, code: 0 });
    }
  });

  test('echoscu --abort leaves a listener that still answers', async () => {
    await echoWithDcmtk(chain.port, chain.aeTitle, ['--abort']);
    expect((await echoWithDcmtk(chain.port, chain.aeTitle)).code).toBe(0);
  });

  test('an unknown called AE title is rejected as such: permanent, service user, 7 (PS3.8 9.3.4)', async () => {
    const { code, log } = await findWithDcmtk({ port: chain.port, aeTitle: 'NOBODY', keys: ['PatientName'] });
    expect(code).not.toBe(0);
    expect(log).toMatch(/Result: Rejected Permanent, Source: Service User/);
    expect(log).toMatch(/Reason: Called AE Title Not Recognized/);
  });

  test('a calling AE title that is not listed is rejected as such, a listed one is served', async () => {
    const keys = ['PatientName'];
    const refused = await findWithDcmtk({ ...guarded, callingAeTitle: 'CT3', keys });
    expect(refused.code).not.toBe(0);
    expect(refused.log).toMatch(/Reason: Calling AE Title Not Recognized/);
    const served = await findWithDcmtk({ ...guarded, callingAeTitle: 'CT2', keys });
    expect([served.code, countMatches(served.log)]).toEqual([0, 10]);
  });

  test('a query model we do not offer is refused in its presentation context only', async () => {
    const { log } = await findWithDcmtk({ ...chain, keys: ['QueryRetrieveLevel=STUDY', 'PatientName'], args: ['-S'] });
    expect(log).toMatch(/No Acceptable Presentation Contexts/);
  });

  test('findscu gets the same through every maximum PDU length it can ask for', async () => {
    for (const length of ['4096', '16384', '131072']) {
      const { log } = await findWithDcmtk({ ...chain, keys: ['PatientName'], args: ['-pdu', length] });
      expect([length, countMatches(log)]).toEqual([length, 10]);
    }
  });

  test.each([['Explicit', []] as const, ['Implicit', ['--ivle']] as const])(
    'odil gets what it gets directly (%s VR Little Endian)',
    async (_name, args) => {
      const direct = await findWithOdil(folder, scp, QUERY, args);
      const crossed = await findWithOdil(folder, chain, QUERY, args);
      expect([direct.status, crossed.status, direct.matches.length]).toEqual(['0000', '0000', 10]);
      expectSameDataSets(await readJson(folder, crossed.matches), await readJson(folder, direct.matches));
    },
  );

  test('dcmjs-dimse gets C-ECHO Success and what it gets directly', async () => {
    expect((await askWithDcmjs(chain, 'echo')).map(({ status }) => status)).toEqual(['0000']);
    const keysOf = (answers: Awaited<ReturnType<typeof askWithDcmjs>>): string[] =>
      answers.map(({ elements }) => JSON.stringify([elements?.['PatientName'], elements?.['PatientID']])).sort();
    const direct = await askWithDcmjs(scp, 'mwl', 'CT');
    const crossed = await askWithDcmjs(chain, 'mwl', 'CT');
    expect(direct.length).toBeGreaterThan(1);
    expect(crossed.at(-1)?.status).toBe('0000');
    expect(keysOf(crossed)).toEqual(keysOf(direct));
  });

  test('Orthanc as SCU gets over REST what it gets directly', async () => {
    const orthanc = await startOrthanc(await peers.folder(), [], { direct: scp, crossed: chain });
    peers.watch(orthanc);
    const query = {
      PatientName: '',
      PatientID: '',
      AccessionNumber: '',
      ScheduledProcedureStepSequence: [{ Modality: 'CT', ScheduledProcedureStepID: '' }],
    };
    // Plain ASCII needs no Specific Character Set: dimseway leaves it out where Orthanc asked wlmscpfs for it.
    const byText = (answers: unknown): string[] =>
      (answers as object[]).map((one) => JSON.stringify({ ...one, SpecificCharacterSet: undefined })).sort();
    const direct = byText(await orthanc.findWorklist('direct', query));
    expect(direct.length).toBeGreaterThan(1);
    expect(byText(await orthanc.findWorklist('crossed', query))).toEqual(direct);
  });

  test('every PDU we sent and received is sound', async () => {
    expectSoundPdus(await peers.judge());
  });
});
