/** Lists of worklist entries in pages: what the parameters of the URL ask for, and where the next page goes on. */
import { createHash } from 'node:crypto';
import { indexOf, indexText } from '../ris/entry.ts';
import type { RisWorklist } from '../ris/worklist.ts';
import { misfitOf } from '../services/mpps/value-shapes.ts';
import { RIS_ENTRY_STATES } from '../store/ris-records.ts';
import type { RisEntry, RisEntryFilter, RisEntryState } from '../store/ris-records.ts';
import { Refusal } from './refusal.ts';

const DEFAULT_LIMIT = 100;
const MAXIMUM_LIMIT = 1_000;

/** What a list can be narrowed by. */
const LIST_PARAMETERS = [
  'upstream', 'state', 'dateFrom', 'dateTo', 'modality', 'station', 'patientId', 'accessionNumber', 'studyInstanceUid',
  'limit', 'after',
] as const; // prettier-ignore

type Parameter = (typeof LIST_PARAMETERS)[number];
type Parameters = Readonly<Record<string, unknown>>;

/** Where a page ended: the day and the id of its last entry, and a digest of its place, which may change. */
interface Position {
  readonly startDate: string;
  readonly id: string;
  readonly place: string;
}

export interface PageRequest {
  readonly filter: RisEntryFilter;
  readonly limit: number;
  readonly after: Position | undefined;
}

export interface Page {
  readonly entries: readonly RisEntry[];
  /** For `after`; undefined: this was the last page. */
  readonly next: string | undefined;
}

/** @throws Refusal PARAMETER_INVALID, without the value */
export function pageRequestOf(query: Parameters): PageRequest {
  const known: readonly string[] = LIST_PARAMETERS;
  if (Object.keys(query).some((name) => !known.includes(name))) {
    throw parameterInvalid(`a parameter is unknown; there are ${known.join(', ')}`);
  }
  const [limit, after, from, to] = (['limit', 'after', 'dateFrom', 'dateTo'] as const).map((name) => only(query, name));
  const filter: RisEntryFilter = {
    ...given('states', several(query, 'state')?.map(stateOf)),
    ...given('modalities', several(query, 'modality')),
    ...given('stations', several(query, 'station')),
    ...given('patientIds', several(query, 'patientId')),
    ...given('accessionNumbers', several(query, 'accessionNumber')),
    ...given('studyInstanceUids', several(query, 'studyInstanceUid')),
    ...given('startDateFrom', from === undefined ? undefined : dateOf(from, 'dateFrom')),
    ...given('startDateTo', to === undefined ? undefined : dateOf(to, 'dateTo')),
  };
  return { filter, limit: limitOf(limit), after: after === undefined ? undefined : positionOf(after) };
}

/**
 * Entries in the order of a search. What is entered, moved or cancelled between two pages may be on either or none; an entry
 * that stays as it is is on one, or on two when the last one of the page before it was moved or cancelled.
 * @throws GatewayError STORE_*
 */
export async function readPage(worklist: RisWorklist, { filter, limit, after }: PageRequest): Promise<Page> {
  const last = after === undefined ? undefined : await placeOf(worklist, after);
  const from = after === undefined ? filter.startDateFrom : latest(filter.startDateFrom, after.startDate);
  const entries: RisEntry[] = [];
  for await (const entry of worklist.find({ ...filter, ...given('startDateFrom', from) })) {
    if (!fits(entry, filter) || (last !== undefined && !isBehind(entry, last))) continue;
    if (entries.length === limit) return { entries, next: tokenOf(entries.at(-1) as RisEntry) };
    entries.push(entry);
  }
  return { entries, next: undefined };
}

/** The place of the last entry in the order, unless it has gone from there. */
async function placeOf(worklist: RisWorklist, after: Position): Promise<{ sortKey: string; id: string } | undefined> {
  const entry = await worklist.get(after.id);
  if (entry === undefined) return undefined;
  const { sortKey } = indexOf(entry.scheduled);
  return digestOf(sortKey) === after.place ? { sortKey, id: after.id } : undefined;
}

function isBehind(entry: RisEntry, last: { sortKey: string; id: string }): boolean {
  const { sortKey } = indexOf(entry.scheduled);
  return sortKey === last.sortKey ? entry.id > last.id : sortKey > last.sortKey;
}

/** The store's filter is coarse. */
function fits({ scheduled, state }: RisEntry, filter: RisEntryFilter): boolean {
  const index = indexOf(scheduled);
  const oneOf = (wanted: readonly string[] | undefined, ...values: readonly string[]): boolean =>
    wanted === undefined || wanted.some((each) => values.includes(indexText(each)));
  const { startDateFrom = '', startDateTo = '\uffff' } = filter;
  return (
    oneOf(filter.states, state) &&
    oneOf(filter.modalities, index.modality) &&
    oneOf(filter.stations, ...index.stations) &&
    oneOf(filter.patientIds, index.patientId) &&
    oneOf(filter.accessionNumbers, index.accessionNumber) &&
    oneOf(filter.studyInstanceUids, index.studyInstanceUid) &&
    index.startDate >= startDateFrom &&
    (filter.startDateTo === undefined || (index.startDate !== '' && index.startDate <= startDateTo))
  );
}

/** Without a value of the patient, since URLs end up in logs. */
function tokenOf({ id, scheduled }: RisEntry): string {
  const { startDate, sortKey } = indexOf(scheduled);
  return Buffer.from([startDate, id, digestOf(sortKey)].join('.')).toString('base64url');
}

function positionOf(token: string): Position {
  const [, startDate, id, place] =
    /^(\d{8}|)\.([^.]+)\.([0-9a-f]+)$/.exec(Buffer.from(token, 'base64url').toString()) ?? [];
  if (startDate === undefined || id === undefined || place === undefined) {
    throw parameterInvalid('after is not what a page gave as next');
  }
  return { startDate, id, place };
}

function digestOf(sortKey: string): string {
  return createHash('sha256').update(sortKey).digest('hex').slice(0, 16);
}

function latest(a: string | undefined, b: string): string | undefined {
  if (b === '') return a;
  return a === undefined || a < b ? b : a;
}

function parameterInvalid(problem: string): Refusal {
  return new Refusal(400, 'PARAMETER_INVALID', `A parameter cannot be understood: ${problem}`, 'Mend the parameters.');
}

function several(query: Parameters, name: Parameter): string[] | undefined {
  const value = query[name];
  if (value === undefined) return undefined;
  const values: unknown[] = Array.isArray(value) ? value : [value];
  return values.filter((each) => typeof each === 'string');
}

function only(query: Parameters, name: Parameter): string | undefined {
  const [value, ...more] = several(query, name) ?? [];
  if (more.length > 0) throw parameterInvalid(`${name} is given more than once`);
  return value;
}

function stateOf(text: string): RisEntryState {
  const state = RIS_ENTRY_STATES.find((known) => known === text.toUpperCase());
  if (state === undefined) throw parameterInvalid(`state is none of ${RIS_ENTRY_STATES.join(', ')}`);
  return state;
}

function dateOf(text: string, name: Parameter): string {
  const misfit = misfitOf({ vr: 'DA', Value: [text] });
  if (misfit !== undefined) throw parameterInvalid(`${name} is not a date as YYYYMMDD`);
  return text;
}

function limitOf(text: string | undefined): number {
  if (text === undefined) return DEFAULT_LIMIT;
  const limit = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (limit < 1 || limit > MAXIMUM_LIMIT) throw parameterInvalid(`limit is not a number from 1 to ${MAXIMUM_LIMIT}`);
  return limit;
}

function given<Name extends string, Value>(name: Name, value: Value | undefined): { [Key in Name]?: Value } {
  return value === undefined ? {} : ({ [name]: value } as { [Key in Name]: Value });
}
