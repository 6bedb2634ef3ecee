/** Kinds of values that the configuration is made of; each carries its own "should be …" text and its JSON Schema. */
import { isIP } from 'node:net';
import { z } from 'zod';
import { parsePath } from '../dataset/attribute-path.ts';
import { TRANSFER_SYNTAXES } from '../dataset/binary/transfer-syntax.ts';
import { characterSetOf } from '../dataset/character-set.ts';
import { dictionaryEntries, lookupKeyword, similarKeyword } from '../dataset/dictionary.ts';
import { GatewayError } from '../errors.ts';
import { certificateMatcher } from '../services/certificate-names.ts';
import { didYouMean } from './suggest.ts';

/** Adds what the reference page and editors show. */
export function option<Schema extends z.ZodType>(schema: Schema, title: string, description: string): Schema {
  return schema.meta({ title, description });
}

const MS_PER_UNIT = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;
// setTimeout counts in 32 bits; a longer wait would end at once.
const MAXIMUM_HOURS = 596;

function durationFrom(minimumMs: number): z.ZodType<number, string> {
  return z
    .string()
    .regex(/^[0-9]{1,9}(\.[0-9]{1,3})?(ms|s|m|h)$/, {
      error: 'should be a duration with its unit, such as 500ms, 10s, 5m or 1h',
      abort: true,
    })
    .transform((text, context) => {
      const unit = text.replace(/^[0-9.]+/, '') as keyof typeof MS_PER_UNIT;
      const ms = Math.round(parseFloat(text) * MS_PER_UNIT[unit]);
      if (ms >= minimumMs && ms <= MAXIMUM_HOURS * MS_PER_UNIT.h) return ms;
      context.addIssue({ code: 'custom', message: `should be between ${minimumMs}ms and ${MAXIMUM_HOURS}h` });
      return z.NEVER;
    })
    .meta({ kind: 'duration' });
}

/** `500ms`, `10s`, `5m`, `1h`; parsed to milliseconds. */
export const duration = durationFrom(1);
export const durationOrZero = durationFrom(0);

const MS_PER_AGE_UNIT = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const MAXIMUM_DAYS = 36_500;

/** Parsed to a Date. */
export const moment = z.iso
  .datetime({ offset: true, error: 'should be a moment such as 2026-12-01T18:00:00Z' })
  .transform((text) => new Date(text))
  .meta({ kind: 'ISO 8601 date and time' });

/** `12h`, `30d`, or `keep` for ever; parsed to milliseconds, `keep` to undefined. */
export const age = z
  .string()
  .regex(/^([1-9][0-9]{0,8}(s|m|h|d)|keep)$/, {
    error: 'should be an age with its unit, such as 12h or 30d, or keep',
    abort: true,
  })
  .transform((text, context) => {
    if (text === 'keep') return undefined;
    const ms = parseInt(text, 10) * MS_PER_AGE_UNIT[text.slice(-1) as keyof typeof MS_PER_AGE_UNIT];
    if (ms <= MAXIMUM_DAYS * MS_PER_AGE_UNIT.d) return ms;
    context.addIssue({ code: 'custom', message: `should be at most ${MAXIMUM_DAYS}d, or keep` });
    return z.NEVER;
  })
  .meta({ kind: 'age' });

const BYTES_PER_UNIT = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 } as const;

/** `64KiB`, `16MiB`; parsed to bytes. */
export const size = z
  .string()
  .regex(/^[1-9][0-9]{0,8}(B|KiB|MiB|GiB)$/, 'should be a size with its unit, such as 64KiB or 16MiB')
  .transform((text) => parseInt(text, 10) * BYTES_PER_UNIT[text.replace(/^[0-9]+/, '') as keyof typeof BYTES_PER_UNIT])
  .meta({ kind: 'size' });

/** PS3.5 6.2: 1 to 16 characters of the default repertoire, no backslash, not only spaces; outer spaces say nothing. */
export const aeTitle = z
  .string()
  .regex(
    /^(?! *$)[\x20-\x5b\x5d-\x7e]{1,16}$/,
    'should be an AE title: 1 to 16 ASCII characters without backslash, not only spaces',
  )
  .transform((title) => title.trim())
  .meta({ kind: 'AE title' });

export const aeTitles = z.array(aeTitle).min(1);

/** What listeners, upstreams and routes are called. */
export const NAME_PATTERN = /^[A-Za-z][A-Za-z0-9_-]*$/;
export const NAME_RULE = 'should be a name: letters, digits, - and _, beginning with a letter';

export const name = z.string().regex(NAME_PATTERN, NAME_RULE).meta({ kind: 'name' });

export const host = z
  .string()
  // Two colons at least are IPv6; one would be `host:port`, which fails only when somebody calls.
  .regex(
    /^([A-Za-z0-9._-]+|[0-9A-Fa-f.]*:[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*(%[A-Za-z0-9._-]+)?)$/,
    'should be a host name or an IP address, without a port',
  )
  .meta({ kind: 'host' });

/** A port to listen on; 0 takes a free one. */
export const listenPort = z.int().min(0).max(65_535).meta({ kind: 'port' });

export const port = z.int().min(1).max(65_535).meta({ kind: 'port' });

function isSubnet(text: string): boolean {
  const [address = '', prefix, ...rest] = text.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0 || address.includes('%')) return false;
  return prefix === undefined || (/^(0|[1-9][0-9]{0,2})$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128));
}

/** `CN=ct1,O=Hospital` as RFC 4514 writes names, or `sha256:AB:CD:…`. */
export const certificateName = z
  .string()
  .superRefine((text, context) => {
    const problem = problemOf(() => certificateMatcher([text]));
    if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
  })
  .meta({ kind: 'certificate' });

/** An IP address, or a subnet in CIDR notation. */
export const subnet = z
  .string()
  .refine(isSubnet, 'should be an IP address or a subnet such as 10.1.0.0/16 or fd00::/8')
  .meta({ kind: 'IP address or subnet' });

/** Empty, or `/segment/segment` without a slash at the end. */
export const basePath = z
  .string()
  .regex(
    /^(\/(?!\.{1,2}(\/|$))[A-Za-z0-9._~-]+)*$/,
    'should be empty or a path such as /dicomweb, without a slash at the end',
  )
  .meta({ kind: 'path of a URL' });

/** http or https, without credentials, query and fragment; a slash at the end says nothing. */
export const baseUrl = z
  .string()
  .refine(
    (text) => /^https?:\/\/[^\s?#@\\]+$/i.test(text) && URL.canParse(text),
    'should be an http or https URL without user name, query and fragment',
  )
  .transform((text) => text.replace(/\/+$/, ''))
  .meta({ kind: 'URL', pattern: '^https?://' });

const attributePathText = z
  .string()
  .superRefine((text, context) => {
    const problem = problemOf(() => parsePath(text));
    if (problem !== undefined) context.addIssue({ code: 'custom', message: `${problem}${keywordMeant(text)}` });
  })
  .meta({ kind: 'attribute path' });

/** Every keyword is compared: for a person who waits for `check`, not for a request. */
function keywordMeant(path: string): string {
  const unknown = path
    .split('.')
    .find((step) => !/^[0-9a-f]{8}$/i.test(step) && (lookupKeyword(step) ?? similarKeyword(step)) === undefined);
  const keywords = [...dictionaryEntries()].map(({ keyword }) => keyword);
  const text = unknown === undefined ? '' : didYouMean(unknown, keywords);
  return text === '' ? '' : `.${text}`;
}

/** A keyword, a tag, or several joined by dots: `ScheduledProcedureStepSequence.Modality`, `00400100.00080060`. */
export const attributePath = attributePathText.transform((text) => parsePath(text));

/** The same, kept as the text it is, for mapping rules. */
export { attributePathText };

/** The text of Specific Character Set (0008,0005), e.g. `ISO_IR 100` or `\\ISO 2022 IR 87`. */
export const characterSet = z
  .string()
  .superRefine((text, context) => {
    const problem = problemOf(() => characterSetOf(text.split('\\')));
    if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
  })
  .meta({ kind: 'character set' });

/** What the thrown error says, with its fix; undefined when nothing is thrown. */
function problemOf(work: () => unknown): string | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    return error.fix === undefined ? error.message : `${error.message}. ${error.fix}`;
  }
}

const TRANSFER_SYNTAX_NAMES = {
  'explicit-vr-little-endian': TRANSFER_SYNTAXES.explicitVrLittleEndian,
  'implicit-vr-little-endian': TRANSFER_SYNTAXES.implicitVrLittleEndian,
  deflated: TRANSFER_SYNTAXES.deflated,
} as const;

/** A transfer syntax by the name people use; parsed to its UID. */
export const transferSyntax = z
  .enum(['explicit-vr-little-endian', 'implicit-vr-little-endian', 'deflated'])
  .transform((name) => TRANSFER_SYNTAX_NAMES[name]);

/** The name of a file; relative ones are resolved against the folder of the configuration file when it is loaded. */
export const file = z.string().min(1).meta({ kind: 'file' });

/**
 * The value of an HTTP header. It may also be given as `{ file: path }`, which the loader reads before the schema sees
 * it (`secret`); it is never printed.
 */
export const headerValue = z
  .string()
  .regex(/^[\t\x20-\x7e\x80-\xff]+$/, 'should be one line of printable text')
  .meta({ kind: 'text', secret: true });

/** A secret of one line: `{ file: path }` in its place is read. */
export const secretText = z
  .string()
  .regex(/^[\x20-\x7e\x80-\xff]+$/, 'should be one line of printable text')
  .meta({ kind: 'text', secret: true });

/** A secret too, since it may hold a password: `{ file: path }` in its place is read by the loader. */
export const postgresUrl = z
  .string()
  .refine((text) => /^postgres(ql)?:\/\/\S+$/i.test(text) && URL.canParse(text), 'should be a URL such as postgres://…')
  .meta({ kind: 'URL', secret: true });

/** What a client of the console sends as `Authorization: Bearer …` (RFC 6750 2.1); `{ file: path }` in its place is read. */
export const bearerToken = z
  .string()
  .regex(/^[A-Za-z0-9._~+/-]{16,}=*$/, 'should be a token of 16 characters or more: letters, digits and ._~+/-')
  .meta({ kind: 'text', secret: true });
