/** Cuts a stream of bytes into PDUs. The size is judged by the header alone, before anything is kept (design 7.6). */
import { ChunkList } from '../chunk-list.ts';
import { decodePdu, PDU_HEADER_BYTES, PDU_TYPE, SHORT_PDU_BYTES } from './pdu.ts';
import type { Pdu, PduType } from './pdu.ts';
import { ABORT_REASON, PduError } from './pdu-error.ts';

/** 128 presentation contexts with forty transfer syntaxes each fit well. */
export const MAXIMUM_ASSOCIATE_BYTES = 256 * 1024;
/** Version, AE titles and reserved fields, without items. */
const MINIMUM_ASSOCIATE_BYTES = 68;
/** One presentation data value without content. */
const MINIMUM_DATA_BYTES = 6;

export class PduReader {
  readonly #maximumDataBytes: number;
  readonly #partial = new ChunkList();
  /** Bytes until the header, then until the PDU is whole. */
  #needed = PDU_HEADER_BYTES;
  #type: PduType | undefined;
  #completed = 0;
  #broken = false;
  #takesData = false;

  /** @param maximumDataBytes of one P-DATA-TF, as told to the peer (PS3.8 D.1). */
  constructor(maximumDataBytes: number) {
    this.#maximumDataBytes = maximumDataBytes;
  }

  /** PDUs read so far. */
  get completed(): number {
    return this.#completed;
  }

  /** A PDU has begun and is not whole yet. */
  get isWithinPdu(): boolean {
    return this.#type !== undefined || this.#partial.length > 0;
  }

  /** P-DATA-TF may come from now on. Before, its header alone is refused: strangers get no memory for it. */
  takeData(): void {
    this.#takesData = true;
  }

  /**
   * Hands on every PDU that is whole with this chunk. After an error the stream cannot be understood any more: the
   * rest of it is ignored.
   * @throws PduError
   */
  push(chunk: Buffer, receive: (pdu: Pdu) => void): void {
    try {
      let position = 0;
      while (!this.#broken && position < chunk.length) {
        const missing = this.#needed - this.#partial.length;
        const taken = chunk.subarray(position, position + missing);
        this.#partial.push(taken);
        position += taken.length;
        if (taken.length === missing) this.#complete(receive);
      }
    } catch (error) {
      if (error instanceof PduError) this.#broken = true;
      throw error;
    }
  }

  #complete(receive: (pdu: Pdu) => void): void {
    const bytes = this.#partial.take();
    if (this.#type === undefined) {
      this.#type = this.#judge(bytes.readUInt8(0), (this.#needed = bytes.readUInt32BE(2)));
      return;
    }
    const type = this.#type;
    this.#type = undefined;
    this.#needed = PDU_HEADER_BYTES;
    this.#completed++;
    receive(decodePdu(type, bytes));
  }

  #judge(type: number, length: number): PduType {
    switch (type) {
      case PDU_TYPE.associateRq:
      case PDU_TYPE.associateAc:
        return checkedLength(type, length, MINIMUM_ASSOCIATE_BYTES, MAXIMUM_ASSOCIATE_BYTES);
      case PDU_TYPE.dataTf:
        if (!this.#takesData) throw new PduError(ABORT_REASON.unexpectedPdu, 'P-DATA-TF before an association');
        return checkedLength(type, length, MINIMUM_DATA_BYTES, this.#maximumDataBytes);
      case PDU_TYPE.associateRj:
      case PDU_TYPE.releaseRq:
      case PDU_TYPE.releaseRp:
      case PDU_TYPE.abort:
        return checkedLength(type, length, SHORT_PDU_BYTES, SHORT_PDU_BYTES);
      default:
        throw new PduError(ABORT_REASON.unrecognizedPdu, `PDU type ${type} does not exist`);
    }
  }
}

function checkedLength(type: PduType, length: number, minimum: number, maximum: number): PduType {
  if (length >= minimum && length <= maximum) return type;
  throw new PduError(
    ABORT_REASON.invalidParameterValue,
    `A PDU of type ${type} announces ${length} bytes, allowed are ${minimum} to ${maximum}`,
  );
}
