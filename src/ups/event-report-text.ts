import { fromJson, parseJsonText } from '../dataset/json.ts';
import { attribute } from '../dataset/model.ts';
import type { DataSet } from '../dataset/model.ts';
import { readEventReport } from '../services/ups/event-attributes.ts';
import type { UpsEvent } from '../services/ups/workitem.ts';

/** Attributes of the command that stand in a report: which instance, and what kind of event (PS3.18 11.13). */
const COMMAND = { '00001000': 'UI', '00001002': 'US' } as const;

/**
 * The event of a text frame. Unlike data sets it holds attributes of group 0000.
 * @returns undefined: it tells of nothing that is known
 * @throws GatewayError DATA_SET_INVALID, DATA_SET_TOO_LARGE
 */
export function parseEventReport(text: string): UpsEvent | undefined {
  const value = parseJsonText(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const members = Object.entries(value as Record<string, unknown>);
  const report: DataSet = fromJson(Object.fromEntries(members.filter(([tag]) => !tag.startsWith('0000'))));
  for (const [tag, vr] of Object.entries(COMMAND)) {
    const first = firstValueOf((value as Record<string, unknown>)[tag]);
    if (first !== undefined) report[tag] = attribute(vr, first);
  }
  return readEventReport(report);
}

function firstValueOf(member: unknown): string | number | undefined {
  const values = (member as { Value?: unknown } | null | undefined)?.Value;
  const first: unknown = Array.isArray(values) ? values[0] : undefined;
  return typeof first === 'string' || typeof first === 'number' ? first : undefined;
}
