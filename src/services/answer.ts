/**
 * What an HTTP answer tells about a DIMSE outcome besides its status, and how an outcome is written in DIMSE: common to
 * every service, so that two gateways in a row are transparent.
 */
import type { Tag } from '../dataset/model.ts';
import { parseWarningHeader, statusInWarning } from './worklist/warnings.ts';

/** What an HTTP answer tells besides its status. */
export interface HttpAnswer {
  /** Reason phrase. */
  readonly reason?: string | undefined;
  /** Warning header fields. */
  readonly warnings?: readonly string[];
  /** The parsed body, where it is a JSON object. */
  readonly report?: unknown;
  /** Seconds of Retry-After. */
  readonly retryAfter?: number | undefined;
}

export interface AnswerContent {
  /** DIMSE status, by the Status Report or else by a Warning. */
  readonly given: number | undefined;
  /** Canonical code as another gateway of ours writes it. */
  readonly code: string | undefined;
  /** Error ID (0000,0903), hex in the report. */
  readonly errorId: number | undefined;
  /** What the far end wrote; it may name a patient, and is passed on to nobody. Empty when nothing was said. */
  readonly words: string;
  /** Standard reason phrase; empty for a status without. */
  readonly reason: string;
  readonly attributes: Tag[];
}

/** Codes and words out of an answer, first hit wins: Status Report, Warning. */
export function readAnswer(answer: HttpAnswer): AnswerContent {
  const report = isObject(answer.report) ? answer.report : {};
  const headers = (answer.warnings ?? []).flatMap(parseWarningHeader);
  return {
    given: hexIn(report.dimseStatus) ?? headers.map(statusInWarning).find((found) => found !== undefined),
    code: textOf(report.code),
    errorId: hexIn(report.errorId),
    words: textOf(report.error) ?? textOf(report.errorComment) ?? headers[0]?.text ?? '',
    reason: answer.reason ?? '',
    attributes: attributesIn(report.attributes),
  };
}

/** Error Comment (0000,0902), LO of the default repertoire: 64 characters; a backslash would make two values of it. */
export function errorComment(text: string): string {
  return text
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/[^ -[\]-~]/g, '?')
    .slice(0, 64)
    .trim();
}

/** Success or Warning (PS3.7 C.1, C.3): what was asked is done. */
export function isSuccessOrWarning(status: number): boolean {
  return [0x0000, 0x0001, 0x0107, 0x0116].includes(status) || (status >= 0xb000 && status <= 0xbfff);
}

/** `A700H`, as the standard writes statuses. */
export function statusText(status: number): string {
  return `${statusToHex(status)}H`;
}

/** `A700`, where a machine reads it. */
export function statusToHex(status: number): string {
  return status.toString(16).toUpperCase().padStart(4, '0');
}

function hexIn(value: unknown): number | undefined {
  const digits = textOf(value);
  return digits !== undefined && /^[0-9A-Fa-f]{4}H?$/.test(digits) ? Number.parseInt(digits, 16) : undefined;
}

function attributesIn(value: unknown): Tag[] {
  const attributes = Array.isArray(value) ? (value as unknown[]) : [];
  return attributes.flatMap((tag) =>
    typeof tag === 'string' && /^[0-9A-Fa-f]{8}$/.test(tag) ? [tag.toUpperCase()] : [],
  );
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
