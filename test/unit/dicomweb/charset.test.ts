import { describe, expect, test } from '@jest/globals';
import { CHARSETS, UTF_8, charsetOf, encodeText, transcodeToUtf8 } from '../../../src/dicomweb/charset.ts';
import type { Charset } from '../../../src/dicomweb/charset.ts';

/** A text each set of Table 8.8-1 can hold. */
const SAMPLES: Record<string, string> = {
  'utf-8': '山田 김 Ж',
  'iso-8859-1': 'Müller Åse',
  'iso-8859-2': 'Dvořák Łódź',
  'iso-8859-3': 'Ĝis Ħamrun',
  'iso-8859-4': 'Ķēniņš',
  'iso-8859-5': 'Люкceмбypг',
  'iso-8859-6': 'قباني',
  'iso-8859-7': 'Διονυσιος',
  'iso-8859-8': 'שרון',
  'iso-8859-9': 'Çavuşoğlu',
  'iso-8859-15': 'Œuvre €',
  'tis-620': 'สมชาย',
  gb18030: '王小东 𠮷',
  gbk: '王小东',
};

describe('character sets on the web (PS3.18 Table 8.8-1)', () => {
  test.each(CHARSETS.map((charset): [string, Charset] => [charset.name, charset]))(
    '%s carries its text',
    async (name, charset) => {
      const text = SAMPLES[name] ?? '';
      const bytes = encodeText(text, charset);
      expect(bytes).toBeDefined();
      const chunks = async function* (): AsyncGenerator<Uint8Array> {
        for (const byte of bytes ?? []) yield Uint8Array.of(byte);
      };
      const decoded: Uint8Array[] = [];
      for await (const chunk of transcodeToUtf8(chunks(), name) ?? []) decoded.push(chunk);
      expect(Buffer.concat(decoded).toString('utf8')).toBe(text);
    },
  );

  test('a character the set does not have is told, not replaced', () => {
    expect(encodeText('山', charsetOf('iso-8859-1') ?? UTF_8)).toBeUndefined();
    expect(encodeText('why?', charsetOf('iso-8859-1') ?? UTF_8)).toEqual(Buffer.from('why?'));
  });
});
