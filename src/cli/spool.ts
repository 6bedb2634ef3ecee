/** `dimseway spool …`: what waits to be delivered, and what a person decides about it. */
import { createWriteStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import type { SpoolListing, SpoolSummary } from '../console/api-types.ts';
import type { SpoolDetail } from '../console/spool-json.ts';
import { parseJsonDataSet } from '../dataset/json.ts';
import { queryText } from './console-client.ts';
import type { ConsoleClient } from './console-client.ts';
import { dump, printable } from '../dataset/dump.ts';
import { UsageError } from './report.ts';
import { ageText, inColumns } from './terminal.ts';
import { withConsole } from './with-console.ts';

interface CommandOptions {
  readonly config: string;
}

/** What is absent fits any message. */
export interface SpoolFilterOptions {
  readonly route?: string;
  readonly upstream?: string;
  readonly uid?: string;
  readonly state?: string;
}

export interface ListOptions extends CommandOptions, SpoolFilterOptions {
  readonly limit?: number;
  readonly after?: number;
  readonly json: boolean;
}

export interface ShowOptions extends CommandOptions {
  readonly id: number;
  /** With the data set, which is patient data. */
  readonly dataset: boolean;
  readonly json: boolean;
}

export interface RetryOptions extends CommandOptions {
  /** One message; undefined: a whole destination. */
  readonly id?: number;
  readonly route?: string;
  readonly upstream?: string;
  readonly state?: string;
  readonly json: boolean;
}

export interface DiscardOptions extends CommandOptions {
  readonly id: number;
  readonly reason: string;
  readonly json: boolean;
}

export interface ExportOptions extends CommandOptions, SpoolFilterOptions {
  /** A new file; stdout where it is undefined. */
  readonly output?: string;
}

/** A name that is mistyped looks like this, and so does a destination that is only probed. */
const NOTHING_TO_RETRY =
  'Nothing there was dead or in a pause of its own. `dimseway spool list` shows the names of the destinations; ' +
  'to one that is stuck (/health/ready: circuitOpenSince) everything goes once a probe gets through.\n';

/** @returns the exit status, as of every command here */
export function list({ config, json, limit, after, ...filter }: ListOptions): Promise<number> {
  return withConsole(config, async (client) => {
    const text = await client.text(`/api/spool${queryText({ ...filter, limit, after })}`);
    process.stdout.write(json ? `${text}\n` : listingText(JSON.parse(text) as SpoolListing));
  });
}

export function show({ config, id, dataset, json }: ShowOptions): Promise<number> {
  return withConsole(config, async (client) => {
    const text = await client.text(`/api/spool/${id}${dataset ? '?dataset=true' : ''}`);
    process.stdout.write(json ? `${text}\n` : messageText(text));
  });
}

export function retry({ config, id, json, ...destination }: RetryOptions): Promise<number> {
  return withConsole(config, async (client) => {
    const text =
      id === undefined
        ? await client.text('/api/spool/retry', destination)
        : await client.text(`/api/spool/${id}/retry`, {});
    if (json) process.stdout.write(`${text}\n`);
    else if (id !== undefined) process.stdout.write(`message ${id} is tried again\n`);
    else {
      const { revived, hastened } = JSON.parse(text) as { revived: number; hastened: number };
      process.stdout.write(`dead messages queued anew: ${revived}; waiting instances tried at once: ${hastened}\n`);
      if (revived + hastened === 0) process.stderr.write(NOTHING_TO_RETRY);
    }
  });
}

export function discard({ config, id, reason, json }: DiscardOptions): Promise<number> {
  return withConsole(config, async (client) => {
    const text = await client.text(`/api/spool/${id}/discard`, { reason });
    const { message } = JSON.parse(text) as { message: SpoolSummary };
    const { uid, route, upstream } = message;
    const what = `${kindText(message)} of ${uid} for ${destinationText({ route, upstream })}`;
    process.stdout.write(json ? `${text}\n` : `message ${id} discarded: ${printable(what)}\n`);
  });
}

/** `export` is a word of the language. */
export function exportMessages({ config, output, ...filter }: ExportOptions): Promise<number> {
  return withConsole(config, async (client) => {
    const path = `/api/spool/export${queryText({ ...filter })}`;
    if (output !== undefined) await exportTo(output, client, path);
    else await pipeline(await client.stream(path), process.stdout, { end: false }).catch(unlessReaderLeft);
  });
}

/** As `head` does when it has seen enough. */
function unlessReaderLeft(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
}

/** Readable by its owner only: it holds patient data. */
async function exportTo(output: string, client: ConsoleClient, path: string): Promise<void> {
  const file = await open(output, 'wx', 0o600).catch((error: NodeJS.ErrnoException) => {
    const why =
      error.code === 'EEXIST'
        ? 'is there already: name a new file'
        : `cannot be written: ${error.code ?? 'unknown error'}`;
    throw new UsageError(`${output} ${why}`);
  });
  try {
    await pipeline(await client.stream(path), createWriteStream(output, { fd: file.fd, autoClose: false }));
  } finally {
    await file.close();
  }
}

function listingText({ destinations, messages, next }: SpoolListing): string {
  if (destinations.length === 0) return 'Nothing waits.\n';
  const depths = inColumns([
    ['destination', 'queued', 'dead', 'oldest', 'attempts'],
    ...destinations.map((each) => [
      printable(destinationText(each)),
      ...[String(each.queued), String(each.dead), ageText(each.oldestSeconds), String(each.attempts)],
    ]),
  ]);
  const rows = inColumns([
    ['id', 'state', 'kind', 'destination', 'uid', 'accepted', 'attempts', 'last failure'],
    ...messages.map((message) => [
      ...[String(message.id), message.state, kindText(message), printable(destinationText(message))],
      printable(message.uid),
      ...[message.acceptedAt, String(message.attempts), printable(message.lastFailure?.code ?? '')],
    ]),
  ]);
  const more = next === undefined ? [] : [`There are more: --after ${next}`];
  return `${[...depths, '', ...rows, ...more].join('\n')}\n`;
}

function messageText(text: string): string {
  const { received, ...detail } = JSON.parse(text) as SpoolDetail & { received?: object };
  const { lastFailure, requester, hops } = detail;
  const lines: readonly (readonly [string, string])[] = [
    ['message', `${detail.id}, ${kindText(detail)} of ${detail.uid}`],
    ['destination', destinationText(detail)],
    ['state', `${detail.state}${detail.inDoubt ? ', the destination may have it already' : ''}`],
    ...(detail.unreadable === undefined ? [] : [['damaged in the store', detail.unreadable.join(', ')] as const]),
    ['accepted', detail.acceptedAt],
    ['attempts', String(detail.attempts)],
    ['last failure', lastFailure === undefined ? 'none' : `${lastFailure.code} at ${lastFailure.at}`],
    ...(lastFailure === undefined ? [] : [['', lastFailure.problem] as const]),
    ['from', Object.values(requester).join(', ')],
    ['gateways passed', hops.map(({ instance, route }) => `${instance} (${route})`).join(', ') || 'none'],
    ['trace id', detail.traceId],
  ];
  const head = inColumns(lines.map(([name, value]) => [name, printable(value)])).join('\n');
  return `${head}\n${received === undefined ? '' : dump(parseJsonDataSet(JSON.stringify(received)), '  ')}`;
}

function kindText({ kind, event }: SpoolSummary): string {
  return event === undefined ? kind : `${kind} ${event}`;
}

function destinationText({ route, upstream }: { readonly route: string; readonly upstream: string }): string {
  return `${route} → ${upstream}`;
}
