/** What the gateway remembers, and where. */
import { z } from 'zod';
import { workitemRetention } from './ups-schema.ts';
import { age, file, option, postgresUrl } from './values.ts';

const retention = z.strictObject({
  final: option(age.prefault('30d'), 'Final', 'Steps COMPLETED or DISCONTINUED; what remains is a tombstone.'),
  open: option(age.prefault('90d'), 'Open', 'Steps still IN PROGRESS; what remains is a tombstone.'),
  commitments: option(
    age.prefault('30d'),
    'Commitments',
    'Results of storage commitment, and the tries to report them, counted from the result; what remains is a tombstone.',
  ),
  ...workitemRetention,
  tombstones: option(
    age.prefault('365d'),
    'Tombstones',
    'UIDs of such steps and commitments, which cannot be used again meanwhile.',
  ),
});

export const store = z.strictObject({
  kind: option(
    z.enum(['sqlite', 'postgres']).default('sqlite'),
    'Kind',
    'sqlite: a file, for one gateway process. postgres: a data base of PostgreSQL, which several processes may share.',
  ),
  path: option(
    file.prefault('./data/dimseway.db'),
    'Path',
    'Of SQLite: made where it is missing, with its folder; one running gateway per file.',
  ),
  url: option(
    postgresUrl.exactOptional(),
    'URL',
    'Of PostgreSQL: postgres://user:password@host:5432/database; the tables are made where they are missing.',
  ),
  connections: option(
    z.int().min(2).max(1_000).default(10),
    'Connections',
    'Of PostgreSQL: at most so many at a time.',
  ),
  retention: option(
    retention.prefault({}),
    'Retention',
    'How long steps are remembered, counted from the last message of each, and results of storage commitment.',
  ),
});
