/**
 * A ward of well-behaved modalities as a process of its own: each asks for its worklist, by DIMSE and on the web in turn, one
 * after another and without hurry. `window` on stdin answers with what was measured since the last one, as a line of JSON.
 *
 *     node modality.ts <port of the DIMSE listener> <port of the web listener>
 */
import { once } from 'node:events';
import { get } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  associateRq,
  EXPLICIT_LE,
  message,
  PDU,
  RawConnection,
  RELEASE_RQ,
  statusOf,
  WORKLIST,
} from '../../../scripts/bench/wire.ts';
import { identifierOf } from '../../../scripts/bench/worklist-item.ts';
import { MODALITIES, type Window } from './windows.ts';

const [dimsePort = 0, webPort = 0] = process.argv.slice(2).map(Number);
/** Between the end of one question and the next, over all modalities. */
const PAUSE_MS = 8;

let times: number[] = [];
let failures: string[] = [];

async function askByDimse(aeTitle: string, address: string): Promise<void> {
  const connection = await RawConnection.open(dimsePort, address);
  try {
    connection.send(
      associateRq({ called: 'DIMSEWAY', calling: aeTitle, abstractSyntax: WORKLIST, transferSyntax: EXPLICIT_LE }),
    );
    const answer = await connection.receive();
    if (answer?.type !== PDU.associateAc)
      throw new Error(`DIMSE: PDU ${answer?.type ?? 'none'} instead of an association`);
    const identifier = identifierOf({ ScheduledStationAETitle: aeTitle });
    connection.send(message({ field: 0x0020, sopClass: WORKLIST, messageId: 1 }, identifier));
    let matches = 0;
    for (;;) {
      const status = statusOf((await connection.receive())?.body.subarray(6) ?? Buffer.alloc(0));
      if (status === undefined) throw new Error('DIMSE: the association was lost');
      if (status !== 0xff00) {
        if (status !== 0 || matches !== 1) throw new Error(`DIMSE: ${status.toString(16)} after ${matches} matches`);
        break;
      }
      matches++;
      await connection.receive();
    }
    connection.send(RELEASE_RQ);
    await connection.receive();
  } finally {
    connection.close();
  }
}

async function askOnTheWeb(aeTitle: string, address: string): Promise<void> {
  const path = `/modality-scheduled-procedure-steps?ScheduledProcedureStepSequence.ScheduledStationAETitle=${aeTitle}`;
  const request = get({ host: '127.0.0.1', port: webPort, path, localAddress: address, agent: false });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const found = response.statusCode === 200 ? (JSON.parse(Buffer.concat(chunks).toString()) as unknown[]).length : 0;
  if (found !== 1) throw new Error(`web: ${response.statusCode} with ${found} results`);
}

async function work(): Promise<never> {
  for (let turn = 0; ; turn++) {
    const { aeTitle, address } = MODALITIES[turn % MODALITIES.length] as (typeof MODALITIES)[number];
    const ask = Math.floor(turn / MODALITIES.length) % 2 === 0 ? askByDimse : askOnTheWeb;
    const begunMs = performance.now();
    try {
      await ask(aeTitle, address);
    } catch (error) {
      failures.push(error instanceof Error ? error.message : String(error));
    }
    times.push(performance.now() - begunMs);
    await sleep(PAUSE_MS);
  }
}

createInterface({ input: process.stdin }).on('line', () => {
  const window: Window = { times, failures };
  times = [];
  failures = [];
  process.stdout.write(`${JSON.stringify(window)}\n`);
});
process.stdout.write('ready\n');
await work();
