/** The conformance statement: what it says follows from the configuration, and nothing else. */
import { describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfig, parseConfig } from '../../../src/config/load.ts';
import { classesOf } from '../../../src/dimse/offered-services.ts';
import { toHtml } from '../../../src/papers/html.ts';
import { toMarkdown } from '../../../src/papers/markdown.ts';
import type { Block } from '../../../src/papers/document.ts';
import { conformanceStatement } from '../../../src/papers/statement.ts';
import { OUTCOMES } from '../../../src/services/worklist/outcomes.ts';

const ROOT = join(import.meta.dirname, '../../..');

const ROUTE_OPTIONS = { route: '', characterSets: [], unencodable: 'utf-8', fuzzyMatching: false, timezoneAdjustment: false } as const; // prettier-ignore

async function statement(text: string): Promise<readonly Block[]> {
  const { config } = await parseConfig(join(ROOT, 'config/site.yaml'), text, {});
  return conformanceStatement({ config, version: '1.2.3', source: 'site.yaml' });
}

/** The rows of a table, by the start of its caption. */
function rowsOf(blocks: readonly Block[], caption: string): readonly (readonly string[])[] {
  const found = blocks.find((one) => one.kind === 'table' && one.caption.startsWith(caption));
  return found?.kind === 'table' ? found.rows : [];
}

const UPSTREAMS = `upstreams:
  ris: { protocol: dimse, host: 10.0.0.5, port: 104, aeTitle: RIS, callingAeTitle: DIMSEWAY }
  web: { protocol: dicomweb, baseUrl: https://ris.example/dicomweb, credentials: { bearer: secret-of-the-site-0123456789 } }
  ups: { protocol: ups-rs, baseUrl: https://ups.example/dicomweb, subscription: { aeTitle: WATCHER } }
`;
const LISTENERS = `listeners:
  ward: { protocol: dimse, aeTitle: DIMSEWAY, port: 11112 }
  web: { protocol: dicomweb, port: 8080, basePath: /dicomweb }
`;
const site = (routes: string, listeners = LISTENERS): Promise<readonly Block[]> =>
  statement(`${listeners}${UPSTREAMS}routes:\n${routes}\n`);

test('docs/conformance.md is the statement of the embedded default (npm run generate)', () => {
  execFileSync(process.execPath, [join(ROOT, 'scripts/generate-papers.ts'), '--check'], { stdio: 'pipe' });
});

test('the chapters are those of PS3.2 Annex N, in their order', async () => {
  const headings = (await site('  - { name: all, worklist: { to: ris } }')).flatMap((one) =>
    one.kind === 'heading' && one.level <= 2 ? [one.text] : [],
  );
  expect(headings.map((text) => /^(?:N\.\d|DICOM)/.exec(text)?.[0])).toEqual(
    ['DICOM', ...[1, 2, 3, 4, 5, 6, 7, 8].map((number) => `N.${number}`)],
  ); // prettier-ignore
});

describe('roles follow from the routes (PS3.2 N.1)', () => {
  test.each([
    ['a worklist from a web server', '  - { name: a, from: { listener: ward }, worklist: { to: web } }',
      [['No', 'Yes'], ['No', 'No'], ['No', 'No'], ['No', 'No'], ['No', 'No']], [['No', 'Yes'], ['No', 'No'], ['No', 'No'], ['No', 'No']]],
    ['MPPS to an SCP, from the web', '  - { name: a, from: { listener: web }, mpps: { to: ris } }',
      [['No', 'No'], ['Yes', 'No'], ['Yes', 'No'], ['No', 'No'], ['No', 'No']], [['No', 'No'], ['Yes', 'No'], ['No', 'No'], ['No', 'No']]],
    ['a copy to a web server', '  - { name: a, from: { listener: ward }, mpps: { to: ris, forwardTo: [web] } }',
      [['No', 'No'], ['Yes', 'Yes'], ['Yes', 'Yes'], ['No', 'No'], ['No', 'No']], [['No', 'No'], ['No', 'Yes'], ['No', 'No'], ['No', 'No']]],
    ['storage commitment by an archive', '  - { name: a, from: { listener: web }, storageCommitment: { to: ris } }',
      [['No', 'No'], ['No', 'No'], ['No', 'No'], ['No', 'No'], ['Yes', 'No']], [['No', 'No'], ['No', 'No'], ['Yes', 'No'], ['No', 'No']]],
    ['workitems in front of a classic RIS, which may notify', '  - { name: a, from: { listener: web }, worklist: { to: ris }, mpps: { to: ris }, workitems: {} }',
      [['Yes', 'No'], ['Yes', 'No'], ['Yes', 'No'], ['Yes', 'No'], ['No', 'No']], [['Yes', 'No'], ['Yes', 'No'], ['No', 'No'], ['Yes', 'No']]],
    ['an SCU that is notified', '  - { name: a, from: { listener: ward }, mpps: { to: ups }, notifications: { to: ris } }',
      [['No', 'No'], ['No', 'Yes'], ['No', 'Yes'], ['No', 'Yes'], ['No', 'No']], [['No', 'No'], ['No', 'No'], ['No', 'No'], ['No', 'Yes']]],
  ])('%s', async (_what, routes, dimse, web) => {
    const blocks = await site(routes);
    const [verification, ...classes] = rowsOf(blocks, 'SOP classes and roles').map((row) => row.slice(2));
    expect([verification, classes]).toEqual([['Yes', 'Yes'], dimse]);
    expect(rowsOf(blocks, 'Services and roles').map((row) => row.slice(2))).toEqual(web);
  }); // prettier-ignore
});

test('presentation contexts are those that the listener accepts (PS3.8 9.3.3)', async () => {
  const routes =
    '  - { name: a, worklist: { to: ris }, mpps: { to: ris }, storageCommitment: { to: ris }, workitems: {} }';
  const accepted = rowsOf(await site(routes), 'Accepted by `ward`').map(([, uid = '']) => uid.replaceAll('`', ''));
  const everything = { verification: true, worklist: ROUTE_OPTIONS, mpps: ROUTE_OPTIONS, storageCommitment: ROUTE_OPTIONS, isReporter: true, isNotifier: true }; // prettier-ignore
  expect(accepted.toSorted()).toEqual(classesOf(everything).toSorted());
  const few = rowsOf(await site('  - { name: a, worklist: { to: ris } }'), 'Accepted by `ward`').map(([, uid]) => uid);
  const worklist = { ...everything, mpps: undefined, storageCommitment: undefined, isReporter: false, isNotifier: false }; // prettier-ignore
  expect(few.map((uid = '') => uid.replaceAll('`', ''))).toEqual(classesOf(worklist));
});

test.each([
  ['web', '  - { name: a, from: { listener: web }, mpps: { to: web } }', 'The system mirrors the creation and updating of MPPSs'],
  ['a copy', '  - { name: a, mpps: { to: ris, forwardTo: [web] } }', 'The system mirrors the creation and updating of MPPSs'],
  ['other routes', '  - { name: a, from: { listener: web }, mpps: { to: ris } }\n  - { name: b, from: { listener: ward }, mpps: { to: web } }', 'The system does not mirror the creation and updating of MPPSs'],
  ['DIMSE alone', '  - { name: a, from: { listener: ward }, mpps: { to: ris } }', 'nothing to mirror'],
])('says whether MPPS is mirrored (Sup 246, N.1.3.7): %s', async (_what, routes, words) => {
  expect(toMarkdown(await site(routes))).toContain(words);
}); // prettier-ignore

test('has every own status of C-FIND (C001H to C00EH)', async () => {
  const rows = rowsOf(await site('  - { name: a, worklist: { to: web } }'), 'C0xx');
  const own = Object.entries(OUTCOMES).filter(([, { dimseStatus }]) => dimseStatus >= 0xc000 && dimseStatus < 0xd000);
  const expected = own.map(([code, { dimseStatus, comment }]) => [`C${dimseStatus.toString(16).slice(1).toUpperCase()}H`, comment, `\`${code}\``]);
  expect(rows.toSorted()).toEqual(expected.toSorted());
}); // prettier-ignore

test('has no secret of the configuration', async () => {
  const blocks = await site('  - { name: a, worklist: { to: web } }');
  expect(toMarkdown(blocks)).not.toContain('secret-of-the-site');
  expect(rowsOf(blocks, 'User agents')).toContainEqual(['`web`', 'a bearer token']);
});

test('can be written of every example, both ways, with as many cells in each row as columns', async () => {
  const folder = join(ROOT, 'config/examples');
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.yaml'))) {
    const names = [...readFileSync(join(folder, file), 'utf8').matchAll(/\$\{(\w+)\}/g)].map(([, name = '']) => name);
    const environment: Record<string, string> = Object.fromEntries(names.map((name) => [name, 'a-value-of-the-environment-0123456789']));
    const loaded = await loadConfig(join(folder, file), environment).catch(() => undefined);
    // Files that an example names for its site, such as certificates, are not here.
    if (loaded === undefined) continue;
    const blocks = conformanceStatement({ config: loaded.config, version: '1.2.3', source: file });
    for (const one of blocks) {
      if (one.kind === 'table') expect(new Set(one.rows.map((row) => row.length))).toEqual(new Set([one.columns.length]));
    }
    expect(toHtml(blocks)).toContain('</html>');
    expect(toMarkdown(blocks)).not.toMatch(/undefined|\[object|NaN/);
  }
}); // prettier-ignore

describe('as a page', () => {
  const blocks: readonly Block[] = [
    { kind: 'heading', level: 1, text: 'Paper <1>' },
    { kind: 'heading', level: 2, text: 'N.1 `a` & b' },
    { kind: 'table', caption: 'Pipes', columns: ['A'], rows: [['`x|y` <b>_z_</b>\nnext']] },
    { kind: 'list', items: ['*one*'] },
  ];

  test('Markdown keeps names from being mark-up, and cells in their row', () => {
    expect(toMarkdown(blocks)).toBe(
      '# Paper \\<1\\>\n\n## N.1 `a` & b\n\n**Pipes**\n\n| A |\n| --- |\n| `x\\|y` \\<b\\>\\_z\\_\\</b\\><br>next |\n\n- \\*one\\*\n',
    );
  });

  test('HTML keeps names from being mark-up, and has its contents', () => {
    const page = toHtml(blocks);
    expect(page).toContain('<title>Paper &#60;1&#62;</title>');
    expect(page).toContain('<li class="l2"><a href="#s1">N.1 <code>a</code> &#38; b</a></li>');
    expect(page).toContain('<td><code>x|y</code> &#60;b&#62;_z_&#60;/b&#62;<br>next</td>');
    expect(page).not.toMatch(/<script|src=|href="(?!#)/);
  });
});
