/** Storage commitment between an upstream and a listener of ours: request, report on the same and on a new association. */
import { afterEach, describe, expect, test } from '@jest/globals';
import type { Reporter } from '../../../src/dimse/reporters.ts';
import type { DimseListenerOptions } from '../../../src/dimse/scp.ts';
import type { DimseUpstream } from '../../../src/dimse/upstream.ts';
import { ServiceFailure } from '../../../src/services/port.ts';
import type { CommitmentContext, CommitmentReporter } from '../../../src/services/port.ts';
import type { ToldEvent } from '../../../src/services/storage-commitment/commitment.ts';
import { references, RESULT, REFERENCES, TRANSACTION_UID } from '../../support/dimse-commitment.ts';
import { ScriptedHandler, startListener } from '../../support/dimse-listener.ts';
import type { RunningListener } from '../../support/dimse-listener.ts';
import { createContext, createUpstream } from '../../support/dimse-upstream.ts';

const PACS: Reporter = { aeTitle: 'PACS', host: '127.0.0.1', reports: ['storageCommitment'] };

const closers: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

interface Pair {
  readonly running: RunningListener;
  readonly upstream: DimseUpstream;
}

async function connect(options: Partial<DimseListenerOptions> = {}): Promise<Pair> {
  const maximumMessageBytes = 16 << 20;
  const running = await startListener(new ScriptedHandler(), { maximumMessageBytes, ...options });
  const upstream = createUpstream(running.port, { maximumMessageBytes });
  closers.push(
    () => running.listener.close(0),
    () => upstream.close(),
  );
  return { running, upstream };
}

/** Holds the association and keeps what is reported on it. */
function holding(reported: CommitmentContext['reported'], holdMs = 5_000): CommitmentContext {
  return { ...createContext(), holdMs, reported };
}

function reporterIn({ running }: Pair): CommitmentReporter {
  const reporter = running.handler.commitments[0]?.context.reporter;
  if (reporter === undefined) throw new Error('nothing was asked');
  return reporter;
}

describe('a report on the association of the request (PS3.4 J.3.3)', () => {
  test.each([2, 10_000])(
    'of %i instances reaches the one who asked, and then the association is released',
    async (count) => {
      const pair = await connect();
      const reported: ToldEvent[] = [];
      const context = holding(async (event) => void reported.push(event));
      const asked = references(count);
      expect(await pair.upstream.requestCommitment(TRANSACTION_UID, asked, context)).toEqual({ state: 'pending' });
      const reporter = reporterIn(pair);
      await reporter.report(TRANSACTION_UID, { committed: asked, failed: [] });
      expect(reported).toEqual([{ transactionUid: TRANSACTION_UID, committed: asked, failed: [] }]);
      while (reporter.isOpen) await new Promise(setImmediate);
    },
  );

  test('that the one who asked cannot keep is told so, and can be sent again', async () => {
    const pair = await connect();
    const outcomes = [new ServiceFailure('OUT_OF_RESOURCES'), undefined];
    const context = holding(async () => {
      const failure = outcomes.shift();
      if (failure !== undefined) throw failure;
    });
    await pair.upstream.requestCommitment(TRANSACTION_UID, REFERENCES, context);
    const reporter = reporterIn(pair);
    await expect(reporter.report(TRANSACTION_UID, RESULT)).rejects.toMatchObject({
      dimseStatus: 0x0213,
      retry: 'safe',
    });
    await reporter.report(TRANSACTION_UID, RESULT);
    expect(outcomes).toEqual([]);
  });

  test('finds it closed when it was not held', async () => {
    const pair = await connect();
    await pair.upstream.requestCommitment(
      TRANSACTION_UID,
      REFERENCES,
      holding(async () => undefined, 0),
    );
    const reporter = reporterIn(pair);
    while (reporter.isOpen) await new Promise(setImmediate);
    await expect(reporter.report(TRANSACTION_UID, RESULT)).rejects.toMatchObject({ retry: 'safe' });
  });
});

describe('a report on a new association', () => {
  const context = { ...createContext(), callingAeTitle: 'PACS' };

  test('is taken from a reporter, whose role is agreed (PS3.7 D.3.3.4)', async () => {
    const lists = { callingAeTitles: ['CT1'] };
    const { running, upstream } = await connect({ ...lists, reporters: [PACS] });
    await upstream.reportCommitment(TRANSACTION_UID, RESULT, context);
    expect(running.handler.reports).toMatchObject([
      {
        event: { transactionUid: TRANSACTION_UID, ...RESULT },
        context: { requester: { callingAeTitle: 'PACS', calledAeTitle: 'DIMSEWAY' } },
      },
    ]);
  });

  test('is refused from anybody else by the context', async () => {
    const { running, upstream } = await connect({ reporters: [{ ...PACS, host: '192.0.2.7' }] });
    await expect(upstream.reportCommitment(TRANSACTION_UID, RESULT, context)).rejects.toBeInstanceOf(ServiceFailure);
    expect(running.handler.reports).toEqual([]);
  });
});
