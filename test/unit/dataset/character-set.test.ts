import { describe, expect, test } from '@jest/globals';
import {
  characterSetOf,
  chooseCharacterSet,
  decodeText,
  encodeText,
  parseCharacterSet,
  termsFromCharacterSetName,
} from '../../../src/dataset/character-set.ts';
import type { TextProblem } from '../../../src/dataset/character-set.ts';
import { attribute, dataSetOf } from '../../../src/dataset/model.ts';
import type { Vr } from '../../../src/dataset/model.ts';

const ESC = '\x1b';
/** Bytes as Latin-1 text. */
const raw = (text: string): Buffer => Buffer.from(text, 'latin1');

function decode(bytes: Buffer, terms: readonly string[], vr: Vr): { text: string; problems: TextProblem[] } {
  const problems: TextProblem[] = [];
  return { text: decodeText(bytes, terms, vr, (problem) => problems.push(problem)), problems };
}

const JAPANESE_SINGLE_BYTE = ['ISO 2022 IR 13', 'ISO 2022 IR 87'];

/** Set, VR, Unicode, bytes as Latin-1: read and written exactly so. */
const EXAMPLES: readonly (readonly [string, readonly string[], Vr, string, Buffer])[] = [
  [
    'PS3.5 H.3.1, Japanese after ASCII',
    ['', 'ISO 2022 IR 87'],
    'PN',
    'Yamada^Tarou=山田^太郎=やまだ^たろう',
    raw(`Yamada^Tarou=${ESC}$B;3ED${ESC}(B^${ESC}$BB@O:${ESC}(B=${ESC}$B$d$^$@${ESC}(B^${ESC}$B$?$m$&${ESC}(B`),
  ],
  [
    'PS3.5 H.3.2, Japanese after JIS X 0201',
    JAPANESE_SINGLE_BYTE,
    'PN',
    'ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう',
    raw(
      `\xd4\xcf\xc0\xde^\xc0\xdb\xb3=${ESC}$B;3ED${ESC}(J^${ESC}$BB@O:${ESC}(J=` +
        `${ESC}$B$d$^$@${ESC}(J^${ESC}$B$?$m$&${ESC}(J`,
    ),
  ],
  [
    'PS3.5 I.2, Korean',
    ['', 'ISO 2022 IR 149'],
    'PN',
    'Hong^Gildong=洪^吉洞=홍^길동',
    raw(`Hong^Gildong=${ESC}$)C\xfb\xf3^${ESC}$)C\xd1\xce\xd4\xd7=${ESC}$)C\xc8\xab^${ESC}$)C\xb1\xe6\xb5\xbf`),
  ],
  [
    'PS3.5 I.3, Korean text of several lines',
    ['', 'ISO 2022 IR 149'],
    'LT',
    'The 1st line includes 길동.\r\nThe 2nd line includes 길동, too.\r\nThe 3rd line',
    raw(
      `The 1st line includes ${ESC}$)C\xb1\xe6\xb5\xbf.\r\n` +
        `The 2nd line includes ${ESC}$)C\xb1\xe6\xb5\xbf, too.\r\nThe 3rd line`,
    ),
  ],
  ['PS3.5 J.1, UTF-8', ['ISO_IR 192'], 'PN', 'Wang^XiaoDong=王^小東', Buffer.from('57616e675e5869616f446f6e673de78e8b5ee5b08fe69db1', 'hex')], // prettier-ignore
  ['PS3.5 J.2, GB18030', ['GB18030'], 'PN', 'Wang^XiaoDong=王^小东', raw('Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab')],
  ['PS3.5 J.4, GBK', ['GBK'], 'PN', 'Wang^XiaoDong=王^小东', raw('Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab')],
  [
    'PS3.5 K.2, Chinese with code extensions',
    ['', 'ISO 2022 IR 58'],
    'PN',
    'Zhang^XiaoDong=张^小东',
    raw(`Zhang^XiaoDong=${ESC}$)A\xd5\xc5^${ESC}$)A\xd0\xa1\xb6\xab`),
  ],
  ['JIS X 0212', ['', 'ISO 2022 IR 87', 'ISO 2022 IR 159'], 'LO', '山丂a', raw(`${ESC}$B;3${ESC}$(D0!${ESC}(Ba`)],
  ['Latin-1', ['ISO_IR 100'], 'PN', 'Buc^Jérôme', raw('Buc^J\xe9r\xf4me')],
  ['Latin-1, German', ['ISO_IR 100'], 'PN', 'Äneas^Rüdiger', raw('\xc4neas^R\xfcdiger')],
  ['Latin-2', ['ISO_IR 101'], 'PN', 'Wałęsa', raw('Wa\xb3\xeasa')],
  ['Latin-3', ['ISO_IR 109'], 'LO', 'Ħaġar', raw('\xa1a\xf5ar')],
  ['Latin-4', ['ISO_IR 110'], 'LO', 'Šķirne', raw('\xa9\xf3irne')],
  ['Cyrillic', ['ISO_IR 144'], 'PN', 'Люкceмбypг', raw('\xbb\xee\xdace\xdc\xd1yp\xd3')],
  ['Arabic', ['ISO_IR 127'], 'PN', 'قباني^لنزار', raw('\xe2\xc8\xc7\xe6\xea^\xe4\xe6\xd2\xc7\xd1')],
  ['Greek', ['ISO_IR 126'], 'PN', 'Διονυσιος', raw('\xc4\xe9\xef\xed\xf5\xf3\xe9\xef\xf2')],
  ['Hebrew', ['ISO_IR 138'], 'PN', 'שרון^דבורה', raw('\xf9\xf8\xe5\xef^\xe3\xe1\xe5\xf8\xe4')],
  ['Turkish', ['ISO_IR 148'], 'PN', 'Çavuşoğlu', raw('\xc7avu\xfeo\xf0lu')],
  ['Latin-9', ['ISO_IR 203'], 'LO', '€ Œuvre', raw('\xa4 \xbcuvre')],
  ['Thai', ['ISO_IR 166'], 'PN', 'นามสกุล', raw('\xb9\xd2\xc1\xca\xa1\xd8\xc5')],
  ['JIS X 0201', ['ISO_IR 13'], 'PN', 'ﾔﾏﾀﾞ^ﾀﾛｳ', raw('\xd4\xcf\xc0\xde^\xc0\xdb\xb3')],
  [
    'two single-byte sets: the first is active again after a delimiter (PS3.5 6.1.2.5.3)',
    ['ISO 2022 IR 100', 'ISO 2022 IR 144'],
    'PN',
    'é^Лю^é',
    raw(`\xe9^${ESC}-L\xbb\xee${ESC}-A^\xe9`),
  ],
  [
    'a backslash as part of text',
    ['', 'ISO 2022 IR 87'],
    'LT',
    '山\\田',
    raw(`${ESC}$B;3${ESC}(B\\${ESC}$BED${ESC}(B`),
  ],
];

test.each<[string, readonly string[], Vr, string, string]>([
  ['^ in a name', ['ISO 2022 IR 100', 'ISO 2022 IR 144'], 'PN', `${ESC}-L\xd0^\xfc`, 'а^ü'],
  ['a backslash between values', ['ISO 2022 IR 100', 'ISO 2022 IR 144'], 'LO', `${ESC}-L\xd0\\\xfc`, 'а\\ü'],
  ['no backslash within one text', ['ISO 2022 IR 100', 'ISO 2022 IR 144'], 'LT', `${ESC}-L\xd0\\\xd0`, 'а\\а'],
  ['the end of a line', ['', 'ISO 2022 IR 87'], 'LT', `${ESC}$B;3\r\nabcd`, '山\r\nabcd'],
])(
  'the first set is active again after %s, even without an escape (PS3.5 6.1.2.5.3)',
  (_after, terms, vr, bytes, text) => {
    expect(decodeText(raw(bytes), terms, vr)).toBe(text);
  },
);

describe('character sets, both ways (PS3.5 6.1, Annexes H to K)', () => {
  test.each(EXAMPLES)('%s', (_name, terms, vr, text, bytes) => {
    expect(decode(bytes, terms, vr)).toEqual({ text, problems: [] });
    expect(encodeText(text, terms, vr)).toEqual(bytes);
  });

  test('every character of a set is read back as written', () => {
    for (const number of ['100', '101', '109', '110', '144', '127', '126', '138', '148', '203', '166', '13']) {
      const terms = [`ISO_IR ${number}`];
      let characters = 0;
      for (let byte = 0xa0; byte <= 0xff; byte++) {
        const { text, problems } = decode(Buffer.of(byte), terms, 'LO');
        if (problems.length > 0) continue; // a hole in the set
        expect(encodeText(text, terms, 'LO')).toEqual(Buffer.of(byte));
        characters++;
      }
      expect(characters).toBeGreaterThan(40);
    }
  });

  test('vendor additions to JIS X 0208, KS X 1001 and GB 2312 are read but not written', () => {
    expect(decode(raw(`${ESC}$B-!${ESC}(B`), ['', 'ISO 2022 IR 87'], 'LO').text).toBe('①');
    expect(encodeText('①', ['', 'ISO 2022 IR 87'], 'LO')).toBeUndefined();
    expect(encodeText('똠', ['', 'ISO 2022 IR 149'], 'LO')).toBeUndefined();
    expect(encodeText('東', ['', 'ISO 2022 IR 58'], 'LO')).toBeUndefined();
    expect(encodeText('ⅰ', ['', 'ISO 2022 IR 58'], 'LO')).toBeUndefined();
  });

  test('characters that JIS and Microsoft map differently are written as the same code', () => {
    expect(encodeText('〜', ['', 'ISO 2022 IR 87'], 'LO')).toEqual(encodeText('～', ['', 'ISO 2022 IR 87'], 'LO'));
  });

  test('a character the set lacks is not encodable, an escape character neither', () => {
    expect(encodeText('ж', ['ISO_IR 100'], 'LO')).toBeUndefined();
    expect(encodeText('ж', ['GBK'], 'LO')).toBeDefined();
    expect(encodeText('😀', ['GBK'], 'LO')).toBeUndefined();
    expect(encodeText('😀', ['GB18030'], 'LO')).toBeDefined();
    expect(encodeText(`a${ESC}b`, ['ISO_IR 100'], 'LO')).toBeUndefined();
    expect(encodeText('\ud800', ['ISO_IR 192'], 'LO')).toBeUndefined();
  });
});

describe('lenient reading', () => {
  const problemsOf = (bytes: Buffer, terms: readonly string[]) => decode(bytes, terms, 'LO');

  test('bytes beyond ASCII without a set are UTF-8 when they are just that, else Latin-1, and reported', () => {
    expect(problemsOf(raw('M\xfcller'), [])).toEqual({ text: 'Müller', problems: ['CHARACTER_SET_MISSING'] });
    expect(problemsOf(Buffer.from('Müller 山'), [])).toEqual({
      text: 'Müller 山',
      problems: ['CHARACTER_SET_MISSING'],
    });
  });

  test('an escape of a set that is not declared is obeyed and reported', () => {
    expect(problemsOf(raw(`${ESC}$B;3${ESC}(B`), ['ISO_IR 100'])).toMatchObject({ text: '山', problems: expect.arrayContaining(['ESCAPE_UNDECLARED']) as unknown }); // prettier-ignore
  });

  test('Korean without its escape sequence is understood when only one set can be meant', () => {
    expect(problemsOf(raw('\xb1\xe6\xb5\xbf'), ['', 'ISO 2022 IR 149'])).toEqual({ text: '길동', problems: [] });
    expect(problemsOf(raw('\xb1\xe6\xb5\xbf'), ['ISO 2022 IR 149'])).toEqual({ text: '길동', problems: [] });
  });

  test('undecodable bytes become U+FFFD, the text around them stays, and it is reported', () => {
    expect(problemsOf(raw('a\xffb'), ['ISO_IR 192'])).toEqual({ text: 'a\ufffdb', problems: ['TEXT_UNDECODABLE'] });
    expect(problemsOf(raw('a\xffb'), ['ISO_IR 166'])).toEqual({ text: 'a\ufffdb', problems: ['TEXT_UNDECODABLE'] });
    expect(problemsOf(raw(`a${ESC}%b`), ['', 'ISO 2022 IR 87'])).toEqual({ text: 'a\ufffd%b', problems: ['TEXT_UNDECODABLE'] }); // prettier-ignore
    expect(problemsOf(raw(`${ESC}$)C\xb1`), ['', 'ISO 2022 IR 149'])).toEqual({ text: '\ufffd', problems: ['TEXT_UNDECODABLE'] }); // prettier-ignore
    expect(problemsOf(raw(`${ESC}$)C\xb1\\b`), ['', 'ISO 2022 IR 149']).text).toBe('\ufffd\\b');
  });

  test.each([
    [['ISO_IR 100'], ['ISO_IR 100'], false],
    [['ISO_IR 6'], [], false],
    [[''], [], false],
    [['ISO_IR192'], ['ISO_IR 192'], true],
    [['iso_ir 100'], ['ISO_IR 100'], true],
    [['ISO-IR 101'], ['ISO_IR 101'], true],
    [['UTF-8'], ['ISO_IR 192'], true],
    [['ISO_8859-1'], ['ISO_IR 100'], true],
    [['ISO 2022 IR 100'], ['ISO_IR 100'], true],
    [['ISO 2022 IR 87'], ['', 'ISO 2022 IR 87'], true],
    [['ISO_IR 100', 'ISO 2022 IR 87'], ['ISO 2022 IR 100', 'ISO 2022 IR 87'], true],
    [['ISO 2022 IR 13', 'ISO 2022 IR 87'], ['ISO 2022 IR 13', 'ISO 2022 IR 87'], false],
    [['ISO_IR 192', 'ISO_IR 100'], ['ISO_IR 192'], true],
  ])('reads 00080005 %j as %j', (terms, legal, corrected) => {
    const parsed = parseCharacterSet(terms);
    expect({ terms: parsed.set.terms, unknown: parsed.unknown, corrected: parsed.corrected }).toEqual({
      terms: legal,
      unknown: [],
      corrected,
    });
  });

  test('names unknown terms, and refuses them where we are to write', () => {
    expect(parseCharacterSet(['ISO_IR 999', 'ISO 2022 IR 87'])).toMatchObject({ unknown: ['ISO_IR 999'], corrected: true }); // prettier-ignore
    expect(() => characterSetOf(['ISO_IR 999'])).toThrow(
      expect.objectContaining({ code: 'CHARACTER_SET_UNSUPPORTED' }),
    );
  });

  test('knows the IANA names of PS3.18 Table D-1 and the defined terms', () => {
    expect(termsFromCharacterSetName('iso-8859-5')).toEqual(['ISO_IR 144']);
    expect(termsFromCharacterSetName('ISO-2022-JP')).toEqual(['ISO 2022 IR 13', 'ISO 2022 IR 87']);
    expect(termsFromCharacterSetName('ISO_IR 100')).toEqual(['ISO_IR 100']);
    expect(termsFromCharacterSetName('klingon')).toBeUndefined();
  });
});

describe('which set to write', () => {
  const name = (text: string) =>
    dataSetOf({ '00400100': attribute('SQ', dataSetOf({ '00400006': attribute('PN', { Alphabetic: text }) })) });

  test('none for ASCII, whatever the preferences', () => {
    expect(chooseCharacterSet(name('Doe'), ['ISO_IR 100'], 'fail')).toEqual({ terms: undefined, replaced: false });
  });

  test('the first preference that has every character, nested ones too', () => {
    const preferences = ['ISO_IR 100', '\\ISO 2022 IR 87', 'ISO_IR 192'];
    expect(chooseCharacterSet(name('Müller'), preferences, 'fail').terms).toEqual(['ISO_IR 100']);
    expect(chooseCharacterSet(name('山田'), preferences, 'fail').terms).toEqual(['', 'ISO 2022 IR 87']);
    expect(chooseCharacterSet(name('山田ü'), preferences, 'fail').terms).toEqual(['ISO_IR 192']);
  });

  test('otherwise UTF-8, the first preference with "?", or an error, as `unencodable` says', () => {
    expect(chooseCharacterSet(name('山'), ['ISO_IR 100'], 'utf-8')).toEqual({ terms: ['ISO_IR 192'], replaced: false });
    expect(chooseCharacterSet(name('山'), ['ISO_IR 100'], 'replace')).toEqual({
      terms: ['ISO_IR 100'],
      replaced: true,
    });
    expect(() => chooseCharacterSet(name('山'), ['ISO_IR 100'], 'fail')).toThrow(
      expect.objectContaining({ code: 'CHARACTER_UNENCODABLE', message: expect.not.stringContaining('山') as unknown }),
    );
  });

  test('UTF-8 where nobody prefers anything, or only sets that nobody knows', () => {
    expect(chooseCharacterSet(name('山'), [], 'fail')).toEqual({ terms: ['ISO_IR 192'], replaced: false });
    expect(chooseCharacterSet(name('山'), ['ISO_IR 999'], 'replace')).toEqual({
      terms: ['ISO_IR 192'],
      replaced: false,
    });
  });

  test('text of VRs that are always ASCII does not count (PS3.5 6.1.2.3)', () => {
    expect(chooseCharacterSet(dataSetOf({ '00080060': attribute('CS', 'Ü') }), [], 'utf-8').terms).toBeUndefined();
  });
});
