/** Dockerfile, docker-compose.yml and the unit of systemd, read by a linter and by rules of our own: no engine is needed. */
import { describe, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { validate } from 'dockerfile-utils';
import { parse } from 'yaml';
import { loadConfig } from '../../src/config/load.ts';
import { ignoredBy, parseDockerfile, stagesOf } from '../support/dockerfile.ts';

const ROOT = join(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

/** A name and a version; `latest` is none. */
const PINNED = /^[\w./-]+:(?!latest)[\w.-]*\d[\w.-]*$/;

describe('Dockerfile', () => {
  const instructions = parseDockerfile(read('Dockerfile'));
  const stages = stagesOf(instructions);
  const last = stages.at(-1)?.instructions ?? [];
  const of = (keyword: string): string[] => last.filter((each) => each.keyword === keyword).map(({ text }) => text);

  test('has nothing that a linter of Dockerfiles complains of', () => {
    expect(validate(read('Dockerfile'))).toEqual([]);
    expect(validate('FROM node:24-slim\nCMD node\nCMD [node]\nCOYP a b\n')).not.toEqual([]); // it does read
  });

  test('every image has a version', () => {
    expect(stages.map(({ base }) => base).filter((base) => !PINNED.test(base))).toEqual([]);
  });

  test('is of the Node.js that the package asks for', () => {
    const { engines } = JSON.parse(read('package.json')) as { engines: { node: string } };
    const [, major] = /^>=(\d+)$/.exec(engines.node) ?? [];
    expect(stages.map(({ base }) => base)).toEqual(stages.map(() => `node:${major}-slim`));
  });

  test('nothing is added from afar, and no script of a package runs', () => {
    expect(instructions.filter(({ keyword }) => keyword === 'ADD')).toEqual([]);
    const installs = instructions.filter(({ text }) => /\bnpm (ci|i|install)\b/.test(text)).map(({ text }) => text);
    expect(installs.length).toBe(2);
    expect(installs.filter((text) => !text.startsWith('npm ci ') || !text.includes('--ignore-scripts'))).toEqual([]);
    expect(instructions.filter(({ text }) => /\b(sudo|curl|wget|apt-get)\b/.test(text))).toEqual([]);
  });

  test('what comes from other stages comes from stages before', () => {
    stages.forEach(({ instructions: own }, index) => {
      const before = stages.slice(0, index).map(({ name }) => name);
      const from = own.flatMap(({ flags }) => flags.get('from') ?? []);
      expect(from.filter((name) => !before.includes(name))).toEqual([]);
    });
  });

  test('what is copied is there, and .dockerignore lets nothing else through', () => {
    const isIgnored = ignoredBy(read('.dockerignore'));
    const copies = instructions.filter(({ keyword, flags }) => keyword === 'COPY' && !flags.has('from'));
    const copied = new Set(copies.flatMap(({ text }) => text.split(/\s+/).slice(0, -1)));
    expect([...copied].filter((path) => isIgnored(path) || !existsSync(join(ROOT, path)))).toEqual([]);
    expect(readdirSync(ROOT).filter((path) => !isIgnored(path) && !copied.has(path))).toEqual([]);
  });

  test('runs as an unprivileged user from where the data folder is made on', () => {
    const at = (keyword: string): number => last.findIndex((each) => each.keyword === keyword);
    expect(of('USER')).toEqual(['node']);
    expect(last.slice(at('USER')).filter(({ keyword }) => ['COPY', 'RUN'].includes(keyword))).toEqual([]);
    expect(of('VOLUME')).toEqual(['["/var/lib/dimseway"]']);
    expect(of('RUN')).toEqual(['install -d -o node -g node -m 0750 /var/lib/dimseway']);
  });

  test('commands are in exec form, once each: signals reach the gateway', () => {
    for (const keyword of ['ENTRYPOINT', 'CMD', 'HEALTHCHECK']) {
      const found = last.filter((each) => each.keyword === keyword);
      expect([keyword, found.length, found[0]?.json?.length]).toEqual([keyword, 1, expect.any(Number)]);
    }
    expect(of('STOPSIGNAL')).toEqual(['SIGTERM']);
  });

  test('tells the ports of the shipped configuration', async () => {
    const { config } = await loadConfig(join(ROOT, 'config/gateway.yaml'), {});
    const ports = [...Object.values(config.listeners), config.console].map((each) => each?.port);
    expect(of('EXPOSE')).toEqual([ports.join(' ')]);
  });
});

interface Service {
  readonly image?: string;
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly cap_add?: readonly string[];
  readonly privileged?: boolean;
  readonly security_opt?: readonly string[];
  readonly healthcheck?: { readonly test?: readonly string[] };
  readonly restart?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly volumes?: readonly string[];
  readonly networks?: readonly string[];
  readonly ports?: readonly string[];
  readonly secrets?: readonly (string | { readonly source: string })[];
  readonly command?: readonly string[];
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
  readonly networks: Readonly<Record<string, { readonly internal?: boolean } | null>>;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
}

/** Keys of the Compose Specification that ours has. */
const KEYS = {
  top: ['name', 'services', 'networks', 'volumes', 'secrets'],
  service: [
    'build',
    'cap_drop',
    'command',
    'depends_on',
    'environment',
    'healthcheck',
    'image',
    'networks',
    'ports',
    'read_only',
    'restart',
    'secrets',
    'security_opt',
    'stop_grace_period',
    'tmpfs',
    'user',
    'volumes',
  ],
  healthcheck: ['test', 'interval', 'timeout', 'start_period', 'retries'],
};

describe('docker-compose.yml', () => {
  const compose = parse(read('docker-compose.yml')) as Compose;
  const services = Object.entries(compose.services);
  const strangers = (value: object, known: readonly string[]): string[] =>
    Object.keys(value).filter((key) => !known.includes(key));

  test('has keys of the Compose Specification only', () => {
    expect(strangers(compose, KEYS.top)).toEqual([]);
    for (const [, service] of services) {
      expect(strangers(service, KEYS.service)).toEqual([]);
      expect(strangers(service.healthcheck ?? {}, KEYS.healthcheck)).toEqual([]);
    }
  });

  test('every image has a version, ours that of the package', () => {
    const { version } = JSON.parse(read('package.json')) as { version: string };
    expect(compose.services['gateway']?.image).toBe(`dimseway:${version}`);
    expect(services.filter(([, { image = '' }]) => !PINNED.test(image))).toEqual([]);
  });

  test('every service gains no rights, comes back by itself and says whether it is well', () => {
    for (const [name, service] of services) {
      expect([name, service.privileged, service.cap_add]).toEqual([name, undefined, undefined]);
      expect([name, service.security_opt, service.restart]).toEqual([
        name,
        ['no-new-privileges:true'],
        'unless-stopped',
      ]);
      expect([name, service.healthcheck]).toEqual([name, expect.any(Object)]);
      const first = service.healthcheck?.test?.[0] ?? 'CMD';
      expect([name, first]).toEqual([name, 'CMD']);
    }
  });

  test('the gateway and its store have a read-only file system and no capabilities', () => {
    for (const name of ['gateway', 'postgres']) {
      const { read_only: isReadOnly, cap_drop: dropped } = compose.services[name] ?? {};
      expect([name, isReadOnly, dropped]).toEqual([name, true, ['ALL']]);
    }
  });

  test('who needs another waits until that one is well', () => {
    for (const [, { depends_on: needs = {} }] of services) {
      for (const [other, { condition }] of Object.entries(needs)) {
        expect([other, condition]).toEqual([other, 'service_healthy']);
        expect(compose.services[other]).toBeDefined();
      }
    }
  });

  test('names volumes, networks, secrets and files that there are', () => {
    for (const [, service] of services) {
      for (const volume of service.volumes ?? []) {
        const [source = ''] = volume.split(':');
        const isThere = source.startsWith('./') ? existsSync(join(ROOT, source)) : source in compose.volumes;
        expect([volume, isThere]).toEqual([volume, true]);
      }
      const secrets = (service.secrets ?? []).map((each) => (typeof each === 'string' ? each : each.source));
      expect(secrets.filter((name) => !(name in compose.secrets))).toEqual([]);
      expect((service.networks ?? []).filter((name) => !(name in compose.networks))).toEqual([]);
    }
  });

  test('has no secret in it', () => {
    const settings = services.flatMap(([, { environment = {} }]) => Object.keys(environment));
    expect(settings.filter((name) => /password|secret|token|key/i.test(name) && !name.endsWith('_FILE'))).toEqual([]);
    expect(read('docker-compose.yml')).not.toMatch(/:\/\/[^/\s]*:[^/\s]*@/);
  });

  test('what only operators need is published on loopback, and the data base nowhere', () => {
    const published = services.flatMap(([name, { ports = [] }]) => ports.map((port) => `${name} ${port}`));
    expect(published.sort()).toEqual([
      'gateway 11112:11112',
      'gateway 127.0.0.1:8090:8090',
      'gateway 8080:8080',
      'orthanc 127.0.0.1:8042:8042',
      'orthanc 4242:4242',
    ]);
    expect(compose.services['postgres']?.networks).toEqual(['inside']);
    expect(compose.networks['inside']).toEqual({ internal: true });
  });

  test('its secrets are made once, for whoever runs it; the configuration of the gateway loads with them', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'dimseway-compose-'));
    try {
      cpSync(join(ROOT, 'deploy/compose'), folder, { recursive: true });
      rmSync(join(folder, 'secrets'), { recursive: true, force: true });
      const make = (): string => spawnSync(join(folder, 'secrets.sh'), { encoding: 'utf8' }).stdout;
      const files = Object.values(compose.secrets).map(({ file }) => file.replace('./deploy/compose/secrets/', ''));
      expect(make().match(/^made /gm)?.length).toBe(files.length);
      const secrets = join(folder, 'secrets');
      expect(readdirSync(secrets).sort()).toEqual(files.sort());
      expect(statSync(secrets).mode & 0o777).toBe(0o700);
      const before = files.map((name) => readFileSync(join(secrets, name), 'utf8'));
      expect(make()).toBe('');
      expect(files.map((name) => readFileSync(join(secrets, name), 'utf8'))).toEqual(before);
      expect(new Set(before.map((text) => text.match(/[0-9a-f]{48}/)?.[0])).size).toBe(files.length - 1);
      expect(Object.keys(JSON.parse(readFileSync(join(secrets, 'orthanc-users.json'), 'utf8')) as object)).toEqual([
        'RegisteredUsers',
      ]);

      const gateway = readFileSync(join(folder, 'gateway.yaml'), 'utf8').replaceAll('/run/secrets', secrets);
      expect(compose.services['gateway']?.command?.at(-1)).toBe('/etc/dimseway/gateway.yaml');
      const file = join(folder, 'with-secrets.yaml');
      writeFileSync(file, gateway);
      const { config, warnings } = await loadConfig(file, {});
      // The port is published on loopback alone; who publishes it further is told.
      expect(warnings).toEqual([
        expect.stringMatching(/ console\.token: is read by anybody on the way: there is no tls$/),
      ]);
      const password = readFileSync(join(secrets, 'postgres-password'), 'utf8').trim();
      expect(config.store).toMatchObject({
        kind: 'postgres',
        url: `postgres://dimseway:${password}@postgres:5432/dimseway`,
      });
      expect(config.console?.token).toBe(readFileSync(join(secrets, 'console-token'), 'utf8').trim());
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('Orthanc knows the gateway under the names that the gateway has', async () => {
    const orthanc = JSON.parse(read('deploy/compose/orthanc.json')) as {
      DicomAet: string;
      DicomPort: number;
      DicomModalities: Record<string, { AET: string; Host: string; Port: number; AllowFindWorklist: boolean }>;
    };
    const { upstreams, listeners } = parse(read('deploy/compose/gateway.yaml')) as {
      upstreams: Record<string, object>;
      listeners: Record<string, { aeTitle?: string; port: number }>;
    };
    expect(upstreams['orthanc']).toMatchObject({
      host: 'orthanc',
      port: orthanc.DicomPort,
      aeTitle: orthanc.DicomAet,
      callingAeTitle: orthanc.DicomModalities['gateway']?.AET,
    });
    expect(orthanc.DicomModalities['gateway']).toMatchObject({
      AET: listeners['ward']?.aeTitle,
      Host: 'gateway',
      Port: listeners['ward']?.port,
      AllowFindWorklist: true,
    });
  });
});

describe('dimseway.service', () => {
  const settings = new Map<string, string[]>();
  for (const line of read('deploy/systemd/dimseway.service').split('\n')) {
    const [, key = '', value = ''] = /^(\w+)=(.*)$/.exec(line) ?? [];
    if (key !== '') settings.set(key, [...(settings.get(key) ?? []), value]);
  }

  test('comes back after a failure, for as long as it takes, but not with a configuration that is wrong', () => {
    expect(settings.get('Restart')).toEqual(['on-failure']);
    expect(settings.get('StartLimitIntervalSec')).toEqual(['0']);
    // The exit status of a bad configuration (docs/operations.md).
    expect(settings.get('RestartPreventExitStatus')).toEqual(['2']);
  });

  test('reloads by the signal that the gateway reloads at, and waits longer than the gateway does at its end', async () => {
    expect(settings.get('ExecReload')).toEqual(['/bin/kill -HUP $MAINPID']);
    const { config } = await loadConfig(join(ROOT, 'config/gateway.yaml'), {});
    const [, seconds] = /^(\d+)s$/.exec(settings.get('TimeoutStopSec')?.[0] ?? '') ?? [];
    expect(Number(seconds) * 1_000).toBeGreaterThan(2 * config.timers.shutdown);
  });

  test('may do what a gateway needs and no more', () => {
    expect(Object.fromEntries(settings)).toMatchObject({
      DynamicUser: ['yes'],
      StateDirectory: ['dimseway'],
      ProtectSystem: ['strict'],
      ProtectHome: ['yes'],
      NoNewPrivileges: ['yes'],
      CapabilityBoundingSet: ['CAP_NET_BIND_SERVICE'],
      AmbientCapabilities: ['CAP_NET_BIND_SERVICE'],
      RestrictAddressFamilies: ['AF_INET AF_INET6 AF_UNIX'],
    });
  });
});
