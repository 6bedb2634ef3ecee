/** Who may use a web listener, and who the gateway is to web servers; the names are those of src/identity. */
import { z } from 'zod';
import { SHARED_SECRET_ALGORITHMS, SIGNATURE_ALGORITHMS } from '../identity/jwt-verifier.ts';
import { clientTls } from './tls-schema.ts';
import { baseUrl, bearerToken, duration, file, option, secretText } from './values.ts';

const words = z.array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, 'should be a word without spaces')).default([]);

export const scopes = words;

const keys = z
  .union([
    z
      .string()
      .regex(/^https:\/\/\S+$/i, 'should be an https URL')
      .meta({ kind: 'URL' }),
    file,
  ])
  .meta({ kind: 'URL or file' });

export const jwt = z.strictObject({
  issuer: option(z.string().min(1), 'Issuer', 'The claim `iss` of every token that is taken.'),
  audience: option(
    z.union([z.string().min(1), z.array(z.string().min(1)).min(1)], 'should be a text or a list of texts'),
    'Audience',
    'One of these must be among the audiences (`aud`) of a token.',
  ),
  keys: option(
    keys,
    'Keys',
    'JSON Web Key Set of the issuer: an https URL, asked again when keys change, or a file, read again when it changes.',
  ),
  algorithms: option(
    z
      .array(z.enum([...SIGNATURE_ALGORITHMS, ...SHARED_SECRET_ALGORITHMS]))
      .min(1)
      .exactOptional(),
    'Algorithms',
    'Signatures that are taken; absent: those with a private key. Shared secrets (HS…) only from a file.',
  ),
  subjectClaim: option(z.string().min(1).default('sub'), 'Subject claim', 'Claim that says who it is.'),
  scopeClaim: option(z.string().min(1).default('scope'), 'Scope claim', 'Claim that says what is allowed.'),
  clockTolerance: option(duration.prefault('30s'), 'Clock tolerance', 'How far the clocks may differ.'),
  tls: option(clientTls.exactOptional(), 'TLS', 'How the server of the keys is checked, where `keys` is a URL.'),
});

/** Hidden like a secret: what is wrong there may well be the secret itself. */
const secretHash = z
  .string()
  .regex(/^(sha256|scrypt):\S+$/, 'should be sha256:… or scrypt:…, as `dimseway hash` prints it')
  .meta({ kind: 'text', secret: true });

const apiKey = z.strictObject({
  subject: option(z.string().min(1).max(256), 'Subject', 'Who bears the key.'),
  hash: option(secretHash, 'Hash', 'Of the key, which stands nowhere: `dimseway hash` makes both.'),
  scopes: option(scopes, 'Scopes', 'What the key allows.'),
});

export const authentication = z.strictObject({
  required: option(z.boolean().default(true), 'Required', 'Refuse requests that do not say who they are of (401).'),
  jwt: option(jwt.exactOptional(), 'JWT', 'Bearer tokens of an issuer (OAuth 2, OpenID Connect).'),
  apiKeys: option(
    z.array(apiKey).min(1).exactOptional(),
    'API keys',
    'Taken as `Authorization: Bearer …` or `X-API-Key: …`.',
  ),
  certificates: option(
    z.boolean().default(false),
    'Certificates',
    'The subject of a client certificate that was verified will do (`tls.clientCertificates`).',
  ),
  refusal: option(
    z.literal([403, 404]).default(403),
    'Refusal',
    'Status for one who is known and may not: 403, or 404 where nobody shall learn what there is.',
  ),
});

const user = z.strictObject({
  name: option(z.string().min(1).max(256), 'Name', 'User name of DICOM user identity.'),
  passcodeHash: option(secretHash.exactOptional(), 'Passcode hash', 'Absent: the name alone will do.'),
  scopes: option(scopes, 'Scopes', 'What the user may.'),
});

/** `userIdentity` of a DIMSE listener (PS3.7 D.3.3.7). */
export const userIdentity = z.strictObject({
  mode: option(
    z.enum(['accept', 'require']).default('accept'),
    'Mode',
    'An identity that is proposed is checked, and a wrong one rejected; require: one must be proposed.',
  ),
  users: option(z.array(user).min(1).exactOptional(), 'Users', 'Names, with or without passcode (types 1 and 2).'),
  jwt: option(jwt.exactOptional(), 'JWT', 'JSON Web Tokens (type 5).'),
  bridge: option(
    z.boolean().default(false),
    'Bridge',
    'Pass the token on to web upstreams with `credentials: { passOn: true }`.',
  ),
});

/** `userIdentity` of a DIMSE upstream. */
export const ownIdentity = z.strictObject({
  username: option(z.string().min(1).max(256).exactOptional(), 'User name', 'Who the gateway is to the peer.'),
  passcode: option(secretText.exactOptional(), 'Passcode', 'Never printed.'),
  passOn: option(
    z.boolean().default(false),
    'Pass on',
    'The bearer token of a web client goes on to the peer (type 5); nothing where there is none.',
  ),
  acknowledged: option(
    z.boolean().default(false),
    'Acknowledged',
    'A peer that does not answer to the identity has not looked at it, and is not used.',
  ),
});

const oauth2 = z.strictObject({
  tokenUrl: option(baseUrl, 'Token URL', 'Where the token is had by client credentials (RFC 6749 4.4).'),
  clientId: option(z.string().min(1), 'Client ID', 'Who the gateway is there.'),
  clientSecret: option(secretText, 'Client secret', 'Never printed.'),
  scopes: option(scopes, 'Scopes', 'What is asked for.'),
  tls: option(clientTls.exactOptional(), 'TLS', 'How the server of the tokens is checked, and our own certificate.'),
});

const basic = z.strictObject({
  user: option(z.string().regex(/^[^:]+$/, 'should be without a colon'), 'User', 'User name (RFC 7617).'),
  password: option(secretText, 'Password', 'Never printed.'),
});

/** `credentials` of a web upstream: one of these. */
export const credentials = z.strictObject({
  bearer: option(bearerToken.exactOptional(), 'Bearer', 'A token that stays the same. Never printed.'),
  basic: option(basic.exactOptional(), 'Basic', 'User name and password.'),
  oauth2: option(oauth2.exactOptional(), 'OAuth 2', 'A token of its own, renewed before it expires.'),
  passOn: option(
    z.boolean().default(false),
    'Pass on',
    'The token of the one who asks goes on to the server; what is delivered later goes with the other credentials.',
  ),
});
