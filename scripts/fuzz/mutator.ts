/** Changes good inputs into bad ones. The same seed and pool give the same inputs. */
import type { Random } from '../../test/support/spool-faults/random.ts';
import type { FuzzTarget } from './target.ts';

/** Of one input; enough that a reader whose time grows with the square of it takes more than a second. */
export const MAXIMUM_INPUT_BYTES = 512 * 1024;
/** Of a long run, which only one input in many has. */
const LONG_RUN_BYTES = 256 * 1024;
const LONG_RUN_CHANCE = 0.01;
/** One input in so many is good but for one value, in which one character comes very often. */
const STRETCH_CHANCE = 0.03;
const SHORT_RUN_BYTES = 2_000;
const DEEPEST = 20_000;
const MAXIMUM_CHANGES = 6;

const INTERESTING_BYTES = [
  0x00, 0x01, 0x09, 0x0a, 0x0d, 0x20, 0x22, 0x2a, 0x30, 0x3a, 0x5c, 0x5e, 0x7f, 0x80, 0xc0, 0xff,
];
const INTERESTING_NUMBERS = [
  0, 1, 2, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff,
];
const INTERESTING_DIGITS = [
  '0',
  '-1',
  '1',
  '65536',
  '2147483648',
  '4294967296',
  '9007199254740993',
  '1e400',
  '99999999999999999999999',
];

type Change = (input: Buffer, random: Random) => Buffer;

export class Mutator {
  readonly #seeds: readonly Buffer[];
  readonly #tokens: readonly Buffer[];
  readonly #brackets: readonly (readonly [Buffer, Buffer])[];
  readonly #changes: readonly Change[];

  constructor({ seeds, tokens, brackets = [] }: Pick<FuzzTarget, 'seeds' | 'tokens' | 'brackets'>) {
    this.#seeds = seeds();
    this.#tokens = tokens.map((token) => Buffer.from(token));
    this.#brackets = brackets.map(([open, close]) => [Buffer.from(open), Buffer.from(close)]);
    this.#changes = [
      ...[flipBit, setByte, setNumber, moveNumber, setDigits, cutOut, cutOff, repeatPart, addNoise],
      ...[this.#addToken, this.#addToken, this.#setToken, this.#repeatToken, this.#nest],
    ];
  }

  /** @param pool inputs to begin with; never empty */
  mutate(pool: readonly Buffer[], random: Random): Buffer {
    if (random.chance(STRETCH_CHANCE)) return stretch(random.pick(this.#seeds), random);
    let input: Buffer = Buffer.from(random.pick(random.chance(0.3) ? this.#seeds : pool));
    if (pool.length > 1 && random.chance(0.1)) input = splice(input, random.pick(pool), random);
    for (let changes = random.integer(1, MAXIMUM_CHANGES); changes > 0; changes--) {
      input = random.pick(this.#changes)(input, random);
    }
    return input.subarray(0, MAXIMUM_INPUT_BYTES);
  }

  readonly #addToken: Change = (input, random) => {
    const at = random.integer(0, input.length);
    return Buffer.concat([input.subarray(0, at), random.pick(this.#tokens), input.subarray(at)]);
  };

  readonly #setToken: Change = (input, random) => {
    const token = random.pick(this.#tokens);
    const at = random.integer(0, input.length);
    return Buffer.concat([input.subarray(0, at), token, input.subarray(at + token.length)]);
  };

  readonly #repeatToken: Change = (input, random) => {
    const at = random.integer(0, input.length);
    // One character over and over is what patterns stumble over.
    const part = random.chance(0.5) ? Buffer.of(random.pick(INTERESTING_BYTES)) : random.pick(this.#tokens);
    return Buffer.concat([input.subarray(0, at), run(part, random), input.subarray(at)]);
  };

  readonly #nest: Change = (input, random) => {
    if (this.#brackets.length === 0) return repeatPart(input, random);
    const [open, close] = random.pick(this.#brackets);
    const depth = Math.min(
      random.chance(0.1) ? DEEPEST : random.integer(1, 300),
      Math.floor(LONG_RUN_BYTES / (open.length + close.length)),
    );
    const at = random.integer(0, input.length);
    const end = random.chance(0.5) ? at : random.integer(at, input.length);
    return Buffer.concat([
      ...[input.subarray(0, at), repeated(open, depth), input.subarray(at, end)],
      ...[random.chance(0.8) ? repeated(close, depth) : Buffer.alloc(0), input.subarray(end)],
    ]);
  };
}

function flipBit(input: Buffer, random: Random): Buffer {
  if (input.length === 0) return input;
  const at = random.integer(0, input.length - 1);
  input[at] = (input[at] as number) ^ (1 << random.integer(0, 7));
  return input;
}

function setByte(input: Buffer, random: Random): Buffer {
  if (input.length === 0) return input;
  input[random.integer(0, input.length - 1)] = random.chance(0.5)
    ? random.pick(INTERESTING_BYTES)
    : random.integer(0, 255);
  return input;
}

function setNumber(input: Buffer, random: Random): Buffer {
  const size = random.pick([1, 2, 4]);
  if (input.length < size) return input;
  const at = random.integer(0, input.length - size);
  const number = random.pick(INTERESTING_NUMBERS) % 256 ** size;
  if (random.chance(0.5)) input.writeUIntBE(number, at, size);
  else input.writeUIntLE(number, at, size);
  return input;
}

/** Lengths that are a little wrong. */
function moveNumber(input: Buffer, random: Random): Buffer {
  const size = random.pick([1, 2, 4]);
  if (input.length < size) return input;
  const at = random.integer(0, input.length - size);
  const by = random.integer(-35, 35);
  const bigEndian = random.chance(0.5);
  const number = bigEndian ? input.readUIntBE(at, size) : input.readUIntLE(at, size);
  const moved = (number + by + 256 ** size) % 256 ** size;
  if (bigEndian) input.writeUIntBE(moved, at, size);
  else input.writeUIntLE(moved, at, size);
  return input;
}

/** A number in digits becomes another. */
function setDigits(input: Buffer, random: Random): Buffer {
  const from = random.integer(0, input.length);
  const isDigit = (at: number): boolean => (input[at] ?? 0) >= 0x30 && (input[at] ?? 0) <= 0x39;
  let begin = from;
  while (begin < input.length && !isDigit(begin)) begin++;
  let end = begin;
  while (isDigit(end)) end++;
  return Buffer.concat([input.subarray(0, begin), Buffer.from(random.pick(INTERESTING_DIGITS)), input.subarray(end)]);
}

function cutOut(input: Buffer, random: Random): Buffer {
  const at = random.integer(0, input.length);
  return Buffer.concat([input.subarray(0, at), input.subarray(at + lengthOf(random))]);
}

function cutOff(input: Buffer, random: Random): Buffer {
  return random.chance(0.3) ? input.subarray(0, random.integer(0, input.length)) : input;
}

function repeatPart(input: Buffer, random: Random): Buffer {
  const at = random.integer(0, input.length);
  const part = input.subarray(at, at + (random.chance(0.3) ? 1 : random.integer(1, 40)));
  return Buffer.concat([input.subarray(0, at), run(part, random), input.subarray(at)]);
}

function addNoise(input: Buffer, random: Random): Buffer {
  const at = random.integer(0, input.length);
  const noise = Buffer.from(Array.from({ length: random.integer(1, 16) }, () => random.integer(0, 255)));
  return Buffer.concat([input.subarray(0, at), noise, input.subarray(at)]);
}

/** What patterns stumble over that look at each place of a run anew. */
function stretch(input: Buffer, random: Random): Buffer {
  let at = random.integer(0, input.length);
  while (at < input.length && !(isText(input[at - 1]) && isText(input[at]))) at++;
  const middle = Buffer.alloc(random.integer(LONG_RUN_BYTES / 4, LONG_RUN_BYTES), random.pick(INTERESTING_BYTES));
  return Buffer.concat([input.subarray(0, at), middle, input.subarray(at)]);
}

/** A letter or digit. */
function isText(byte = 0): boolean {
  return (byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a);
}

function splice(input: Buffer, other: Buffer, random: Random): Buffer {
  return Buffer.concat([
    input.subarray(0, random.integer(0, input.length)),
    other.subarray(random.integer(0, other.length)),
  ]);
}

function lengthOf(random: Random): number {
  return random.chance(0.2) ? random.integer(1, 1_000) : random.integer(1, 24);
}

/** A few times mostly, seldom very often. */
function run(part: Buffer, random: Random): Buffer {
  if (part.length === 0) return part;
  const bytes = random.chance(LONG_RUN_CHANCE)
    ? LONG_RUN_BYTES
    : random.chance(0.1)
      ? SHORT_RUN_BYTES
      : part.length * 4;
  return repeated(part, random.integer(1, Math.max(1, Math.floor(bytes / part.length))));
}

function repeated(part: Buffer, times: number): Buffer {
  return Buffer.alloc(part.length * times, part);
}
