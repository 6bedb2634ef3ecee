/** What the values of a VR look like (PS3.5 6.2), for the VRs of the MPPS tables. */
import type { Attribute, Value, Vr } from '../../dataset/model.ts';
import { isUid } from '../../dataset/uid.ts';

interface Shape {
  readonly says: string;
  readonly fits: (text: string) => boolean;
}

const SHAPES: Readonly<Partial<Record<Vr, Shape>>> = {
  AE: atMost(16),
  SH: atMost(16),
  LO: atMost(64),
  ST: atMost(1024),
  CS: { says: 'at most 16 of A-Z, 0-9, space and underscore', fits: (text) => /^[A-Z0-9 _]{1,16}$/.test(text) },
  DA: { says: 'a date as YYYYMMDD', fits: isDate },
  TM: { says: 'a time as HHMMSS.FFFFFF', fits: (text) => TIME.test(text.trimEnd()) },
  UI: { says: 'a UID of at most 64 characters', fits: isUid },
};

const TIME = /^(?:[01]\d|2[0-3])(?:[0-5]\d(?:(?:[0-5]\d|60)(?:\.\d{1,6})?)?)?$/;

/** What the VR wants where a value does not fit it, undefined when every one fits. Never quotes the value. */
export function misfitOf(attribute: Attribute): string | undefined {
  const shape = SHAPES[attribute.vr];
  if (shape === undefined) return undefined;
  const fits = (value: Value): boolean => value === null || (typeof value === 'string' && shape.fits(value));
  return (attribute.Value ?? []).every(fits) ? undefined : `${attribute.vr} is ${shape.says}`;
}

function atMost(characters: number): Shape {
  return { says: `at most ${characters} characters`, fits: (text) => [...text].length <= characters };
}

function isDate(text: string): boolean {
  const [, year, month, day] = /^(\d{4})(\d{2})(\d{2})$/.exec(text) ?? [];
  const date = new Date(`${year}-${month}-${day}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && date.getUTCDate() === Number(day);
}
