/** A configuration file: ends in a configuration or in problems with a place, and never in a value of a secret. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError, parseConfig } from '../../../src/config/load.ts';
import type { FuzzTarget } from '../target.ts';

const FOLDER = join(import.meta.dirname, '../../../config');
const FILE = join(FOLDER, 'gateway.yaml');
/** What may be said of one input. */
const PROBLEMS_TOLD = 3;

async function read(input: Buffer): Promise<string> {
  try {
    const { warnings } = await parseConfig(FILE, input.toString('utf8'), { A: 'a', PORT: '104' }, () => 0);
    return `configuration ${warnings.length === 0 ? 'silent' : 'with warnings'}`;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const misplaced = error.problems.find(({ line, column }) => line < 1 || column < 1);
    if (error.problems.length === 0 || misplaced !== undefined) throw new Error('a problem without a place');
    return error.problems
      .slice(0, PROBLEMS_TOLD)
      .map(({ message }) => message.replaceAll(/"[^"]*"|Found: .*|\d+/g, '#').slice(0, 100))
      .join(' | ');
  }
}

export const config: FuzzTarget = {
  name: 'config',
  seeds: () => [
    readFileSync(FILE),
    ...readdirSync(join(FOLDER, 'examples'))
      .filter((name) => name.endsWith('.yaml'))
      .map((name) => readFileSync(join(FOLDER, 'examples', name))),
  ],
  tokens: [
    ...[
      '{',
      '}',
      '[',
      ']',
      ': ',
      ', ',
      '\n- ',
      '\n',
      '\n  ',
      '\t',
      '#',
      '&a ',
      '*a',
      '!!binary ',
      '!!set',
      '<<: *a',
      '? ',
      '|\n',
      '>-\n',
      '%YAML 2',
      '---\n',
    ],
    ...[
      '"',
      "'",
      '${',
      '${A}',
      '${A:-b}',
      '$${',
      '${PORT}',
      '__proto__: ',
      'constructor: ',
      'null',
      '~',
      '0',
      '-1',
      '1e99',
      '.nan',
      '0x10',
      '\0',
      '\uFDD0',
    ],
    ...[
      'protocol: dimse',
      'protocol: dicomweb',
      'protocol: ris',
      'routes: ',
      'worklist: ',
      'mpps: ',
      'storageCommitment: ',
      'store: ',
      'tls: ',
      'to: ',
    ],
    ...[
      'rules: { request: [{ set: PatientID, value: [] }] }',
      '{ file: gateway.yaml }',
      '10.0.0.0/99',
      '30d',
      '16MiB',
      'http://a:b@c/',
      'if: ',
      'replace: ',
    ],
  ],
  brackets: [
    ['[', ']'],
    ['{ a: ', ' }'],
  ],
  open: () => ({ read }),
};
