/**
 * A Dockerfile without an engine: its steps replayed in folders. Each stage is a folder that processes see as their root
 * (chroot in a mount namespace of their own), with this machine's /usr and the Node.js of node_modules in the place of
 * the base image. Needs root.
 */
import { cp, mkdir, readFile, stat, symlink, lstat, writeFile } from 'node:fs/promises';
import { realpathSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, delimiter, join, posix } from 'node:path';
import {
  environmentOf,
  ignoredBy,
  parseDockerfile,
  stagesOf,
  type Instruction,
  type Stage,
} from '../../test/support/dockerfile.ts';
import { runOrThrow } from './process.ts';

const ROOT = join(import.meta.dirname, '../..');
/** Users that the image of Node.js has. */
const USERS: Readonly<Record<string, number>> = { root: 0, node: 1000 };
const TOOLS = '/opt/base/bin';
const NPM = '/opt/base/npm';
const NPM_COMMAND = '/opt/base/npm-command';
const NPM_CACHE = '/opt/base/npm-cache';
const NPM_CACHE_HERE = join(homedir(), '.npm');
/** How this machine reaches the registry. */
const NETWORK_SETTINGS = /^(NODE_EXTRA_CA_CERTS|npm_config_registry|(https?|no)_proxy)$/i;
const BUILD_TIMEOUT_MS = 300_000;

export interface Image {
  /** Its root file system. */
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly workdir: string;
  readonly user: string;
  readonly volumes: readonly string[];
  readonly stopSignal: NodeJS.Signals;
  /** What `docker run` executes. */
  readonly command: readonly string[];
  readonly healthcheck: readonly string[];
}

interface Built {
  folder: string;
  environment: Record<string, string>;
  workdir: string;
  user: string;
  volumes: string[];
  stopSignal: string;
  entrypoint: readonly string[];
  cmd: readonly string[];
  healthcheck: readonly string[];
}

/** @param folder where the stages are made */
export async function buildImage(folder: string): Promise<Image> {
  const stages = stagesOf(parseDockerfile(await readFile(join(ROOT, 'Dockerfile'), 'utf8')));
  const isIgnored = ignoredBy(await readFile(join(ROOT, '.dockerignore'), 'utf8'));
  const built = new Map<string, Built>();
  for (const [index, stage] of stages.entries()) {
    const name = stage.name ?? String(index);
    built.set(name, await buildStage(join(folder, name), stage, built, isIgnored));
  }
  const last = [...built.values()].at(-1);
  if (last === undefined) throw new Error('the Dockerfile has no stage');
  const { entrypoint, cmd, stopSignal, ...image } = last;
  return { ...image, stopSignal: stopSignal as NodeJS.Signals, command: [...entrypoint, ...cmd] };
}

async function buildStage(
  folder: string,
  { base, instructions }: Stage,
  built: ReadonlyMap<string, Built>,
  isIgnored: (path: string) => boolean,
): Promise<Built> {
  if (!base.startsWith('node:')) throw new Error(`only images of Node.js are replayed here, not ${base}`);
  await makeBase(folder);
  const stage: Built = {
    folder,
    environment: {},
    workdir: '/',
    user: 'root',
    volumes: [],
    stopSignal: 'SIGTERM',
    entrypoint: [],
    cmd: [],
    healthcheck: [],
  };
  for (const instruction of instructions) await apply(instruction, stage, built, isIgnored);
  return stage;
}

async function apply(
  instruction: Instruction,
  stage: Built,
  built: ReadonlyMap<string, Built>,
  isIgnored: (path: string) => boolean,
): Promise<void> {
  const { keyword, text, json, line } = instruction;
  switch (keyword) {
    case 'WORKDIR':
      stage.workdir = posix.resolve(stage.workdir, text);
      await mkdir(join(stage.folder, stage.workdir), { recursive: true });
      return;
    case 'COPY':
      return copy(instruction, stage, built, isIgnored);
    case 'RUN':
      await runOrThrow(...inImage(stage, json ?? ['sh', '-c', text], { isBuild: true }), {
        timeoutMs: BUILD_TIMEOUT_MS,
      });
      return;
    case 'ENV':
      Object.assign(stage.environment, Object.fromEntries(environmentOf(instruction)));
      return;
    case 'USER':
      stage.user = text;
      return;
    case 'VOLUME':
      stage.volumes.push(...(json ?? [text]));
      return;
    case 'STOPSIGNAL':
      stage.stopSignal = text;
      return;
    case 'ENTRYPOINT':
      stage.entrypoint = json ?? ['sh', '-c', text];
      return;
    case 'CMD':
      stage.cmd = json ?? ['sh', '-c', text];
      return;
    case 'HEALTHCHECK':
      stage.healthcheck = json ?? [];
      return;
    case 'EXPOSE':
      return;
    default:
      throw new Error(`line ${line}: ${keyword} is not replayed here`);
  }
}

/** A folder gives its contents, a file itself. */
async function copy(
  { text, flags }: Instruction,
  stage: Built,
  built: ReadonlyMap<string, Built>,
  isIgnored: (path: string) => boolean,
): Promise<void> {
  const paths = text.split(/\s+/);
  const target = paths.pop() ?? '';
  const from = flags.get('from');
  const origin = from === undefined ? ROOT : built.get(from)?.folder;
  if (origin === undefined) throw new Error(`COPY from ${from}, which is no stage before`);
  const to = join(stage.folder, posix.resolve(stage.workdir, target));
  for (const path of paths) {
    const source = join(origin, path);
    if (from === undefined && isIgnored(path)) throw new Error(`${path} is in .dockerignore`);
    const isFolder = (await stat(source)).isDirectory();
    const isInto = target.endsWith('/') || target === '.';
    const filter = (each: string): boolean => from !== undefined || !isIgnored(each.slice(ROOT.length + 1));
    const options = { recursive: true, verbatimSymlinks: true, filter };
    await cp(source, isFolder || !isInto ? to : join(to, basename(path)), options);
  }
}

/** What every image of Node.js has, as far as the steps need it. */
async function makeBase(folder: string): Promise<void> {
  for (const path of ['usr', 'dev', 'proc', 'tmp', 'root', 'etc/ssl', TOOLS, NPM, NPM_COMMAND, NPM_CACHE]) {
    await mkdir(join(folder, path), { recursive: true });
  }
  const npm = `#!/bin/sh\nexec node ${NPM}/bin/npm-cli.js "$@"\n`;
  await writeFile(join(folder, NPM_COMMAND, 'npm'), npm, { mode: 0o755 });
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) {
    const found = await lstat(join('/', name)).catch(() => undefined);
    if (found?.isSymbolicLink() === true) await symlink(`usr/${name}`, join(folder, name));
  }
  const users = Object.entries(USERS);
  await writeFile(
    join(folder, 'etc/passwd'),
    users.map(([name, id]) => `${name}:x:${id}:${id}::/root:/bin/sh\n`).join(''),
  );
  await writeFile(join(folder, 'etc/group'), users.map(([name, id]) => `${name}:x:${id}:\n`).join(''));
  await writeFile(join(folder, 'etc/hosts'), '127.0.0.1 localhost\n');
  await writeFile(join(folder, 'etc/nsswitch.conf'), 'hosts: files dns\n');
  await cp('/etc/resolv.conf', join(folder, 'etc/resolv.conf'), { dereference: true });
}

export interface RunOptions {
  /** While it is built: everything may be written, npm is there, and the network's settings of this machine hold. */
  readonly isBuild?: boolean;
  /** In place of each volume: a folder of this machine. */
  readonly volumes?: Readonly<Record<string, string>>;
  readonly environment?: Readonly<Record<string, string>>;
}

type Container = Pick<Image, 'folder' | 'environment' | 'workdir' | 'user'>;

/**
 * Command and arguments that run a program as a container of the image would: its user, its environment and nothing
 * else of this machine's, no capabilities, a read-only root file system with a /tmp of its own.
 */
export function inImage(image: Container, command: readonly string[], options: RunOptions = {}): [string, string[]] {
  const { folder, workdir, user } = image;
  const { isBuild = false, volumes = {} } = options;
  const uid = USERS[user];
  if (uid === undefined) throw new Error(`no such user in the image: ${user}`);
  const node = join(ROOT, 'node_modules/node/bin');
  const mounts = [
    `mount --rbind ${folder} ${folder}`,
    `mount --bind /usr ${folder}/usr`,
    `mount --bind /dev ${folder}/dev`,
    `mount --bind /proc ${folder}/proc`,
    `mount --bind /etc/ssl ${folder}/etc/ssl`,
    `mount --bind ${node} ${folder}${TOOLS}`,
    ...(isBuild ? [`mount --bind ${npmFolder()} ${folder}${NPM}`] : []),
    ...(isBuild ? [`mkdir -p ${NPM_CACHE_HERE}`, `mount --bind ${NPM_CACHE_HERE} ${folder}${NPM_CACHE}`] : []),
    ...(isBuild ? [] : [`mount -o remount,bind,ro ${folder}`, `mount -t tmpfs tmpfs ${folder}/tmp`]),
    ...Object.entries(volumes).map(([path, from]) => `mount --bind ${from} ${folder}${path}`),
  ];
  const rights = isBuild ? [] : ['--no-new-privs', '--bounding-set=-all', '--inh-caps=-all'];
  const environment = {
    PATH: `${TOOLS}:${NPM_COMMAND}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin`,
    HOME: '/root',
    ...(isBuild ? buildEnvironment() : {}),
    ...image.environment,
    ...options.environment,
  };
  const settings = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  const chroot = ['chroot', folder, 'setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', ...rights];
  const program = [...chroot, 'env', '-i', `--chdir=${workdir}`, ...settings, ...command];
  const script = `set -e\n${mounts.join('\n')}\nexec "$@"`;
  return ['unshare', ['--mount', 'sh', '-c', script, 'sh', ...program]];
}

function buildEnvironment(): Record<string, string> {
  const settings = Object.entries(process.env).filter(([name]) => NETWORK_SETTINGS.test(name));
  return { ...(Object.fromEntries(settings) as Record<string, string>), npm_config_cache: NPM_CACHE };
}

/** The package of npm itself on this machine. */
function npmFolder(): string {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const command = folders.map((each) => join(each, 'npm')).find((each) => statSync(each, { throwIfNoEntry: false }));
  if (command === undefined) throw new Error('npm is not on PATH');
  return join(realpathSync(command), '../..');
}
