/** Stations, their classes and their places: texts on the worklist, codes in a workitem (IHE EBIW, Table 4.130.4.1.2-2). */
import { attribute, firstText, itemsOf } from '../../dataset/model.ts';
import type { Attribute, DataSet, Tag } from '../../dataset/model.ts';
import { CODE, codeItem } from './attributes.ts';
import { meaningOfModality } from './modalities.ts';

export interface StationOptions {
  /** Coding Scheme Designator of AE titles and locations as codes. */
  readonly stationScheme: string;
  /** Where a station code has the AE title; default `value`. */
  readonly stationAeTitle?: 'value' | 'meaning';
}

/** AE and the value of a code are as long (PS3.5 6.2). */
const MAXIMUM_CHARACTERS = 16;

/** A code sequence for the texts of an attribute, one item each; empty where there is none. */
export function codesOf(texts: Attribute | undefined, codeOf: (text: string) => DataSet): Attribute {
  const values = (texts?.Value ?? []).filter((value) => typeof value === 'string');
  const known = values.map((value) => value.trim()).filter((value) => value !== '');
  return attribute('SQ', ...known.map(codeOf));
}

/** @param name what the code means where the AE title need not stand there */
export function stationCode(aeTitle: string, options: StationOptions, name?: string): DataSet {
  const meaning = options.stationAeTitle === 'meaning' ? aeTitle : (name ?? aeTitle);
  return codeItem({ value: aeTitle, scheme: options.stationScheme, meaning });
}

/** AE titles of station codes; a code that has none where it is looked for may have it in the other place. */
export function aeTitlesOf(codes: Attribute | undefined, options: StationOptions): string[] {
  const places: readonly Tag[] =
    options.stationAeTitle === 'meaning' ? [CODE.meaning, CODE.value] : [CODE.value, CODE.meaning];
  return itemsOf(codes).flatMap((code) => {
    const texts = places.map((tag) => firstText(code, tag)?.trim() ?? '');
    const title = texts.find((text) => text !== '' && Array.from(text).length <= MAXIMUM_CHARACTERS);
    return title === undefined ? [] : [title];
  });
}

export function modalityCode(modality: string): DataSet {
  return codeItem({ value: modality, scheme: 'DCM', meaning: meaningOfModality(modality) });
}

/** Modality of the first code of a station's class. */
export function modalityOf(codes: Attribute | undefined): string | undefined {
  return itemsOf(codes)
    .map((code) => firstText(code, CODE.value)?.trim())
    .find((value) => value !== undefined && value !== '');
}

/** A text where a code has to stand: a place, or what is to be done. */
export function localCode(text: string, options: StationOptions): DataSet {
  const value = Array.from(text).slice(0, MAXIMUM_CHARACTERS).join('').trim();
  return codeItem({ value, scheme: options.stationScheme, meaning: text });
}

/** Text of the first code of a place. */
export function locationOf(codes: Attribute | undefined): string | undefined {
  const [code] = itemsOf(codes);
  return code === undefined ? undefined : (firstText(code, CODE.meaning) ?? firstText(code, CODE.value));
}
