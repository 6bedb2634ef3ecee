/** No token, password or key shows by `check`, `explain`, other commands, a reload, logs or the console, right or mistyped. */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../src/cli/cli.ts';
import { CONFIG_JSON_SCHEMA } from '../../src/config/json-schema.ts';
import type { SchemaNode } from '../../src/config/json-schema.ts';
import { call } from '../support/http-client.ts';
import { startRedactionBed } from '../support/redaction-bed.ts';

/** Every secret of these tests has it in it. */
const MARK = 's3cretMARK';
const SECRET = `${MARK}-0123456789`;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dimseway-secrets-'));
  await writeFile(join(folder, 'secret'), `${SECRET}\n`);
});
afterAll(() => rm(folder, { recursive: true }));

async function runs(...argv: string[]): Promise<{ status: number; output: string }> {
  let output = '';
  const spies = [process.stdout, process.stderr].map((stream) =>
    jest.spyOn(stream, 'write').mockImplementation((chunk) => {
      output += String(chunk);
      return true;
    }),
  );
  try {
    return { status: await run(argv), output };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

interface Pieces {
  readonly web?: string;
  readonly dimse?: string;
  readonly rest?: string;
}

function configOf({ web = '', dimse = '', rest = '' }: Pieces): string {
  return `listeners:
  ward: { protocol: dimse, aeTitle: WARD, port: 0 }
  web: { protocol: dicomweb, port: 0 }
upstreams:
  ris: { protocol: dicomweb, baseUrl: http://127.0.0.1:1${web} }
  old: { protocol: dimse, host: 127.0.0.1, port: 1, aeTitle: OLD, callingAeTitle: GW${dimse} }
routes:
  - { name: all, worklist: { to: [ris, old] } }
${rest}
`;
}

let files = 0;
async function fileOf(text: string): Promise<string> {
  const file = join(folder, `gateway-${++files}.yaml`);
  await writeFile(file, text);
  return file;
}

test('every option that holds a secret is marked as one in the schema, so that nothing prints it', () => {
  const unmarked: string[] = [];
  const visit = (node: SchemaNode, path: string): void => {
    for (const [name, inner] of Object.entries(node.properties ?? {})) {
      const isSecret = /^(token|bearer|password|passphrase|passcode|clientSecret|url)$/.test(name);
      if (isSecret && inner.secret !== true) unmarked.push(`${path}.${name}`);
      visit(inner, `${path}.${name}`);
    }
    for (const inner of [...(node.oneOf ?? []), ...(node.anyOf ?? []), node.items, node.additionalProperties]) {
      if (typeof inner === 'object') visit(inner, `${path}.*`);
    }
  };
  visit(CONFIG_JSON_SCHEMA, '');
  expect(unmarked).toEqual([]);
});

const YAML_MISTAKES = [
  `*${SECRET}`,
  `!${SECRET}`,
  `|${SECRET}`,
  `>${SECRET}`,
  `&${SECRET}`,
  `@${SECRET}`,
  `%${SECRET}`,
  `"${SECRET}`,
  `'${SECRET}`,
  `"${SECRET}" ${SECRET}`,
  `"\\q${SECRET}"`,
  `"\\${SECRET}"`,
  `"\\u${SECRET}"`,
  `${SECRET}: ${SECRET}`,
  `[${SECRET}]`,
  `{ ${SECRET} }`,
  `[${SECRET}`,
  `]${SECRET}`,
  `- ${SECRET}`,
  `? ${SECRET}`,
  `{ file: ${SECRET}, ${SECRET}: ${SECRET} }`,
  `\${${SECRET}}`,
  `\${NOT_SET}${SECRET}`,
  `"\${NOT_SET} ${SECRET}"`,
  `${SECRET}\${`,
  `${SECRET}\n    ${SECRET}: x`,
];

test.each(YAML_MISTAKES)('a secret that YAML takes for something else: token: %s', async (written) => {
  const file = await fileOf(configOf({ rest: `console:\n  port: 0\n  token: ${written}` }));
  const { status, output } = await runs('check', file);
  expect({ status, output }).toEqual({ status: 2, output: expect.stringMatching(/^\S+\.yaml:\d+:\d+ /) });
  expect(output).not.toContain(MARK);
});

const MISPLACED: readonly Pieces[] = [
  { web: `, headers: ${SECRET}` },
  { web: `, headers: [${SECRET}]` },
  { web: `, headers: { Authorization: [Bearer ${SECRET}] }` },
  { web: `, headers: { Authorization: { ${SECRET}: x } }` },
  { web: `, headers: { Authorization: "Bearer\\n${SECRET}" }` },
  { web: `, credentials: ${SECRET}` },
  { web: `, credentials: [${SECRET}]` },
  { web: `, credentials: { bearer: "${MARK}" }` },
  { web: `, credentials: { bearer: ["${SECRET}"] }` },
  { web: `, credentials: { basic: "user:${SECRET}" }` },
  { web: `, credentials: { basic: { user: gw, passwort: ${SECRET} } }` },
  { web: `, credentials: { basic: { user: gw, password: "${SECRET}\\n" } }` },
  { web: `, credentials: { bearer: "${SECRET} ", basic: { user: gw, password: ${SECRET} } }` },
  { web: `, credentials: { oauth2: ${SECRET} }` },
  {
    web: `, credentials: { oauth2: { tokenUrl: "https://user:${SECRET}@idp", clientId: gw, clientSecret: "${SECRET}\\n" } }`,
  },
  { web: `, tls: ${SECRET}` },
  { web: `, tls: { certificate: secret, key: secret, passphrase: ["${SECRET}"] }` },
  { web: `, baseURL: "https://user:${SECRET}@ris"` },
  { dimse: `, userIdentity: ${SECRET}` },
  { dimse: `, userIdentity: { username: gw, passcode: "${SECRET}\\n" }` },
  { dimse: `, userIdentity: { username: gw, passwort: "${SECRET}" }` },
  { rest: `console: ${SECRET}` },
  { rest: `console: { port: 0, token: "${MARK}" }` },
  { rest: `console: { port: 0, tokens: "${SECRET}" }` },
  { rest: `console: { port: 0, token: 4711, token: ${SECRET} }` },
  { rest: `store: "postgres://user:${SECRET}@db/x"` },
  { rest: `store: { kind: postgres, url: "mysql://user:${SECRET}@db/x" }` },
  { rest: `store: { kind: "postgres://user:${SECRET}@db/x" }` },
  { rest: `store: { path: ["postgres://user:a/b@${SECRET}@db/x"], kind: "postgres://user:a/b@${SECRET}@db/x" }` },
];

test.each(MISPLACED)('a secret in the wrong place or form: %j', async (pieces) => {
  const file = await fileOf(configOf(pieces));
  const { status, output } = await runs('check', file);
  expect({ status, output }).toEqual({ status: 2, output: expect.stringMatching(/problems?\.\n$/) });
  expect(output).not.toContain(MARK);
});

/** With a secret wherever one can be. */
const ALL_SECRETS = configOf({
  web: `, headers: { X-Api-Key: ${SECRET} }, credentials: { basic: { user: gw, password: { file: secret } } }`,
  dimse: `, userIdentity: { username: gw, passcode: ${SECRET} }`,
  rest: `console: { port: 0, token: ${SECRET} }
store: { kind: postgres, url: "postgres://gateway:${SECRET}@127.0.0.1:1/dimseway" }
log: { level: debug }`,
});

test('check, explain, echo, find, mpps and commit of a configuration that is full of secrets', async () => {
  const file = await fileOf(ALL_SECRETS);
  const commands = [
    ['check', file],
    ['explain', '--config', file, '--listener', 'ward', '--calling', 'CT1'],
    ['explain', '--config', file, '--route', 'all'],
    ['echo', '--config', file, 'ris'],
    ['echo', '--config', file, 'old'],
    ['find', '--config', file, 'ris', 'PatientID=1'],
    ['mpps', 'get', '--config', file, 'ris', '1.2.3'],
    ['commit', 'status', '--config', file, 'ris', '1.2.3'],
    ['spool', 'list', '--config', file],
    ['store', 'backup', '--config', file, join(folder, 'backup.db')],
  ];
  const ended = [];
  for (const argv of commands) ended.push({ argv, ...(await runs(...argv)) });
  expect(ended.map(({ status }) => status)).toEqual([0, 0, 0, 1, 1, 1, 1, 1, 3, 3]);
  for (const { output } of ended) expect(output).not.toContain(MARK);
}, 30_000);

test('a gateway at work with secrets: its log, its console, and a reload that fails', async () => {
  const bed = await startRedactionBed({ entries: [], token: SECRET, headers: `{ X-Api-Key: ${SECRET} }` });
  try {
    for (const status of [200, 302, 401, 407, 500]) {
      bed.farWeb = ({ headers }) => ({
        status,
        headers: { Location: `/x?${SECRET}` },
        body: JSON.stringify({ error: headers }),
      });
      await bed.ask('WEB', '/modality-scheduled-procedure-steps', { headers: { Authorization: `Bearer ${SECRET}` } });
    }
    for (const token of [undefined, `${SECRET}x`, `${MARK}`]) {
      const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
      const reply = await call(bed.ports.console, '/metrics', { headers });
      bed.note('console', [reply.status, reply.headers, reply.body.toString('utf8')]);
      expect(reply.status).toBe(401);
    }
    await writeFile(bed.configFile, `${ALL_SECRETS}\nconsole: { port: 0, token: *${SECRET} }`);
    expect((await bed.operate('/api/reload', { method: 'POST', body: '{}' })).status).toBe(422);
    const outputs = await bed.outputs();
    expect(outputs.length).toBeGreaterThan(20);
    expect(outputs.filter(({ text }) => text.includes(MARK))).toEqual([]);
  } finally {
    await bed.close();
  }
}, 30_000);
