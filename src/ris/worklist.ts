/**
 * The worklist of the embedded RIS in its store: entries of the configuration's files, and those that an interface
 * engine sends. Each is known by `entryIdOf`, whichever way it came; what an engine says goes before the file.
 */
import { createHash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { pathToText } from '../dataset/attribute-path.ts';
import { toJson } from '../dataset/json.ts';
import type { DataSet } from '../dataset/model.ts';
import { GatewayError } from '../errors.ts';
import type { Logger } from '../observe/log.ts';
import { KeyedQueue } from '../store/keyed-queue.ts';
import type { NewRisEntry, RisEntries, RisEntry, RisEntryFilter } from '../store/ris-records.ts';
import { checkEntry, entryIdOf, entryInvalid, indexOf, refuseInvalid } from './entry.ts';

/** Entries in one transaction: an fsync for each would take minutes for a long file. */
const BATCH = 500;

/** What became of the entries of the files. */
export interface Imported {
  readonly added: number;
  readonly changed: number;
  readonly unchanged: number;
  /** Gone from the files. */
  readonly removed: number;
  /** An entry that came by the API has the same id and stays. */
  readonly overruled: number;
}

export class RisWorklist {
  readonly #upstream: string;
  readonly #entries: RisEntries;
  readonly #logger: Logger;
  /** Changes of one entry: each looks first whether it is there. */
  readonly #changes = new KeyedQueue();

  /** @param upstream name of the RIS among the upstreams: the entries of each are its own */
  constructor(upstream: string, entries: RisEntries, logger: Logger) {
    this.#upstream = upstream;
    this.#entries = entries;
    this.#logger = logger;
  }

  /**
   * @param entry one Scheduled Procedure Step
   * @throws GatewayError ENTRY_INVALID, ENTRY_EXISTS, STORE_*
   */
  async create(entry: DataSet): Promise<RisEntry> {
    refuseInvalid(entry);
    const id = entryIdOf(entry);
    return this.#changes.run(id, async () => {
      if ((await this.get(id)) !== undefined) {
        throw new GatewayError('ENTRY_EXISTS', `the worklist entry ${id} is there already`, {
          fix: `Replace the entry ${id}, or cancel it first.`,
        });
      }
      return (await this.#write(id, entry)).entry;
    });
  }

  /**
   * Puts an entry in place of the one with its id, or makes it; performed steps that were linked to it stay linked.
   * @throws GatewayError ENTRY_INVALID, also when the id is not the one of the entry; STORE_*
   */
  async replace(id: string, entry: DataSet): Promise<{ entry: RisEntry; isNew: boolean }> {
    refuseInvalid(entry);
    if (entryIdOf(entry) !== id) {
      throw entryInvalid(
        `the worklist entry has another id than that of the path: StudyInstanceUID (0020000D), RequestedProcedureID (00401001), ` +
          'ScheduledProcedureStepID (00400100.00400009) or AccessionNumber (00080050) differ',
        'Cancel the entry of the path and create the other.',
      );
    }
    return this.#changes.run(id, () => this.#write(id, entry));
  }

  /**
   * Takes an entry off the list at once; a performed step that names it from now on is unscheduled. An entry of a file
   * comes back with the next import, unless it is taken out of the file too.
   * @returns false: there is none
   * @throws GatewayError STORE_*
   */
  cancel(id: string): Promise<boolean> {
    return this.#changes.run(id, () => this.#entries.remove({ upstream: this.#upstream, id }, 'disk'));
  }

  /** @throws GatewayError STORE_* */
  get(id: string): Promise<RisEntry | undefined> {
    return this.#entries.get({ upstream: this.#upstream, id });
  }

  /** In the order of a search. @throws GatewayError STORE_* */
  find(filter: RisEntryFilter): AsyncIterable<RisEntry> {
    return this.#entries.find(this.#upstream, filter);
  }

  /**
   * Makes the entries of the files what the files now say: all are checked before the first is written. Of several with
   * one id the last counts.
   * @throws GatewayError ENTRY_INVALID naming the entry by its place, counted from 1; STORE_*
   */
  async importSeed(seed: Iterable<DataSet> | AsyncIterable<DataSet>): Promise<Imported> {
    const present = await this.#digests();
    const given = new Map<string, DataSet>();
    const missing = new Set<string>();
    let place = 0;
    for await (const entry of seed) {
      refuseInvalid(entry, `entry ${++place}`);
      for (const { path } of checkEntry(entry)) missing.add(pathToText(path, 'keyword'));
      given.set(entryIdOf(entry), entry);
      if (place % BATCH === 0) await nextTurn();
    }
    const counts = { added: 0, changed: 0, unchanged: 0, overruled: 0 };
    let batch: NewRisEntry[] = [];
    for (const [id, scheduled] of given) {
      const before = present.get(id);
      if (before?.source === 'api') counts.overruled++;
      else if (before?.digest === digestOf(scheduled)) counts.unchanged++;
      else {
        counts[before === undefined ? 'added' : 'changed']++;
        batch.push(this.#newEntry(id, 'seed', scheduled));
      }
      if (batch.length === BATCH) {
        await this.#entries.put(batch, 'disk');
        batch = [];
      }
    }
    if (batch.length > 0) await this.#entries.put(batch, 'disk');
    const removed = await this.#entries.removeSeedExcept(this.#upstream, new Set(given.keys()));
    const imported = { ...counts, removed };
    this.#report(imported, place - given.size, [...missing]);
    return imported;
  }

  async #write(id: string, scheduled: DataSet): Promise<{ entry: RisEntry; isNew: boolean }> {
    const added = await this.#entries.put([this.#newEntry(id, 'api', scheduled)], 'disk');
    const entry = await this.get(id);
    if (entry === undefined) {
      throw new GatewayError('STORE_FAILED', `another process took the worklist entry ${id} away at once`, {
        fix: 'Send the entry again, if it is still to be done.',
      });
    }
    return { entry, isNew: added > 0 };
  }

  #newEntry(id: string, source: 'seed' | 'api', scheduled: DataSet): NewRisEntry {
    return { upstream: this.#upstream, id, source, scheduled, index: indexOf(scheduled) };
  }

  /** Of every entry that is there, without holding the entries themselves. */
  async #digests(): Promise<Map<string, { source: 'seed' | 'api'; digest: string }>> {
    const digests = new Map<string, { source: 'seed' | 'api'; digest: string }>();
    for await (const { id, source, scheduled } of this.find({})) {
      digests.set(id, { source, digest: source === 'seed' ? digestOf(scheduled) : '' });
      if (digests.size % BATCH === 0) await nextTurn();
    }
    return digests;
  }

  #report(imported: Imported, repeated: number, missing: readonly string[]): void {
    const { overruled } = imported;
    const log = this.#logger.child({ upstream: this.#upstream });
    log.info('worklist entries imported', { ...imported });
    if (overruled > 0) log.warn('worklist entries of the API stay in place of those of the file', { count: overruled });
    if (repeated > 0)
      log.warn('worklist entries stand in the files more than once: the last counts', { count: repeated });
    if (missing.length > 0) log.warn('worklist entries lack values that searches ask for', { attributes: missing });
  }
}

/** Tells whether a file says something else than before; in the order of the tags, so that properties may move. */
function digestOf(entry: DataSet): string {
  return createHash('sha256').update(toJson(entry)).digest('base64');
}
