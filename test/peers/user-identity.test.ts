/** User identity (PS3.7 D.3.3.7) as DCMTK sends it: user names, passcodes and JSON web tokens, with and without response. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DCMTK_ENVIRONMENT, dumpToFile } from '../../scripts/peers/dcmtk.ts';
import { Cleanup, runProgram } from '../../scripts/peers/process.ts';
import { UserIdentityCheck } from '../../src/dimse/user-identity.ts';
import { hashSecret } from '../../src/identity/secret-hash.ts';
import { ScriptedHandler, startListener } from '../support/dimse-listener.ts';
import type { RunningListener } from '../support/dimse-listener.ts';
import { AUDIENCE, createKey, ISSUER, sign } from '../support/token-issuer.ts';

/** Of any class, as long as storescu takes it: it is the association that matters. */
const INSTANCE = `(0008,0016) UI =SecondaryCaptureImageStorage
(0008,0018) UI [1.2.3.4.5]
(0010,0020) LO [ID1]
(0020,000d) UI [1.2.3.4]
`;

describe('storescu', () => {
  const cleanup = new Cleanup();
  let folder: string;
  let running: RunningListener;

  beforeAll(async () => {
    folder = await cleanup.folder();
    const key = await createKey('key');
    const keys = join(folder, 'keys.json');
    await writeFile(join(folder, 'instance.dump'), INSTANCE);
    await dumpToFile(join(folder, 'instance.dump'), join(folder, 'instance.dcm'));
    await writeFile(keys, JSON.stringify({ keys: [key.publicJwk] }));
    await writeFile(join(folder, 'good.jwt'), await sign(key, { sub: 'us4' }));
    await writeFile(join(folder, 'expired.jwt'), await sign(key, { exp: 1_000_000_000 }));
    const users = [{ name: 'jane', passcodeHash: await hashSecret('secret') }, { name: 'ct1' }];
    const userIdentity = new UserIdentityCheck({
      mode: 'require',
      users,
      jwt: { issuer: ISSUER, audience: AUDIENCE, keys },
    });
    running = await startListener(new ScriptedHandler(), { userIdentity });
    cleanup.add(() => running.listener.close(0));
    cleanup.add(() => userIdentity.close());
  });
  afterAll(() => cleanup.run());

  async function associate(...identity: string[]): Promise<string> {
    const target = ['-d', '-aec', 'DIMSEWAY', '127.0.0.1', String(running.port), join(folder, 'instance.dcm')];
    const { stdout, stderr } = await runProgram('storescu', [...identity, ...target], { env: DCMTK_ENVIRONMENT });
    return stdout + stderr;
  }

  test.each([
    ['a user name', ['-usr', 'ct1'], 'ct1'],
    ['user name and passcode', ['-usr', 'jane', '-pwd', 'secret'], 'jane'],
    ['a JSON web token', ['--jwt', 'good.jwt'], 'us4'],
  ])('is let in by %s, with and without positive response', async (_what, options, subject) => {
    const args = options.map((option) => (option.endsWith('.jwt') ? join(folder, option) : option));
    for (const response of [[], ['-rsp']]) {
      // There is no context for what it wants to store, but an association.
      expect(await associate(...args, ...response)).toMatch(/No Acceptable Presentation Contexts/i);
      expect(running.handler.requesters.at(-1)).toMatchObject({ subject });
    }
  });

  test.each([
    ['no identity', []],
    ['a wrong passcode', ['-usr', 'jane', '-pwd', 'guess']],
    ['an expired token', ['--jwt', 'expired.jwt']],
    ['a SAML assertion, which is not supported', ['--saml', 'good.jwt']],
  ])('is rejected with %s: permanently, by the ACSE (PS3.8 9.3.4)', async (_what, options) => {
    const args = options.map((option) => (option.endsWith('.jwt') ? join(folder, option) : option));
    const log = await associate(...args);
    expect(log).toContain('Result: Rejected Permanent, Source: Service Provider (ACSE Related)');
    expect(log).toContain('Reason: No Reason');
  });
});
