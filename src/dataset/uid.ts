/** Unique identifiers (PS3.5 9). */
import { randomUUID } from 'node:crypto';

const UID = /^(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*))*$/;
const MAXIMUM_LENGTH = 64;

/** At most 64 characters, components of digits without leading zeros (PS3.5 9.1). */
export function isUid(text: string): boolean {
  return text.length <= MAXIMUM_LENGTH && UID.test(text);
}

/** A new UID under 2.25, derived from a random UUID (PS3.5 B.2). */
export function generateUid(): string {
  return `2.25.${BigInt(`0x${randomUUID().replaceAll('-', '')}`)}`;
}
