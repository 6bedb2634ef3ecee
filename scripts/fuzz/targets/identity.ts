/** What strangers show to say who they are: tokens, keys, names and passcodes, distinguished names. */
import { createHmac, hash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UserIdentityCheck } from '../../../src/dimse/user-identity.ts';
import { Authenticator } from '../../../src/identity/authenticator.ts';
import { challengeOf } from '../../../src/identity/challenge.ts';
import { AuthenticationError } from '../../../src/identity/principal.ts';
import { certificateMatcher } from '../../../src/services/certificate-names.ts';
import { attempt, splitHead, withHead } from '../target.ts';
import type { FuzzTarget } from '../target.ts';

const ISSUER = 'https://idp.example';
const AUDIENCE = 'dimseway';
/** Signs tokens of the seeds alone. */
const SECRET = Buffer.alloc(32, 7);
const API_KEY = 'key-of-the-ris';
const PUBLIC_KEY = {
  ...{ kty: 'EC', crv: 'P-256', kid: 'ec', use: 'sig' },
  x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
  y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
};

function tokenOf(header: object, claims: object): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part(header)}.${part(claims)}`;
  return `${signed}.${createHmac('sha256', SECRET).update(signed).digest('base64url')}`;
}

/** Good until 2100. */
const CLAIMS = { iss: ISSUER, aud: AUDIENCE, sub: 'ris', exp: 4_102_444_800, scope: 'worklist mpps' };
const TOKENS = [
  tokenOf({ alg: 'HS256', kid: 'shared' }, CLAIMS),
  tokenOf({ alg: 'HS256' }, { ...CLAIMS, aud: [AUDIENCE, 'other'], nbf: 0, scope: ['worklist', 7] }),
  tokenOf({ alg: 'ES256', kid: 'ec' }, CLAIMS),
  tokenOf({ alg: 'none' }, CLAIMS),
  tokenOf({ alg: 'HS256', kid: 'shared', crit: ['b64'], b64: false }, { ...CLAIMS, exp: 1 }),
];

async function words(work: () => Promise<string>): Promise<string> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof AuthenticationError)) throw error;
    if (!/^Bearer [ -~]*$/.test(challengeOf(error))) throw new Error('a challenge that is no header field');
    return error.message;
  }
}

export const identity: FuzzTarget = {
  name: 'identity',
  seeds: () => [
    ...TOKENS.map((token) => withHead({ Authorization: `Bearer ${token}` }, token)),
    withHead({ 'X-API-Key': API_KEY, Type: '1' }, 'jane'),
    withHead({ Authorization: `bearer ${API_KEY}`, Type: '2', Secondary: 'passcode' }, 'jane'),
    withHead({ Authorization: 'Basic amFuZTpkb2U=', Subject: 'CN=ct1,O=Hospital\\, East+OU=R\\C3\\A4d' }, 'nobody'),
    withHead({ Subject: 'CN=ct1', Entry: 'CN=ct1,O=Hospital', Fingerprint: 'AB:CD' }, ''),
  ],
  tokens: [
    ...[
      'Authorization: ',
      'X-API-Key: ',
      'Bearer ',
      'Basic ',
      'Negotiate ',
      '\n',
      '.',
      '..',
      '=',
      '==',
      '-',
      '_',
      '~',
      ' ',
      '\t',
      '\0',
      '\xff',
    ],
    ...[
      'eyJhbGciOiJub25lIn0',
      'eyJhbGciOiJIUzI1NiJ9',
      'e30',
      'bnVsbA',
      'W10',
      'Type: 5',
      'Type: 1',
      'Type: 2',
      'Secondary: ',
      'Subject: ',
      'Entry: ',
    ],
    ...['CN=', ',', '+', '\\,', '\\C3', '\\', 'sha256:', 'O=Hospital', '1.2.3=', '__proto__', ...TOKENS],
  ],
  open: async () => {
    const folder = await mkdtemp(join(tmpdir(), 'dimseway-fuzz-'));
    const keys = join(folder, 'keys.json');
    const shared = { kty: 'oct', kid: 'shared', alg: 'HS256', k: SECRET.toString('base64url') };
    await writeFile(keys, JSON.stringify({ keys: [shared, PUBLIC_KEY] }));
    const jwt = { issuer: ISSUER, audience: AUDIENCE, keys, algorithms: ['HS256', 'ES256'] };
    const apiKeys = [{ subject: 'ris', hash: `sha256:${hash('sha256', API_KEY)}`, scopes: ['worklist'] }];
    const authenticator = Authenticator.create({ required: true, jwt, apiKeys, certificates: true });
    const passcodeHash = `sha256:${hash('sha256', 'passcode')}`;
    const check = new UserIdentityCheck({
      mode: 'require',
      users: [{ name: 'jane', passcodeHash }],
      jwt,
      bridge: true,
    });
    await authenticator.load();
    await check.load();
    const matches = certificateMatcher(['CN=ct1,O=Hospital', `sha256:${'ab'.repeat(32)}`]);
    return {
      read: async (input) => {
        const { fields, body } = splitHead(input);
        const subject = fields.get('subject') ?? '';
        const entry = fields.get('entry') ?? '';
        const shown = { authorization: fields.get('authorization'), apiKey: fields.get('x-api-key') };
        const web = await words(async () => (await authenticator.authenticate(shown))?.means ?? 'nobody');
        const secondary = Buffer.from(fields.get('secondary') ?? '', 'latin1');
        const type = Number(fields.get('type') ?? 5);
        const verdict = await check.check({ type, responseRequested: true, primary: body, secondary });
        const names = [
          String(matches({ subject, fingerprint: fields.get('fingerprint') ?? '' })),
          attempt(() => String(certificateMatcher([entry])({ subject, fingerprint: '' }))),
        ];
        return [web, verdict.kind, 'why' in verdict ? verdict.why : '', ...names].join(' | ');
      },
      close: async () => {
        await authenticator.close();
        await check.close();
        await rm(folder, { recursive: true, force: true });
      },
    };
  },
};
