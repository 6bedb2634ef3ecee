/** Child processes on loopback: free ports, start and wait until they accept, run to the end, stop by pid. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface StartOptions {
  env?: Readonly<Record<string, string>>;
  cwd?: string;
  /** Ready when this port accepts a connection. */
  port?: number;
  /** Ready when stdout or stderr matches; its groups come back as `ready`. */
  readyText?: RegExp;
  deadlineMs?: number;
}

export interface Running {
  readonly pid: number;
  readonly ready: RegExpExecArray | undefined;
  /** Everything printed so far, stdout and stderr as they came. */
  output(): string;
  /** Waits until the output after `from` characters matches. */
  waitFor(pattern: RegExp, deadlineMs?: number, from?: number): Promise<RegExpExecArray>;
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

export interface Finished {
  code: number | null;
  stdout: string;
  stderr: string;
}

const POLL_MS = 20;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const onPath = (env: StartOptions['env']): NodeJS.ProcessEnv => ({
  ...process.env,
  PATH: `${process.env['PATH'] ?? ''}:/usr/sbin`,
  ...env,
});

/** A port of the loopback interface that was free a moment ago. */
export async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('No TCP port');
  return address.port;
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

class RunningProcess implements Running {
  readonly pid: number;
  ready: RegExpExecArray | undefined;
  private readonly child: ChildProcess;
  private readonly name: string;
  private text = '';

  constructor(name: string, child: ChildProcess) {
    if (child.pid === undefined) throw new Error(`${name} cannot be started`);
    this.name = name;
    this.child = child;
    this.pid = child.pid;
    const collect = (chunk: Buffer): void => void (this.text += chunk.toString('utf8'));
    child.stdout?.on('data', collect);
    child.stderr?.on('data', collect);
  }

  get hasEnded(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  output(): string {
    return this.text;
  }

  async waitFor(pattern: RegExp, deadlineMs = 10_000, from = 0): Promise<RegExpExecArray> {
    const end = performance.now() + deadlineMs;
    for (;;) {
      const found = pattern.exec(this.text.slice(from));
      if (found !== null) return found;
      if (this.hasEnded)
        throw new Error(`${this.name} ended (${this.child.exitCode}) without ${pattern}:\n${this.text}`);
      if (performance.now() > end) throw new Error(`${this.name} did not print ${pattern}:\n${this.text}`);
      await sleep(POLL_MS);
    }
  }

  async waitForPort(port: number, deadlineMs: number): Promise<void> {
    const end = performance.now() + deadlineMs;
    while (!(await accepts(port))) {
      if (this.hasEnded) throw new Error(`${this.name} ended (${this.child.exitCode}):\n${this.text}`);
      if (performance.now() > end) throw new Error(`${this.name} does not accept on port ${port}:\n${this.text}`);
      await sleep(POLL_MS);
    }
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    if (!this.hasEnded) {
      const ended = once(this.child, 'exit');
      this.child.kill(signal);
      const insist = setTimeout(() => this.child.kill('SIGKILL'), 8_000);
      await ended;
      clearTimeout(insist);
    }
    return this.child.exitCode;
  }
}

/** Starts a program and waits until it is ready. @throws Error with its output when it ends or is late. */
export async function startProgram(command: string, args: readonly string[], options: StartOptions): Promise<Running> {
  const child = spawn(command, args, { env: onPath(options.env), cwd: options.cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  await once(child, 'spawn');
  const running = new RunningProcess(command, child);
  try {
    if (options.readyText !== undefined) running.ready = await running.waitFor(options.readyText, options.deadlineMs);
    if (options.port !== undefined) await running.waitForPort(options.port, options.deadlineMs ?? 15_000);
  } catch (error) {
    await running.stop('SIGKILL');
    throw error;
  }
  return running;
}

/** Runs a program to its end; killed after `timeoutMs`. Never throws because of the exit status. */
export async function runProgram(
  command: string,
  args: readonly string[],
  options: { env?: Readonly<Record<string, string>>; cwd?: string; timeoutMs?: number } = {},
): Promise<Finished> {
  const { timeoutMs = 60_000 } = options;
  const child = spawn(command, args, {
    env: onPath(options.env),
    cwd: options.cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
  });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout: Buffer.concat(stdout).toString('utf8'), stderr: Buffer.concat(stderr).toString('utf8') };
}

/** As `runProgram`, but anything except exit status 0 is an error that carries the output. */
export async function runOrThrow(...parameters: Parameters<typeof runProgram>): Promise<Finished> {
  const finished = await runProgram(...parameters);
  if (finished.code !== 0) {
    const [command, args] = parameters;
    throw new Error(`${command} ${args.join(' ')} ended with ${finished.code}:\n${finished.stdout}${finished.stderr}`);
  }
  return finished;
}

export async function makeTemporaryFolder(prefix = 'dimseway-peers-'): Promise<string> {
  return mkdtemp(join(tmpdir(), prefix));
}

/** Whatever was started is stopped in reverse order, then the folders go. */
export class Cleanup {
  private readonly steps: (() => Promise<unknown>)[] = [];

  add(step: () => Promise<unknown>): void {
    this.steps.push(step);
  }

  async folder(): Promise<string> {
    const folder = await makeTemporaryFolder();
    this.add(() => rm(folder, { recursive: true, force: true }));
    return folder;
  }

  async started(starting: Promise<Running>): Promise<Running> {
    const running = await starting;
    this.add(() => running.stop());
    return running;
  }

  async run(): Promise<void> {
    for (let step = this.steps.pop(); step !== undefined; step = this.steps.pop()) await step();
  }
}
