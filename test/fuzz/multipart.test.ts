import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { GatewayError } from '../../src/errors.ts';
import { createBoundary, decodeMultipart, encodeMultipartEnd, encodePartHead } from '../../src/dicomweb/multipart.ts';

/** Splits bytes at the given distances, again and again. */
async function* chunked(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length] ?? 1;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

async function decode(
  bytes: Uint8Array,
  boundary: string,
  options: { sizes?: number[]; endIsCertain?: boolean } = {},
): Promise<{ type: string | undefined; body: Buffer }[]> {
  const parts: { type: string | undefined; body: Buffer }[] = [];
  const { sizes = [bytes.length || 1], ...more } = options;
  for await (const { headers, body } of decodeMultipart(chunked(bytes, sizes), boundary, more)) {
    const pieces: Uint8Array[] = [];
    for await (const piece of body) pieces.push(piece);
    parts.push({ type: headers.get('content-type'), body: Buffer.concat(pieces) });
  }
  return parts;
}

function encode(bodies: readonly Uint8Array[], boundary: string): Buffer {
  return Buffer.concat([
    ...bodies.flatMap((body, i) => [encodePartHead(boundary, 'application/dicom+xml', body.length, i === 0), body]),
    encodeMultipartEnd(boundary),
  ]);
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  const error: unknown = await promise.catch((reason: unknown) => reason);
  return error instanceof GatewayError ? error.code : `no GatewayError: ${String(error)}`;
}

/** Bodies full of what a boundary is made of. */
const tricky = fc
  .array(fc.constantFrom('\r\n', '\n', '\r', '--', '--b', '\r\n--b', '\n--b-', '--b--', '\r\n--bx', 'x', ' ', ':'))
  .map((pieces) => Buffer.from(pieces.join('')));
const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 });

describe('multipart/related (RFC 2046 5.1.1, RFC 2387)', () => {
  test('decode(encode(x)) is x for any bodies, however the bytes arrive', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(tricky, fc.uint8Array()), { minLength: 1, maxLength: 5 }),
        sizes,
        async (bodies, size) => {
          const boundary = createBoundary();
          const parts = await decode(encode(bodies, boundary), boundary, { sizes: size });
          expect(parts.map(({ body }) => body)).toEqual(bodies.map((body) => Buffer.from(body)));
        },
      ),
      { numRuns: 300 },
    );
  });

  test('how the bytes arrive changes nothing', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(tricky, { minLength: 1 }), sizes, async (pieces, size) => {
        const bytes = Buffer.concat([Buffer.from('--b\r\n'), ...pieces, Buffer.from('\r\n--b--')]);
        const whole = await decode(bytes, 'b').catch((error: unknown) => String(error));
        const split = await decode(bytes, 'b', { sizes: size }).catch((error: unknown) => String(error));
        expect(split).toEqual(whole);
      }),
      { numRuns: 300 },
    );
  });

  test('a message cut anywhere is MULTIPART_TRUNCATED, never a shorter list', async () => {
    const bytes = encode([Buffer.from('first'), Buffer.from('second')], 'cut');
    const end = bytes.lastIndexOf('--cut--') + '--cut--'.length;
    for (let length = 0; length < end; length++) {
      expect([length, await codeOf(decode(bytes.subarray(0, length), 'cut', { sizes: [7] }))]).toEqual([
        length,
        'MULTIPART_TRUNCATED',
      ]);
    }
    expect(await decode(bytes.subarray(0, end), 'cut')).toHaveLength(2);
  });

  test('any bytes end in parts or in a GatewayError', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), sizes, async (noise, size) => {
        const bytes = Buffer.concat([Buffer.from('--b\r\n'), noise]);
        const result: unknown = await decode(bytes, 'b', { sizes: size }).catch((error: unknown) => error);
        expect(Array.isArray(result) || result instanceof GatewayError).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});

describe('what senders get wrong', () => {
  const bodies = async (text: string, endIsCertain = false): Promise<string[]> =>
    (await decode(Buffer.from(text), 'b', { endIsCertain, sizes: [3] })).map(({ body }) => body.toString());

  test.each([
    ['LF line ends', '--b\nContent-Type: a/b\n\none\n--b\n\ntwo\n--b--\n'],
    ['a preamble and an epilogue', 'hello\r\n--b\r\n\r\none\r\n--b \t\r\n\r\ntwo\r\n--b--\r\n--b\r\n\r\nthree'],
    ['parts without headers nor empty line (B.28)', '--b\r\n<one/>\r\n--b\r\n{"two":2}\r\n--b--'],
    ['an empty part without line end of its own', '--b\r\nA: b\r\n\r\n--b\r\n\r\ntwo\r\n--b--'],
  ])('%s', async (_what, text) => {
    expect(await bodies(text)).toHaveLength(2);
  });

  test('parts without headers keep their content', async () => {
    expect(await bodies('--b\r\n<one/>\r\n--b\r\n{"two": 2}\r\n--b--')).toEqual(['<one/>', '{"two": 2}']);
    expect(await bodies('--b\r\nA: b\r\n\r\n--b\r\n\r\ntwo\r\n--b--')).toEqual(['', 'two']);
  });

  test.each(['--b\r\n\r\none\r\n--b', '--b\r\n\r\none\r\n--b\r\n', '--b\r\n\r\none\r\n--b-'])(
    'a last delimiter without its hyphens ends the message only where the transport vouches for the end (B.29): %j',
    async (text) => {
      expect(await bodies(text, true)).toEqual(['one']);
      expect(await codeOf(bodies(text, false))).toBe('MULTIPART_TRUNCATED');
    },
  );

  test('no delimiter at the end is a cut, whatever the transport says', async () => {
    expect(await codeOf(bodies('--b\r\n\r\none', true))).toBe('MULTIPART_TRUNCATED');
    expect(await codeOf(bodies('--b\r\nContent-Type: a/b', true))).toBe('MULTIPART_TRUNCATED');
    expect(await codeOf(bodies('', true))).toBe('MULTIPART_TRUNCATED');
  });

  test('headers without end are refused', async () => {
    const text = `--b\r\nA: ${'x'.repeat(20_000)}`;
    expect(await codeOf(decode(Buffer.from(text), 'b', { sizes: [1_000] }))).toBe('MULTIPART_INVALID');
    expect(await codeOf(bodies('--b\r\nA: b\r\nno name\r\n\r\nx\r\n--b--'))).toBe('MULTIPART_INVALID');
  });

  test('what is left of a part is skipped when the next is asked for', async () => {
    const parts = decodeMultipart(chunked(encode([Buffer.alloc(500, 'x'), Buffer.from('two')], 'b'), [50]), 'b');
    const first = await parts.next();
    expect(first.done).toBe(false);
    for await (const _ of first.value?.body ?? []) break;
    const second = await parts.next();
    const text: Uint8Array[] = [];
    for await (const piece of second.value?.body ?? []) text.push(piece);
    expect(Buffer.concat(text).toString()).toBe('two');
    expect((await parts.next()).done).toBe(true);
  });
});
