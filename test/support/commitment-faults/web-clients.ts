/** Web clients that ask for storage commitment, and check the result until it is there (PS3.18 13). */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Instance, Outcome } from '../../../scripts/peers/commitment.ts';
import { call } from '../http-client.ts';
import type { Random } from '../spool-faults/random.ts';
import { moduleOf } from '../web-archive.ts';
import { transactionOf } from './transactions.ts';
import type { Transaction } from './transactions.ts';

export const CLIENT_STEPS = ['client has asked', 'client is told to wait', 'client has its result'] as const;

const JSON_TYPE = 'application/dicom+json';
/** Longer than any answer takes that is still to come. */
const PATIENCE_MS = 20_000;

export interface Requested extends Transaction {
  /** 202 or 200, or 409 for a repeat. */
  isTaken: boolean;
  /** Each result that was told, oldest first. */
  readonly results: Outcome[];
}

export interface ClientOptions {
  readonly index: number;
  readonly random: Random;
  readonly at: (step: string) => Promise<void>;
  readonly web: number;
}

type Module = Readonly<Record<string, { readonly Value?: readonly Record<string, { Value: readonly unknown[] }>[] }>>;

export class WebClient {
  readonly requested: Requested[] = [];
  readonly problems: string[] = [];
  readonly #options: ClientOptions;

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  /** Of all that was taken, what has no result. */
  get waiting(): Requested[] {
    return this.requested.filter(({ isTaken, results }) => isTaken && results.length === 0);
  }

  /** One transaction after another. */
  async work(goesOn: () => boolean): Promise<void> {
    const { index, random, at } = this.#options;
    while (goesOn()) {
      const requested: Requested = {
        ...transactionOf(index, this.requested.length + 1, random),
        ...{ isTaken: false, results: [] },
      };
      this.requested.push(requested);
      await this.#request(requested, goesOn);
      if (requested.isTaken && requested.results.length === 0) await at('client is told to wait');
      for (let i = 0; i < 10 && requested.isTaken && requested.results.length === 0; i++) {
        await sleep(50);
        await this.check(requested);
      }
      if (requested.results.length > 0) await at('client has its result');
    }
  }

  /** Asks for a result; false: nobody has answered. */
  async check(requested: Requested): Promise<boolean> {
    const answer = await this.#call('GET', requested.uid);
    if (answer === undefined || answer.status === 503) return false;
    if (answer.status === 200) requested.results.push(readModule(answer.body));
    else if (answer.status !== 202) this.problems.push(`${requested.uid}: ${answer.status} to a Result Check`);
    return true;
  }

  /** Until it is known to be taken. */
  async #request(requested: Requested, goesOn: () => boolean): Promise<void> {
    const { at, random } = this.#options;
    const body = JSON.stringify([moduleOf({ committed: requested.asked, failed: [] })]);
    let mayHaveArrived = false;
    for (;;) {
      const answering = this.#call('POST', requested.uid, body);
      await at('client has asked');
      const answer = await answering;
      const status = answer?.status;
      requested.isTaken = status === 200 || status === 202 || (status === 409 && mayHaveArrived);
      if (status === 200) requested.results.push(readModule(answer?.body ?? Buffer.alloc(0)));
      if (requested.isTaken) return;
      if (status === 409) this.problems.push(`${requested.uid}: a duplicate of nothing`);
      mayHaveArrived ||= status === undefined || status === 503;
      if (!goesOn()) return;
      await sleep(random.integer(20, 100));
    }
  }

  async #call(method: string, uid: string, body?: string): Promise<{ status: number; body: Buffer } | undefined> {
    try {
      return await call(this.#options.web, `/dicomweb/commitment-requests/${uid}`, {
        method,
        headers: { accept: JSON_TYPE, ...(body !== undefined && { 'content-type': JSON_TYPE }) },
        ...(body !== undefined && { body }),
        signal: AbortSignal.timeout(PATIENCE_MS),
      });
    } catch {
      return undefined;
    }
  }
}

function readModule(body: Buffer): Outcome {
  const parsed = JSON.parse(body.toString('utf8')) as Module | readonly Module[];
  const [module] = (Array.isArray(parsed) ? parsed : [parsed]) as readonly Module[];
  const named = (item: Record<string, { Value: readonly unknown[] }>): Instance => ({
    sopClass: item['00081150']?.Value[0] as string,
    instance: item['00081155']?.Value[0] as string,
  });
  return {
    committed: (module?.['00081199']?.Value ?? []).map(named),
    failed: (module?.['00081198']?.Value ?? []).map((item) => ({
      ...named(item),
      reason: item['00081197']?.Value[0] as number,
    })),
  };
}
