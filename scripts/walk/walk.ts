/**
 * The walk of docs/troubleshooting.md: a configuration with mistakes, an upstream that is not there, an MPPS that the RIS
 * refuses; each found and mended by the commands alone. Commands run in this process, the gateway and the RIS in their own.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../src/cli/cli.ts';
import { fitted } from '../../src/cli/terminal.ts';
import { startGatewayOn } from '../peers/gateway.ts';
import type { Gateway } from '../peers/gateway.ts';
import { findFreePort } from '../peers/process.ts';

const WORKLIST = join(import.meta.dirname, '../../config/worklist.yaml');
const COLUMNS = 150;
/** What stands in the document in the place of the free ports of a run. */
const SHOWN_PORTS = { wrong: 11105, ris: 11104, ward: 11112, console: 8090 } as const;
type Ports = Readonly<Record<keyof typeof SHOWN_PORTS, number>>;

const MISTAKEN = `listeners:
  ward: { protocol: dimse, aeTitel: DIMSEWAY, port: 111120 }
upstreams:
  ris: { protocol: dimse, host: 127.0.0.1, port: 11105, aeTitle: OLDRIS }
routes:
  - name: modalities
    from: { listener: wards }
    worklist: { to: ris }
    mpps: { to: riss, delivery: store-and-foward }
`;

/** `scanner` stands for a modality: it calls the gateway as one. */
const gatewayOf = ({ ward, console }: Ports, risPort: number, rules = ''): string => `listeners:
  ward: { protocol: dimse, aeTitle: DIMSEWAY, port: ${ward} }
upstreams:
  ris: { protocol: dimse, host: 127.0.0.1, port: ${risPort}, aeTitle: OLDRIS, callingAeTitle: DIMSEWAY }
  scanner: { protocol: dimse, host: 127.0.0.1, port: ${ward}, aeTitle: DIMSEWAY, callingAeTitle: CT1 }
routes:
  - name: modalities
    from: { listener: ward }
    worklist: { to: ris }
    mpps:
      to: ris
      delivery: store-and-forward
${rules}store: { path: gateway.db }
console: { port: ${console} }
`;

const RULES = `      rules:
        request:
          - { copy: ScheduledStepAttributesSequence.ScheduledProcedureStepID, to: PerformedProcedureStepID }
`;

const risOf = ({ ris }: Ports): string => `listeners: { ward: { protocol: dimse, aeTitle: OLDRIS, port: ${ris} } }
upstreams: { ris: { protocol: ris, entries: ${WORKLIST} } }
routes: [{ name: ris, worklist: { to: ris }, mpps: { to: ris, validation: strict } }]
store: { path: ris.db }
`;

const text = (vr: string, ...Value: unknown[]): unknown => (Value.length === 0 ? { vr } : { vr, Value });

/** A modality that leaves Performed Procedure Step ID (0040,0253) empty. */
const STEP = {
  '00080060': text('CS', 'CT'),
  '00081032': text('SQ'),
  '00081120': text('SQ'),
  '00100010': text('PN', { Alphabetic: 'Carter^Helen^M' }),
  '00100020': text('LO', 'MG-1001'),
  '00100030': text('DA', '19580614'),
  '00100040': text('CS', 'F'),
  '00200010': text('SH'),
  '00400241': text('AE', 'CT1'),
  '00400242': text('SH'),
  '00400243': text('SH'),
  '00400244': text('DA', '20260302'),
  '00400245': text('TM', '081500'),
  '00400250': text('DA'),
  '00400251': text('TM'),
  '00400252': text('CS', 'IN PROGRESS'),
  '00400253': text('SH'),
  '00400254': text('LO'),
  '00400255': text('LO'),
  '00400260': text('SQ'),
  '00400270': text('SQ', {
    '00080050': text('SH', 'A260001'),
    '00081110': text('SQ'),
    '0020000D': text('UI', '1.2.826.0.1.3680043.10.1462.2.1'),
    '00321060': text('LO'),
    '00400007': text('LO'),
    '00400008': text('SQ'),
    '00400009': text('SH', 'SPS0001'),
    '00401001': text('SH'),
  }),
  '00400340': text('SQ'),
};

/** Blocks of the document by their names: fenced, as they stand there. */
export type Blocks = ReadonlyMap<string, string>;

export async function walk(): Promise<Blocks> {
  const folder = await mkdtemp(join(tmpdir(), 'dimseway-walk-'));
  const running: Gateway[] = [];
  try {
    return await new Walk(folder, await freePorts(), running).play();
  } finally {
    for (const gateway of running) await gateway.running.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

class Walk {
  readonly #folder: string;
  readonly #ports: Ports;
  readonly #running: Gateway[];
  readonly #blocks = new Map<string, string>();

  constructor(folder: string, ports: Ports, running: Gateway[]) {
    this.#folder = folder;
    this.#ports = ports;
    this.#running = running;
  }

  async play(): Promise<Blocks> {
    await this.#mistakes();
    await this.#deadUpstream();
    await this.#refusedStep();
    return this.#blocks;
  }

  async #mistakes(): Promise<void> {
    await this.#write('gateway.yaml', MISTAKEN);
    await this.#showFile('mistaken', 'gateway.yaml');
    await this.#commands('check-mistaken', ['check', 'gateway.yaml']);
    await this.#write('gateway.yaml', gatewayOf(this.#ports, this.#ports.wrong));
    await this.#showFile('mended', 'gateway.yaml');
    await this.#commands('check-mended', ['check', 'gateway.yaml']);
  }

  async #deadUpstream(): Promise<void> {
    await this.#write('ris.yaml', risOf(this.#ports));
    await this.#serve('ris.yaml');
    await this.#serve('gateway.yaml');
    await this.#commands('find-dead', ['find', 'scanner', 'PatientID=MG-1001', '--config', 'gateway.yaml']);
    await this.#commands('doctor-dead', ['doctor', 'ris', '--config', 'gateway.yaml']);
    await this.#write('gateway.yaml', gatewayOf(this.#ports, this.#ports.ris));
    await this.#reload('reload-upstream');
    await this.#commands('doctor-alive', ['doctor', 'ris', '--config', 'gateway.yaml']);
    await this.#commands('find-alive', ['find', 'scanner', 'PatientID=MG-1001', '--config', 'gateway.yaml']);
  }

  async #refusedStep(): Promise<void> {
    const { running } = this.#running.at(-1) as Gateway;
    await this.#write('step.json', JSON.stringify(STEP));
    const config = ['--config', 'gateway.yaml'];
    const create = ['mpps', 'create', 'scanner', '--uid', '2.25.4711', '--dataset', 'step.json', ...config];
    await this.#commands('create', create);
    await running.waitFor(/"message":"spool delivery".*"status":"dead"/);
    await this.#commands('spool-dead', ['spool', 'list', ...config], ['spool', 'show', '1', ...config]);
    await this.#write('gateway.yaml', gatewayOf(this.#ports, this.#ports.ris, RULES));
    this.#blocks.set('rules', fenced('yaml', `    mpps:\n      to: ris\n      delivery: store-and-forward\n${RULES}`));
    const dryRun = ['explain', '--route', 'modalities', '--service', 'mpps', '--dataset', 'step.json', ...config];
    await this.#commands('dry-run', dryRun);
    await this.#reload('reload-rules');
    await this.#commands('retry', ['spool', 'retry', '1', ...config]);
    await running.waitFor(/"message":"spool delivery".*"status":"delivered"/);
    await this.#commands('delivered', ['spool', 'list', ...config]);
  }

  async #serve(file: string): Promise<void> {
    this.#running.push(await startGatewayOn(join(this.#folder, file)));
  }

  async #reload(block: string): Promise<void> {
    const url = `http://127.0.0.1:${this.#ports.console}/api/reload`;
    const headers = { 'Content-Type': 'application/json' };
    const answer = await fetch(url, { method: 'POST', headers, body: '{}' });
    const command = `$ curl -X POST -H 'Content-Type: application/json' -d '{}' ${url}`;
    this.#blocks.set(block, fenced('console', this.#shown(`${command}\n${await answer.text()}`)));
  }

  async #commands(block: string, ...commands: readonly (readonly string[])[]): Promise<void> {
    const shown: string[] = [];
    for (const command of commands) {
      const argv = command.map((word) => (/^[\w-]+\.(yaml|json)$/.test(word) ? join(this.#folder, word) : word));
      const { output, status } = await captured(() => run(argv));
      const exit = status === 0 ? '' : `\n(exit status ${status})`;
      shown.push(`$ dimseway ${command.join(' ')}\n${output.trimEnd()}${exit}`);
    }
    this.#blocks.set(block, fenced('console', this.#shown(shown.join('\n\n'))));
  }

  #write(file: string, content: string): Promise<void> {
    return writeFile(join(this.#folder, file), content);
  }

  async #showFile(block: string, file: string): Promise<void> {
    this.#blocks.set(block, fenced('yaml', this.#shown(await readFile(join(this.#folder, file), 'utf8'))));
  }

  /** Without what is of this run only. */
  #shown(output: string): string {
    let shown = output.replaceAll(`${this.#folder}/`, '');
    for (const [name, port] of Object.entries(this.#ports)) {
      shown = shown.replaceAll(new RegExp(`\\b${port}\\b`, 'g'), String(SHOWN_PORTS[name as keyof Ports]));
    }
    return shown
      .split('\n')
      .map((line) => fitted(line.trimEnd(), COLUMNS))
      .join('\n');
  }
}

async function freePorts(): Promise<Ports> {
  const [wrong, ris, ward, console] = [
    await findFreePort(),
    await findFreePort(),
    await findFreePort(),
    await findFreePort(),
  ];
  return { wrong, ris, ward, console };
}

/** Both streams as they come. */
async function captured(work: () => Promise<number>): Promise<{ output: string; status: number }> {
  let output = '';
  const streams = [process.stdout, process.stderr].map((stream) => ({ stream, write: stream.write.bind(stream) }));
  const take = (chunk: string | Uint8Array): boolean => {
    output += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8');
    return true;
  };
  for (const { stream } of streams) stream.write = take;
  try {
    const status = await work();
    return { output, status };
  } finally {
    for (const { stream, write } of streams) stream.write = write;
  }
}

function fenced(language: string, content: string): string {
  return `\`\`\`${language}\n${content.trimEnd()}\n\`\`\``;
}
