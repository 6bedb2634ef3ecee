/** An archive in memory behind the port: it keeps some instances, and says so at once or when it is asked again. */
import type { DataSet } from '../../src/dataset/model.ts';
import { ServiceFailure } from '../../src/services/port.ts';
import type { Upstream } from '../../src/services/port.ts';
import { CLASS_INSTANCE_CONFLICT, NO_SUCH_OBJECT_INSTANCE } from '../../src/services/storage-commitment/commitment.ts';
import type {
  CommitmentStatus,
  FailedReference,
  SopReference,
  ToldCommitment,
} from '../../src/services/storage-commitment/commitment.ts';

export class Archive implements Upstream {
  readonly commitmentResult = 'checked';
  /** SOP class of each instance it keeps. */
  readonly #kept: ReadonlyMap<string, string>;
  readonly #told = new Map<string, { told: ToldCommitment; checksLeft: number }>();
  /** Result Checks of each transaction that are answered as pending. */
  checks = 0;

  constructor(kept: readonly SopReference[]) {
    this.#kept = new Map(kept.map(({ sopInstanceUid, sopClassUid }) => [sopInstanceUid, sopClassUid]));
  }

  async requestCommitment(transactionUid: string, references: readonly SopReference[]): Promise<CommitmentStatus> {
    const told = this.#judge(references);
    this.#told.set(transactionUid, { told, checksLeft: this.checks });
    return this.checks === 0 ? { state: 'done', told } : { state: 'pending' };
  }

  async checkCommitment(transactionUid: string): Promise<CommitmentStatus> {
    const transaction = this.#told.get(transactionUid);
    if (transaction === undefined) throw new ServiceFailure('NO_SUCH_INSTANCE');
    if (transaction.checksLeft-- > 0) return { state: 'pending' };
    return { state: 'done', told: transaction.told };
  }

  notifyMpps(): Promise<never> {
    return Promise.reject(new ServiceFailure('NOT_SUPPORTED'));
  }

  reportCommitment(): Promise<never> {
    return Promise.reject(new ServiceFailure('NOT_SUPPORTED'));
  }

  async *search(): AsyncGenerator<DataSet> {}
  createMpps(): Promise<never> {
    return Promise.reject(new ServiceFailure('NOT_SUPPORTED'));
  }
  updateMpps(): Promise<never> {
    return Promise.reject(new ServiceFailure('NOT_SUPPORTED'));
  }
  retrieveMpps(): Promise<never> {
    return Promise.reject(new ServiceFailure('NOT_SUPPORTED'));
  }
  verify(): Promise<void> {
    return Promise.resolve();
  }
  close(): Promise<void> {
    return Promise.resolve();
  }

  #judge(references: readonly SopReference[]): ToldCommitment {
    const committed: SopReference[] = [];
    const failed: FailedReference[] = [];
    for (const reference of references) {
      const kept = this.#kept.get(reference.sopInstanceUid);
      if (kept === reference.sopClassUid) committed.push(reference);
      else
        failed.push({ ...reference, reason: kept === undefined ? NO_SUCH_OBJECT_INSTANCE : CLASS_INSTANCE_CONFLICT });
    }
    return { committed, failed };
  }
}
