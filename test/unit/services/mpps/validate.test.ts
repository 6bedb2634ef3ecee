import { describe, expect, test } from '@jest/globals';

import { attribute, createDataSet, dataSetOf } from '../../../../src/dataset/model.ts';
import type { Attribute, DataSet, Tag } from '../../../../src/dataset/model.ts';
import { MPPS_ATTRIBUTES } from '../../../../src/services/mpps/attributes.ts';
import type { MppsAttribute } from '../../../../src/services/mpps/attributes.ts';
import { isFinal, stateOf } from '../../../../src/services/mpps/state.ts';
import {
  checkCreate,
  checkFinal,
  checkInstanceUid,
  checkUpdate,
  failureOfIssues,
} from '../../../../src/services/mpps/validate.ts';
import type { MppsIssue } from '../../../../src/services/mpps/validate.ts';
import { fullCreate, leastCreate, rowsByPath, sampleOf, withAttribute } from '../../../support/mpps-rows.ts';

const EMPTY_ITEM = createDataSet();

function told(issues: readonly MppsIssue[]): string[] {
  return issues.map(({ code, path }) => `${code} ${path.join('.')}`);
}

function statusOnly(state: string): DataSet {
  return dataSetOf({ '00400252': attribute('CS', state) });
}

/** Everything that an N-SET may hold, in full. */
function fullUpdate(): DataSet {
  const update = fullCreate();
  for (const row of MPPS_ATTRIBUTES.values()) if (row.set === undefined) delete update[row.tag];
  return update;
}

const ROWS = rowsByPath().map(([path, row]): [string, Tag[], MppsAttribute] => [path.join('.'), path, row]);
const SETTABLE = ROWS.filter(([, path]) => MPPS_ATTRIBUTES.get(path[0] ?? '')?.set !== undefined);

describe('N-CREATE (PS3.4 Table F.7.2-1)', () => {
  test('a message with every attribute passes', () => {
    expect(checkCreate(fullCreate())).toEqual([]);
  });

  const needed = ROWS.filter(([, , { create }]) => create === '1' || create === '2');
  test('the table has what dimse.md counts: seven type 1 at the top level', () => {
    const first = needed.filter(([, path, { create }]) => path.length === 1 && create === '1').map(([path]) => path);
    expect(first.sort()).toEqual('00080060 00400241 00400244 00400245 00400252 00400253 00400270'.split(' '));
  });

  test.each(needed)('%s must be there: 0120H names it', (name, path) => {
    expect(told(checkCreate(withAttribute(fullCreate(), path, undefined)))).toEqual([`MISSING_ATTRIBUTE ${name}`]);
  });

  test.each(needed)('%s without value: type 1 is 0121H, type 2 passes', (name, path, { create, vr }) => {
    const issues = told(checkCreate(withAttribute(fullCreate(), path, attribute(vr))));
    expect(issues).toEqual(create === '1' ? [`MISSING_VALUE ${name}`] : []);
    const nulls = vr === 'SQ' ? attribute(vr) : attribute(vr, null, null);
    expect(told(checkCreate(withAttribute(fullCreate(), path, nulls)))).toEqual(issues);
  });

  const optional = ROWS.filter(([, , { create }]) => create === '3');
  test.each(optional)('%s may be left out or empty (note 5)', (_name, path, { vr }) => {
    expect(checkCreate(withAttribute(fullCreate(), path, undefined))).toEqual([]);
    expect(checkCreate(withAttribute(fullCreate(), path, attribute(vr)))).toEqual([]);
  });

  test.each(ROWS.filter(([, , { vr }]) => vr === 'SQ'))('%s takes no item without attributes', (name, path) => {
    const issues = checkCreate(withAttribute(fullCreate(), path, attribute('SQ', EMPTY_ITEM)));
    expect(told(issues)).toEqual([`INVALID_VALUE ${name}`]);
  });

  test('each item of a sequence is checked, not the first only', () => {
    const create = fullCreate();
    const items = create['00400270']?.Value as DataSet[];
    create['00400270'] = attribute(
      'SQ',
      items[0] as DataSet,
      withAttribute(items[0] as DataSet, ['0020000D'], undefined),
    );
    expect(told(checkCreate(create))).toEqual(['MISSING_ATTRIBUTE 00400270.0020000D']);
  });

  test.each<[string, Record<Tag, string>, string[]]>([
    ['a short code', { '00080100': 'A', '00080102': 'L' }, []],
    ['a long code', { '00080119': 'A', '00080102': 'L' }, []],
    ['a URN', { '00080120': 'urn:a:b' }, []],
    ['no code at all', { '00080102': 'L' }, ['MISSING_ATTRIBUTE 00401012.00080100']],
    ['an empty code', { '00080100': '', '00080102': 'L' }, ['MISSING_VALUE 00401012.00080100']],
    ['no scheme of a short code', { '00080100': 'A' }, ['MISSING_ATTRIBUTE 00401012.00080102']],
    ['no scheme of a long code', { '00080119': 'A' }, ['MISSING_ATTRIBUTE 00401012.00080102']],
  ])('conditions of a code: %s', (_what, texts, expected) => {
    const item = dataSetOf({ '00080104': attribute('LO', 'meaning') });
    for (const [tag, text] of Object.entries(texts)) item[tag] = text === '' ? attribute('SH') : attribute('SH', text);
    expect(told(checkCreate(withAttribute(fullCreate(), ['00401012'], attribute('SQ', item))))).toEqual(expected);
  });

  test.each<[string, Record<Tag, string>, string[]]>([
    ['local', { '00400031': 'A' }, []],
    ['universal with type', { '00400032': '1.2', '00400033': 'ISO' }, []],
    ['universal without type', { '00400032': '1.2' }, ['MISSING_ATTRIBUTE 00380014.00400033']],
    ['neither', { '00400033': 'ISO' }, ['MISSING_ATTRIBUTE 00380014.00400031']],
  ])('conditions of an issuer: %s', (_what, texts, expected) => {
    const item = dataSetOf({});
    for (const [tag, text] of Object.entries(texts)) item[tag] = attribute('UT', text);
    expect(told(checkCreate(withAttribute(fullCreate(), ['00380014'], attribute('SQ', item))))).toEqual(expected);
  });

  test.each(['COMPLETED', 'DISCONTINUED', 'in progress', 'SCHEDULED'])('%s is no first state: 0106H', (state) => {
    const create = Object.assign(fullCreate(), statusOnly(state));
    const failure = failureOfIssues(checkCreate(create));
    expect(failure).toMatchObject({ code: 'INVALID_VALUE', attributes: ['00400252'] });
  });

  test('private and unknown attributes pass, whatever they hold', () => {
    const others = { '00090010': attribute('LO', 'X'), '00091001': attribute('UN'), '00400300': attribute('US', 5) };
    expect(checkCreate(Object.assign(fullCreate(), others))).toEqual([]);
    expect(checkUpdate(dataSetOf(others), new Set())).toEqual([]);
  });

  test('nobody reads values in what is told', () => {
    const create = withAttribute(fullCreate(), ['00100020'], attribute('LO', `SECRET${'9'.repeat(64)}`));
    const [issue] = checkCreate(create);
    expect(issue?.text).toBe('00100020 has a value that does not fit: LO is at most 64 characters');
  });
});

describe('values (PS3.5 6.2)', () => {
  test.each<[Tag, Attribute, boolean]>([
    ['00400253', attribute('SH', 'x'.repeat(16)), true],
    ['00400253', attribute('SH', '1.2.826.0.1.3680043.8.498.123456789'), false], // example B.37
    ['00200010', attribute('SH', '𠮷'.repeat(16)), true],
    ['00400241', attribute('AE', 'x'.repeat(17)), false],
    ['00080060', attribute('CS', 'ct'), false],
    ['00400244', attribute('DA', '20240229'), true],
    ['00400244', attribute('DA', '20250229'), false],
    ['00400244', attribute('DA', '2025-01-02'), false],
    ['00400245', attribute('TM', '2359'), true],
    ['00400245', attribute('TM', '235960.123456'), true],
    ['00400245', attribute('TM', '246000'), false],
    ['00400280', attribute('ST', 'x'.repeat(1025)), false],
  ])('%s: %j fits: %p', (tag, value, fits) => {
    expect(told(checkCreate(withAttribute(fullCreate(), [tag], value)))).toEqual(fits ? [] : [`INVALID_VALUE ${tag}`]);
  });

  test('a UID inside an item (two dots, example B.37)', () => {
    const create = withAttribute(fullCreate(), ['00400270', '0020000D'], attribute('UI', '1.2..3'));
    expect(told(checkCreate(create))).toEqual(['INVALID_VALUE 00400270.0020000D']);
  });

  test.each([
    ['1.2.3', 0],
    ['2.25.0', 0],
    ['1.02', 1],
    ['1..2', 1],
    ['', 1],
    ['abc', 1],
    [`1.${'2'.repeat(63)}`, 1],
  ])('the UID of the instance: %p has %i issues, 0117H', (uid, count) => {
    const issues = checkInstanceUid(uid);
    expect(issues).toHaveLength(count);
    if (count > 0) expect(failureOfIssues(issues).code).toBe('INVALID_UID');
  });
});

describe('N-SET (PS3.4 F.7.2.2)', () => {
  const all = new Set(MPPS_ATTRIBUTES.keys());

  test('everything settable passes at once', () => {
    expect(checkUpdate(fullUpdate(), all)).toEqual([]);
    expect(checkUpdate(fullUpdate(), undefined)).toEqual([]);
  });

  const top = [...MPPS_ATTRIBUTES.values()].filter(({ tag }) => tag !== '00080005');
  test.each(top.map((row): [string, MppsAttribute] => [row.tag, row]))('%s is settable or 0105H', (tag, row) => {
    const issues = told(checkUpdate(dataSetOf({ [tag]: sampleOf(row) }), all));
    expect(issues).toEqual(row.set === undefined ? [`NO_SUCH_ATTRIBUTE ${tag}`] : []);
  });

  test.each(top.map((row): [string, MppsAttribute] => [row.tag, row]))('%s is 0105H if not created', (tag, row) => {
    const update = dataSetOf({ [tag]: sampleOf(row) });
    expect(told(checkUpdate(update, new Set()))).toEqual([`NO_SUCH_ATTRIBUTE ${tag}`]);
  });

  test('Specific Character Set goes with every message', () => {
    expect(checkUpdate(dataSetOf({ '00080005': attribute('CS', 'ISO_IR 192') }), new Set())).toEqual([]);
  });

  const needed = SETTABLE.filter(([, path, { set }]) => path.length > 1 && (set === '1' || set === '2'));
  test.each(needed)('a sequence is whole: %s must be in its item', (name, path, { set, vr }) => {
    expect(told(checkUpdate(withAttribute(fullUpdate(), path, undefined), all))).toEqual([`MISSING_ATTRIBUTE ${name}`]);
    const empty = told(checkUpdate(withAttribute(fullUpdate(), path, attribute(vr)), all));
    expect(empty).toEqual(set === '1' ? [`MISSING_VALUE ${name}`] : []);
  });

  test.each(SETTABLE.filter(([, path]) => path.length === 1))(
    '%s empty: 3/1 is 0121H, 3/2 and 3/3 pass',
    (tag, _path, row) => {
      if (tag === '00080005') return;
      const issues = told(checkUpdate(dataSetOf({ [tag]: attribute(row.vr) }), all));
      const nonEmpty = ['00400252', '00400250', '00400251', '00400340'].includes(tag);
      expect(issues).toEqual(nonEmpty ? [`MISSING_VALUE ${tag}`] : []);
    },
  );

  test.each(['IN PROGRESS', 'COMPLETED', 'DISCONTINUED'])('%s is a state', (state) => {
    expect(checkUpdate(statusOnly(state), all)).toEqual([]);
  });

  test.each(['SCHEDULED', 'CANCELED', 'completed'])('%s is none: 0106H', (state) => {
    expect(failureOfIssues(checkUpdate(statusOnly(state), all))).toMatchObject({
      code: 'INVALID_VALUE',
      attributes: ['00400252'],
    });
  });
});

describe('the final state (PS3.4 F.7.2.2.2)', () => {
  const FINAL: readonly Tag[] = ['00400250', '00400251', '00400340'];
  const full = fullUpdate();
  const last = (tags: readonly Tag[]): DataSet =>
    Object.assign(statusOnly('COMPLETED'), Object.fromEntries(tags.map((tag) => [tag, full[tag]])));

  test.each(FINAL)('%s is needed, by this message or an earlier one', (tag) => {
    const others = FINAL.filter((other) => other !== tag);
    const missing = checkFinal({ tags: new Set(), modifications: last(others) });
    expect(told(missing)).toEqual([`MISSING_VALUE ${tag}`]);
    expect(checkFinal({ tags: new Set([tag]), modifications: last(others) })).toEqual([]);
    expect(checkFinal({ tags: new Set(others), modifications: last([tag]) })).toEqual([]);
  });

  test('what the last message empties is missing again', () => {
    const modifications = Object.assign(last(FINAL), { '00400250': attribute('DA') });
    expect(told(checkFinal({ tags: new Set(FINAL), modifications }))).toEqual(['MISSING_VALUE 00400250']);
  });

  test('what the final column asks of the items, N-CREATE and N-SET ask already', () => {
    for (const [, path, row] of ROWS.filter(([, path, { final }]) => final !== undefined && path.length > 1)) {
      expect([path, row.create, row.set]).toEqual([path, row.final, row.final]);
    }
  });
});

describe('states (PS3.4 F.7.2)', () => {
  test.each<[string, string | undefined, boolean]>([
    ['IN PROGRESS', 'IN PROGRESS', false],
    ['COMPLETED', 'COMPLETED', true],
    ['DISCONTINUED', 'DISCONTINUED', true],
    ['DISCONTINUED ', 'DISCONTINUED', true],
    ['SCHEDULED', undefined, false],
  ])('%p', (text, state, final) => {
    expect(stateOf(statusOnly(text))).toBe(state);
    expect(isFinal(stateOf(statusOnly(text)))).toBe(final);
  });

  test('a message need not name one', () => {
    expect(stateOf(createDataSet())).toBeUndefined();
    expect(stateOf(dataSetOf({ '00400252': attribute('CS') }))).toBeUndefined();
  });
});

describe('the failure of a message', () => {
  const issue = (code: MppsIssue['code'], ...path: Tag[]): MppsIssue => ({ code, path, text: `${path.join('.')} x` });

  test('has the first code by precedence and all attributes of it', () => {
    const failure = failureOfIssues([
      issue('MISSING_VALUE', '00400244'),
      issue('MISSING_ATTRIBUTE', '00400270', '0020000D'),
      issue('MISSING_ATTRIBUTE', '00400270', '00080050'),
      issue('MISSING_ATTRIBUTE', '00100010'),
    ]);
    expect(failure).toMatchObject({
      code: 'MISSING_ATTRIBUTE',
      attributes: ['00400270', '00100010'],
      retry: 'permanent',
    });
    expect(failure.message).toBe('00400270.0020000D x; 00400270.00080050 x; 00100010 x');
  });

  test.each<[MppsIssue['code'], MppsIssue['code']]>([
    ['INVALID_UID', 'NO_SUCH_ATTRIBUTE'],
    ['NO_SUCH_ATTRIBUTE', 'INVALID_VALUE'],
    ['INVALID_VALUE', 'MISSING_ATTRIBUTE'],
    ['MISSING_ATTRIBUTE', 'MISSING_VALUE'],
  ])('%s goes before %s', (first, second) => {
    expect(failureOfIssues([issue(second, '00400244'), issue(first, '00400245')]).code).toBe(first);
  });

  test('tells ten and counts the rest', () => {
    const issues = Array.from({ length: 14 }, (_each, i) => issue('MISSING_VALUE', `004002${10 + i}`));
    expect(failureOfIssues(issues).message).toMatch(/^(?:\S+ x; ){10}and 4 more$/);
  });

  test('an empty N-CREATE lists all type 1 and 2 attributes in one answer', () => {
    const { code, attributes } = failureOfIssues(checkCreate(createDataSet()));
    const expected = [...MPPS_ATTRIBUTES.values()].filter(({ create }) => create === '1' || create === '2');
    expect([code, attributes]).toEqual(['MISSING_ATTRIBUTE', expected.map(({ tag }) => tag)]);
    expect(checkCreate(leastCreate()).length).toBeGreaterThan(0);
  });
});
