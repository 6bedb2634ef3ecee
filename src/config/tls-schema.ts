/** TLS of listeners, upstreams and the console; the names are those of src/tls/tls-options.ts. */
import { z } from 'zod';
import { TLS_PROFILES } from '../tls/tls-options.ts';
import { file, host, option, secretText } from './values.ts';

const passphrase = option(secretText.exactOptional(), 'Passphrase', 'Of an encrypted key. Never printed.');

const profile = option(
  z.enum(TLS_PROFILES).default('bcp195-rfc9325'),
  'Profile',
  'Versions and cipher suites: those of PS3.15 B.12, the stricter ones of B.13, or legacy (from TLS 1.0 on) for peers that ' +
    'are too old for both, which is warned of.',
);

export const serverTls = z.strictObject({
  certificate: option(file, 'Certificate', 'Of this side, with its chain (PEM). Read again when it changes.'),
  key: option(file, 'Key', 'Private key of the certificate (PEM).'),
  passphrase,
  clientCertificates: option(
    z.enum(['none', 'request', 'require']).default('none'),
    'Client certificates',
    'Not asked for, checked where one is shown, or needed (mutual TLS, which PS3.15 expects of DICOM).',
  ),
  authorities: option(
    z.array(file).min(1).exactOptional(),
    'Authorities',
    'Certificates (PEM) of those who sign the certificates of clients.',
  ),
  profile,
});

export const clientTls = z.strictObject({
  authorities: option(
    z.array(file).min(1).exactOptional(),
    'Authorities',
    'Certificates (PEM) of those who sign the certificate of the far end; absent: those of the system.',
  ),
  certificate: option(file.exactOptional(), 'Certificate', 'Of this side, for a far end that asks for one (PEM).'),
  key: option(file.exactOptional(), 'Key', 'Private key of the certificate (PEM).'),
  passphrase,
  serverName: option(
    host.exactOptional(),
    'Server name',
    'Name in the certificate of the far end, where it is not the one that is called.',
  ),
  profile,
});
