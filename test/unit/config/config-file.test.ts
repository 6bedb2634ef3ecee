import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigFile } from '../../../src/config/config-file.ts';
import { redactedLines } from '../../../src/config/redaction.ts';

const whole = (text: string, environment = {}): string => redactedLines(text, environment).join('\n');

describe('a configuration for other eyes', () => {
  test.each([
    ['a token', 'console: { port: 1, token: s3cret-s3cret-1 }', 'console: { port: 1, token: (hidden) }'],
    [
      'a list of tokens',
      'console:\n  tokens:\n    - { name: a, token: "s3cret" } # mine',
      'console:\n  tokens:\n    - { name: a, token: (hidden) } # mine',
    ],
    [
      'a header',
      'upstreams:\n  x:\n    protocol: dicomweb\n    headers: { X-Key: s3cret }',
      'upstreams:\n  x:\n    protocol: dicomweb\n    headers: { X-Key: (hidden) }',
    ],
    ['a default of a variable', 'console: { token: "${TOKEN:-s3cret}" }', 'console: { token: (hidden) }'],
    ['a mistyped name', 'console: { tokne: s3cret }', 'console: { tokne: (hidden) }'],
    [
      'a name and a password in a URL',
      'upstreams: { x: { protocol: dicomweb, baseUrl: "https://me:s3cret@far" } }',
      'upstreams: { x: { protocol: dicomweb, baseUrl: "https://(hidden)@far" } }',
    ],
    [
      'what an alias repeats',
      'log: { level: &level s3cret-s3cret }\nconsole: { token: *level }',
      'log: { level: &level (hidden) }\nconsole: { token: *level }',
    ],
    ['a comment', 'console: {}\n# token: s3cret', 'console: {}\n# token: (hidden)'],
    [
      'the same text elsewhere',
      'console: { token: s3cret-s3cret } # s3cret-s3cret',
      'console: { token: (hidden) } # (hidden)',
    ],
    ['a text that is no YAML', 'console:\n  token: "s3cret\n  port: 1', 'console:\n  token:\n  port:'],
  ])('%s hides what is secret, and nothing else', (_what, text, expected) => {
    const shown = whole(text);
    expect(shown).not.toContain('s3cret');
    expect(shown).toBe(expected);
  });

  test('a variable and a file are named, not what is in them', () => {
    const text = 'console: { token: "${TOKEN}" }\nstore: { kind: postgres, url: { file: /run/secrets/url } }';
    expect(whole(text, { TOKEN: 's3cret-of-the-environment' })).toBe(text);
  });

  test('every line keeps its number, under a secret of several lines too', () => {
    expect(redactedLines('console:\n  token: |\n    one\n    two\n  port: 1\n', {})).toEqual([
      'console:',
      '  token: (hidden)',
      '',
      '',
      '  port: 1',
    ]);
  });
});

describe('the file of a gateway', () => {
  let folder: string;
  let path: string;
  const text = (port: number, more = ''): string =>
    `listeners: { ward: { protocol: dimse, aeTitle: A, port: ${port}${more} } }\nupstreams: { ris: { protocol: ris } }\nroutes: []\n`;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dimseway-config-'));
    path = join(folder, 'gateway.yaml');
    await writeFile(path, text(104));
  });
  afterEach(() => rm(folder, { recursive: true }));

  test('is what runs until it is written anew, and again once that is loaded', async () => {
    const file = new ConfigFile(path, {});
    const { config } = await file.load();
    expect(await file.look(config)).toMatchObject({ isChanged: false, errors: [] });
    await writeFile(path, text(105));
    expect(await file.look(config)).toMatchObject({ isChanged: true, lines: text(105).trimEnd().split('\n') });
    expect(await file.look((await file.load()).config)).toMatchObject({ isChanged: false });
  });

  test('is shown with its problems where they stand', async () => {
    const file = new ConfigFile(path, {});
    await writeFile(path, text(104, ', colour: red'));
    const { errors, isChanged } = await file.look(undefined);
    expect([errors.map(({ line, path: where }) => [line, where]), isChanged]).toEqual([
      [[1, 'listeners.ward.colour']],
      false,
    ]);
  });

  test('that is gone is a problem too', async () => {
    const file = new ConfigFile(path, {});
    const { config } = await file.load();
    await rm(path);
    expect(await file.look(config)).toMatchObject({
      isChanged: true,
      lines: [''],
      errors: [{ message: expect.stringContaining('no such file') as unknown }],
    });
  });
});
