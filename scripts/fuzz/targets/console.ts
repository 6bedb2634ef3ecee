/** The API of the console: JSON bodies and parameters of every page. The first line of an input has method and path. */
import { commitmentsApi } from '../../../src/console/commitments-api.ts';
import { exceptionsApi } from '../../../src/console/exceptions-api.ts';
import { ConsoleServer } from '../../../src/console/server.ts';
import { spoolApi } from '../../../src/console/spool-api.ts';
import { storeApi } from '../../../src/console/store-api.ts';
import { worklistApi } from '../../../src/console/worklist-api.ts';
import { toJson } from '../../../src/dataset/json.ts';
import { GatewayError } from '../../../src/errors.ts';
import { healthOf } from '../../../src/observe/health.ts';
import { Ris } from '../../../src/ris/ris.ts';
import { openMemoryStore } from '../../../src/store/sqlite.ts';
import type { Store } from '../../../src/store/store.ts';
import { commitmentOf } from '../../../test/support/operated-commitments.ts';
import { messageOf } from '../../../test/support/spool-messages.ts';
import { variedWorklist } from '../../../test/support/worklists.ts';
import { ErrorWatch } from '../served.ts';
import { splitHead } from '../target.ts';
import type { FuzzTarget, Session } from '../target.ts';

const METHODS = ['GET', 'POST', 'PUT', 'DELETE'];
/** What is entered stays in the store, which is made anew after so many inputs. */
const READS_OF_A_STORE = 300;

interface Bed {
  readonly origin: string;
  close(): Promise<void>;
}

async function openBed(watch: ErrorWatch): Promise<Bed> {
  const kept = await openMemoryStore();
  await kept.mpps.accept(undefined, [messageOf('1.1'), messageOf('1.2')]);
  await kept.commitments.add(commitmentOf('1.3'), 0);
  // What is fuzzed must not write files anywhere.
  const backup = (): Promise<never> => Promise.reject(new GatewayError('STORE_BACKUP_FAILED', 'not here'));
  const store: Store = Object.assign(Object.create(kept) as Store, { backup });
  const { logger: log } = watch;
  const ris = await Ris.open('sandbox', variedWorklist().slice(0, 2), {}, kept, log);
  const wake = (): void => undefined;
  const routers = [
    worklistApi({ rises: () => new Map([['sandbox', ris]]), log }),
    exceptionsApi({ exceptions: () => kept.exceptions, log }),
    spoolApi({ store: () => store, wake, log }),
    commitmentsApi({ store: () => store, wake, log }),
    storeApi({ store: () => store, log }),
  ];
  const reload = (): Promise<never> => Promise.reject(new GatewayError('CONFIG_INVALID', 'not here'));
  const server = new ConsoleServer(
    { host: '127.0.0.1', port: 0 },
    { health: () => healthOf({}, {}), reload, routers },
    log,
  );
  const { port } = await server.listen();
  return {
    origin: `http://127.0.0.1:${port}`,
    close: async () => {
      await server.close();
      await kept.close();
    },
  };
}

/** An answer of 500, or a line in the log that is an error of ours, is a finding. */
async function ask(origin: string, input: Buffer): Promise<string> {
  const { first, body } = splitHead(input);
  const [word = '', path = ''] = first.split(' ');
  const method = METHODS.find((each) => each === word) ?? 'POST';
  const url = URL.canParse(path, origin) ? new URL(path, origin) : new URL('/', origin);
  const answer = await fetch(`${origin}${url.pathname}${url.search}`, {
    method,
    headers: { 'content-type': 'application/json' },
    ...(method !== 'GET' && { body: new Uint8Array(body) }),
  });
  const text = await answer.text();
  if (answer.status === 500 && !text.includes('CONFIG_')) throw new Error(`answered 500: ${text.slice(0, 200)}`);
  const { code = '' } = /"code":"(?<code>[A-Z_]+)"/.exec(text)?.groups ?? {};
  return `${answer.status} ${code}`;
}

async function open(): Promise<Session> {
  const watch = new ErrorWatch();
  let bed = await openBed(watch);
  let reads = 0;
  return {
    read: async (input) => {
      if (++reads % READS_OF_A_STORE === 0) {
        await bed.close();
        bed = await openBed(watch);
      }
      const outcome = await ask(bed.origin, input);
      watch.check();
      return outcome;
    },
    close: () => bed.close(),
  };
}

function input(line: string, body = ''): Buffer {
  return Buffer.from(`${line}\n\n${body}`);
}

const DISCARD = '{"reason":"sent by hand"}';

export const consoleApi: FuzzTarget = {
  name: 'console',
  seeds: () => [
    ...variedWorklist().map((entry) => input('POST /api/worklist', toJson(entry))),
    input('PUT /api/worklist/0123456789abcdef01234567?upstream=sandbox', '{"PatientID":"1","Modality":"CT"}'),
    input('DELETE /api/worklist/0123456789abcdef01234567'),
    input('GET /api/worklist?limit=2&after=x'),
    input('GET /api/exceptions?all=true&limit=3'),
    input('POST /api/exceptions/1/resolve', '{"resolution":"kept","reason":"of another"}'),
    input('GET /api/spool?state=dead&limit=1'),
    input('GET /api/spool/1?dataset=true'),
    input('POST /api/spool/retry', '{"route":"mpps","upstream":"ris","state":"dead"}'),
    input('POST /api/spool/2/discard', DISCARD),
    input('GET /api/commitments?phase=asking&route=ct'),
    input('POST /api/commitments/1/retry', '{}'),
    input('POST /api/commitments/1/discard', DISCARD),
    input('POST /api/store/backup', '{"file":"/var/backups/dimseway.db"}'),
    input('POST /api/reload', '{}'),
    ...['null', '[]', '7', ''].map((body) => input('POST /api/spool/2/discard', body)),
    ...['null', '[]', '7', ''].map((body) => input('POST /api/worklist', body)),
  ],
  tokens: [
    ...[
      'GET ',
      'PUT ',
      'DELETE ',
      '/api/worklist',
      '/api/spool/',
      '/api/commitments/',
      '/retry',
      '/discard',
      '/resolve',
    ],
    ...['?upstream=', '&limit=', '&after=', '&uid=1.2', 'dataset=true', '%00', '%2f', '%ff', '\n\n', '-1', '1e9'],
    ...[
      '{',
      '}',
      '[',
      ']',
      '"',
      ':',
      ',',
      'null',
      '"reason":',
      '"file":',
      '"route":',
      '"__proto__":{}',
      '\ufeff',
      '\0',
    ],
    ...[
      '"vr":"SQ"',
      '"Value":[null]',
      '"PatientName":"^"',
      '"ScheduledProcedureStepSequence":[{}]',
      '\u{1f600}',
      '\\ud800',
    ],
  ],
  brackets: [
    ['{"a":', '}'],
    ['[', ']'],
    ['{"ScheduledProcedureStepSequence":[', ']}'],
  ],
  open,
};
