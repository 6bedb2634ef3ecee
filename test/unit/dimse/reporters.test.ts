import { describe, expect, test } from '@jest/globals';
import { Reporters } from '../../../src/dimse/reporters.ts';
import type { Reporter, ResolveHost } from '../../../src/dimse/reporters.ts';

const LOOKUP_MS = 20;
const never: ResolveHost = () => new Promise(() => undefined);
const fails: ResolveHost = () => Promise.reject(new Error('ENOTFOUND'));

function reportersAt(host: string | readonly string[], resolve: ResolveHost = never): Reporters {
  const reporters = new Reporters(resolve, LOOKUP_MS);
  reporters.replace([host].flat().map((each): Reporter => ({ aeTitle: 'PACS', host: each, reports: ['mpps'] })));
  return reporters;
}

describe('reporters by address (design 6)', () => {
  test.each([
    ['10.0.0.5', '10.0.0.5', 'reporter'],
    ['10.0.0.5', '10.0.0.6', 'elsewhere'],
    ['::ffff:10.0.0.5', '10.0.0.5', 'reporter'],
    ['fd00:0:0:0::5', 'fd00::5', 'reporter'],
    ['FD00::5', 'fd00::5', 'reporter'],
    ['fe80::1%eth0', 'fe80::1', 'reporter'],
    ['fd00::5', '10.0.0.5', 'elsewhere'],
    ['10.0.0.5', '', 'elsewhere'],
  ])('host %s, caller at %s: %s, at once', (host, address, standing) => {
    expect(reportersAt(host).standingOf('PACS', address)).toBe(standing);
  });

  test('another AE title is none, and waits for no name', () => {
    expect(reportersAt('pacs.example').standingOf('CT1', '10.0.0.5')).toBe('none');
  });

  test('an AE title may be at several hosts; that of an address is known without the names', () => {
    const reporters = reportersAt(['pacs.example', '10.0.0.5', '10.0.0.6']);
    expect(reporters.standingOf('PACS', '10.0.0.6')).toBe('reporter');
  });
});

describe('reporters by name', () => {
  test('any address of the name will do', async () => {
    const reporters = reportersAt('pacs.example', async () => ['fd00::5', '::ffff:10.0.0.5']);
    expect(await reporters.standingOf('PACS', '10.0.0.5')).toBe('reporter');
    expect(await reporters.standingOf('PACS', 'fd00::5')).toBe('reporter');
    expect(await reporters.standingOf('PACS', '10.0.0.6')).toBe('elsewhere');
  });

  test.each([
    ['fails', fails],
    ['never answers', never],
  ])('a name whose lookup %s is known at no address, after a bounded time', async (_what, resolve) => {
    expect(await reportersAt('pacs.example', resolve).standingOf('PACS', '10.0.0.5')).toBe('elsewhere');
  });

  test('what DNS said last holds while it fails, and no longer than that', async () => {
    const answers: (readonly string[] | undefined)[] = [['10.0.0.5'], undefined, ['10.0.0.6']];
    const resolve: ResolveHost = async () => {
      const answer = answers.shift();
      if (answer === undefined) throw new Error('EAI_AGAIN');
      return answer;
    };
    const reporters = reportersAt('pacs.example', resolve);
    const standings = [];
    for (let i = 0; i < 3; i++) standings.push(await reporters.standingOf('PACS', '10.0.0.5'));
    expect(standings).toEqual(['reporter', 'reporter', 'elsewhere']);
  });

  test('an answer that comes too late for one serves the next', async () => {
    const answer = Promise.withResolvers<readonly string[]>();
    const reporters = reportersAt('pacs.example', () => answer.promise);
    expect(await reporters.standingOf('PACS', '10.0.0.5')).toBe('elsewhere');
    answer.resolve(['10.0.0.5']);
    expect(await reporters.standingOf('PACS', '10.0.0.5')).toBe('reporter');
  });

  test('many at once ask one time: a slow resolver does not take every thread', async () => {
    let asked = 0;
    const reporters = reportersAt('pacs.example', async () => {
      asked++;
      return ['10.0.0.5'];
    });
    const standings = await Promise.all(
      Array.from({ length: 50 }, async () => reporters.standingOf('PACS', '10.0.0.5')),
    );
    expect(new Set(standings)).toEqual(new Set(['reporter']));
    expect(asked).toBe(1);
  });

  test('a new list counts from then on, and keeps what is known of a name', async () => {
    const answers = [['10.0.0.5']];
    const reporters = reportersAt(
      'pacs.example',
      async () => answers.shift() ?? Promise.reject(new Error('EAI_AGAIN')),
    );
    await reporters.standingOf('PACS', '10.0.0.5');
    reporters.replace([{ aeTitle: 'ARCHIVE', host: 'pacs.example', reports: [] }]);
    expect(await reporters.standingOf('ARCHIVE', '10.0.0.5')).toBe('reporter');
    expect(await reporters.standingOf('PACS', '10.0.0.5')).toBe('none');
  });
});
