/** `dimseway commit list|show|retry|discard`: what the gateway has asked archives, and what a person decides about it. */
import type { CommitmentDetail, CommitmentEntry, CommitmentListing, CountEntry } from '../console/commitments-json.ts';
import { reasonText } from './commit-result.ts';
import { queryText } from './console-client.ts';
import { printable } from '../dataset/dump.ts';
import { ageText, inColumns } from './terminal.ts';
import { withConsole } from './with-console.ts';

interface CommandOptions {
  readonly config: string;
  readonly json: boolean;
}

/** What is absent fits any. */
export interface ListOptions extends CommandOptions {
  readonly route?: string;
  readonly phase?: string;
  /** Transaction UID. */
  readonly uid?: string;
  readonly limit?: number;
  readonly after?: number;
}

export interface OneOptions extends CommandOptions {
  readonly id: number;
}

export interface DiscardOptions extends OneOptions {
  readonly reason: string;
}

/** @returns the exit status, as of every command here */
export function list({ config, json, route, phase, uid, limit, after }: ListOptions): Promise<number> {
  return withConsole(config, async (client) => {
    const text = await client.text(`/api/commitments${queryText({ route, phase, uid, limit, after })}`);
    process.stdout.write(json ? `${text}\n` : listingText(JSON.parse(text) as CommitmentListing));
  });
}

export function show({ config, id, json }: OneOptions): Promise<number> {
  return withConsole(config, async (client) => {
    const text = await client.text(`/api/commitments/${id}`);
    process.stdout.write(json ? `${text}\n` : detailText(JSON.parse(text) as CommitmentDetail));
  });
}

export function retry({ config, id, json }: OneOptions): Promise<number> {
  return withConsole(config, async (client) => {
    const text = await client.text(`/api/commitments/${id}/retry`, {});
    process.stdout.write(json ? `${text}\n` : `storage commitment ${id} is tried again\n`);
  });
}

export function discard({ config, id, reason, json }: DiscardOptions): Promise<number> {
  return withConsole(config, async (client) => {
    const text = await client.text(`/api/commitments/${id}/discard`, { reason });
    const { commitment } = JSON.parse(text) as { commitment: CommitmentEntry };
    const next =
      commitment.phase === 'reporting' ? 'its requestor is told that nothing is committed' : 'nothing more is done';
    process.stdout.write(json ? `${text}\n` : `storage commitment ${id} given up: ${next}\n`);
  });
}

const PHASES = ['asking', 'waiting', 'reporting', 'done'] as const;

function listingText({ counts, commitments, next }: CommitmentListing): string {
  if (counts.length === 0 && commitments.length === 0) return 'Nothing has been asked.\n';
  const destinations = Map.groupBy(counts, destinationText);
  const depths = inColumns([
    ['destination', ...PHASES],
    ...[...destinations].map(([destination, of]) => [
      printable(destination),
      ...PHASES.map((phase) => countText(of, phase)),
    ]),
  ]);
  const rows = inColumns([
    [
      'id',
      'phase',
      'destination',
      'transaction uid',
      'from',
      'asked',
      'instances',
      'result',
      'attempts',
      'last failure',
    ],
    ...commitments.map((each) => [
      ...[
        String(each.id),
        each.phase,
        printable(destinationText(each)),
        each.transactionUid,
        printable(each.requestor),
      ],
      ...[
        each.askedAt,
        String(each.instances ?? ''),
        resultText(each),
        String(each.attempts),
        each.lastFailure?.code ?? '',
      ],
    ]),
  ]);
  const more = next === undefined ? [] : [`There are more: --after ${next}`];
  return `${[...depths, '', ...rows, ...more].join('\n')}\n`;
}

/** How many, and how old the oldest is where something is still to be done. */
function countText(counts: readonly CountEntry[], phase: string): string {
  const { count, oldestSeconds } = counts.find((each) => each.phase === phase) ?? { count: 0, oldestSeconds: 0 };
  return count === 0 || phase === 'done' ? String(count) : `${count} (${ageText(oldestSeconds)})`;
}

function resultText({ result }: CommitmentEntry): string {
  if (result === undefined) return '';
  const { committed, failed, synthetic } = result;
  if (synthetic) return 'none came';
  return failed === 0 ? `${committed} committed` : `${committed} committed, ${failed} failed`;
}

function detailText(detail: CommitmentDetail): string {
  const { lastFailure, requester, hops, upstreamUid, remainingSeconds } = detail;
  const lines: readonly (readonly [string, string])[] = [
    ['storage commitment', `${detail.id}, transaction ${detail.transactionUid}`],
    ['destination', destinationText(detail)],
    ...(upstreamUid === detail.transactionUid ? [] : [['transaction there', upstreamUid] as const]),
    ['phase', `${detail.phase}${detail.inDoubt ? ', the archive may have the request already' : ''}`],
    ...(detail.unreadable === undefined ? [] : [['damaged in the store', detail.unreadable.join(', ')] as const]),
    ['asked', detail.askedAt],
    ...(remainingSeconds === undefined ? [] : [['a result is awaited for', ageText(remainingSeconds)] as const]),
    ['result', resultText(detail) || 'none yet'],
    ['attempts', String(detail.attempts)],
    ['last failure', lastFailure === undefined ? 'none' : `${lastFailure.code} at ${lastFailure.at}`],
    ...(lastFailure === undefined ? [] : [['', lastFailure.problem] as const]),
    ['from', Object.values(requester).join(', ')],
    ['gateways passed', hops.map(({ instance, route }) => `${instance} (${route})`).join(', ') || 'none'],
    ['trace id', detail.traceId],
  ];
  const head = inColumns(lines.map(([name, value]) => [name, printable(value)]));
  return `${[...head, '', ...instanceLines(detail)].join('\n')}\n`;
}

function instanceLines({ requested, committed = [], failed = [] }: CommitmentDetail): string[] {
  const outcomes = new Map([
    ...committed.map(({ sopInstanceUid }) => [sopInstanceUid, 'committed'] as const),
    ...failed.map(({ sopInstanceUid, reason }) => [sopInstanceUid, reasonText(parseInt(reason, 16))] as const),
  ]);
  return inColumns([
    ['instance', 'SOP class', 'result'],
    ...requested.map(({ sopInstanceUid, sopClassUid }) => [
      ...[printable(sopInstanceUid), printable(sopClassUid), outcomes.get(sopInstanceUid) ?? 'not known'],
    ]),
  ]);
}

function destinationText({ route, upstream }: { readonly route: string; readonly upstream: string }): string {
  return `${route} → ${upstream}`;
}
