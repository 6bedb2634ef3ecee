/** Transfer syntaxes the gateway speaks (PS3.5 A), and the deflate step of one of them. */
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { GatewayError } from '../../errors.ts';

export const TRANSFER_SYNTAXES = {
  implicitVrLittleEndian: '1.2.840.10008.1.2',
  explicitVrLittleEndian: '1.2.840.10008.1.2.1',
  deflated: '1.2.840.10008.1.2.1.99',
} as const;

export type TransferSyntaxUid = (typeof TRANSFER_SYNTAXES)[keyof typeof TRANSFER_SYNTAXES];

/** Data sets of modalities come down to a tenth, lists of like UIDs to a fortieth; only a bomb does to less. */
const MAXIMUM_RATIO = 100;
const ALWAYS_ALLOWED_BYTES = 64 * 1024;

/**
 * Raw deflate (PS3.5 A.5); a padding byte after its end is ignored. What grows by more than any honest data set is too
 * large, whatever is allowed.
 * @throws GatewayError DATA_SET_INVALID, DATA_SET_TOO_LARGE
 */
export function inflateDataSet(bytes: Uint8Array, maximumBytes: number): Buffer {
  const limit = Math.min(maximumBytes, Math.max(ALWAYS_ALLOWED_BYTES, bytes.length * MAXIMUM_RATIO));
  try {
    return inflateRawSync(bytes, { maxOutputLength: limit });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
      throw new GatewayError('DATA_SET_TOO_LARGE', `A deflated data set is larger than ${limit} bytes`, {
        cause,
      });
    }
    throw new GatewayError('DATA_SET_INVALID', 'A deflated data set is damaged or cut off', { cause });
  }
}

/** The reverse, padded to an even number of bytes. */
export function deflateDataSet(bytes: Uint8Array): Buffer {
  const deflated = deflateRawSync(bytes);
  return deflated.length % 2 === 0 ? deflated : Buffer.concat([deflated, Buffer.of(0)]);
}
