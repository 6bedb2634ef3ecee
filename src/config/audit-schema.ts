/** Where the audit trail goes (PS3.15 A.5 to A.7). */
import { z } from 'zod';
import { clientTls } from './tls-schema.ts';
import { file, host, option, port, size } from './values.ts';

const collector = z.strictObject({
  syslog: option(
    z.enum(['tls', 'udp']),
    'Syslog',
    'tls: RFC 5425, nothing is lost while the collector is away; udp: RFC 5426, nobody knows what arrived.',
  ),
  host: option(host, 'Host', 'Name or address of the collector.'),
  port: option(port, 'Port', 'Usually 6514 for TLS, 514 for UDP.'),
  tls: option(clientTls.exactOptional(), 'TLS', 'Whom to trust, and our own certificate.'),
});

const trailFile = z.strictObject({
  file: option(file, 'File', 'Written to its end; each day and after `maximumSize` it goes on in a new one.'),
  form: option(
    z.enum(['xml', 'json']).default('json'),
    'Form',
    'One message per line, as XML of PS3.15 A.5.1 or as JSON.',
  ),
  maximumSize: option(size.prefault('64MiB'), 'Maximum size', 'Of one file.'),
});

const spool = z.strictObject({
  path: option(
    file.prefault('./data/audit'),
    'Path',
    'Folder for messages whose collector is away; of one process alone.',
  ),
  maximumSize: option(
    size.prefault('256MiB'),
    'Maximum size',
    'For each collector; beyond it the newest are counted and lost, and the trail says so.',
  ),
});

export const audit = z.strictObject({
  source: option(
    z.string().min(1).max(64),
    'Source',
    'What the gateway is called in the trail (AuditSourceID), unique in the enterprise.',
  ),
  site: option(z.string().min(1).max(64).exactOptional(), 'Site', 'Where it is (AuditEnterpriseSiteID).'),
  patients: option(
    z.boolean().default(false),
    'Patients',
    'Tell Patient ID, Accession Number and the keys of queries, as PS3.15 A.5.3 has them. The trail is then patient data.',
  ),
  to: option(
    z.array(z.union([collector, trailFile], 'should be a collector (syslog, host, port) or a file')).min(1),
    'To',
    'Collectors and files; each gets everything.',
  ),
  spool: option(spool.prefault({}), 'Spool', 'What waits for collectors that are away.'),
});
