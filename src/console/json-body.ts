/** Bodies of changes of state: JSON in UTF-8, of limited size. */
import express from 'express';
import type { Request, RequestHandler } from 'express';
import { parseJsonText } from '../dataset/json.ts';
import { GatewayError } from '../errors.ts';
import { needJson } from './answers.ts';
import { Refusal } from './refusal.ts';

const MAXIMUM_BYTES = 1024 * 1024;

/** Reads a body as bytes; `jsonOf` takes it apart. */
export const readBody: RequestHandler[] = [
  needJson,
  express.raw({ type: () => true, limit: MAXIMUM_BYTES, inflate: true }),
];

/** The value of the body; numbers as `parseJsonText` has them. @throws Refusal BODY_INVALID, without a value */
export function jsonOf(request: Request): unknown {
  const bytes: unknown = request.body;
  try {
    return parseJsonText(Buffer.isBuffer(bytes) ? textOf(bytes) : '');
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    const message = `The body cannot be read: ${error.message}`;
    throw new Refusal(400, 'BODY_INVALID', message, 'Send one JSON object in UTF-8.');
  }
}

/** A character that cannot be read would otherwise become another in a name. */
function textOf(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new GatewayError('DATA_SET_INVALID', 'The text is not UTF-8');
  }
}
