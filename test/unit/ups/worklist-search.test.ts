/** The worklist of a UPS-RS server (proxy flows 6.1): its workitems as entries, page by page. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { attribute, dataSetOf, firstText, itemsOf } from '../../../src/dataset/model.ts';
import type { DataSet } from '../../../src/dataset/model.ts';
import { SILENT } from '../../../src/observe/log.ts';
import type { WorklistQuery } from '../../../src/services/port.ts';
import { openMemoryStore } from '../../../src/store/sqlite.ts';
import type { UpsOptions } from '../../../src/ups/options.ts';
import { UpsUpstream } from '../../../src/ups/upstream.ts';
import { collect, contextOf, keepingLogger, queryOf } from '../../support/requests.ts';
import { jsonAnswer, moreResults, StubOriginServer } from '../../support/stub-origin-server.ts';
import { UPS_OPTIONS, UpstreamBed } from '../../support/ups/upstream-bed.ts';
import { scheduledWorkitem } from '../../support/ups/workitems.ts';

let close = async (): Promise<void> => {};
afterEach(() => close());

const uidOf = (number: number): string => `1.2.840.99.7.${number}`;
const KEYS = dataSetOf({ '00100020': attribute('LO'), '00400100': attribute('SQ') });

async function bedWith(count: number, options: Partial<UpsOptions> = {}, sparse = false): Promise<UpstreamBed> {
  const bed = await UpstreamBed.open(options, { sparse });
  close = () => bed.close();
  for (let number = 1; number <= count; number++)
    bed.server.schedule(uidOf(number), scheduledWorkitem(`PID-${number}`));
  return bed;
}

const search = async (
  { upstream }: { upstream: UpsUpstream },
  more: Partial<WorklistQuery> = {},
  identifier: DataSet = KEYS,
): Promise<{ patients: (string | undefined)[]; warnings: string[]; entries: DataSet[] }> => {
  const context = contextOf();
  const entries = await collect(upstream.search(queryOf(identifier, more), context));
  const patients = entries.map((entry) => firstText(entry, '00100020'));
  return { entries, patients, warnings: context.warnings.map(({ code }) => code) };
};

describe('a search', () => {
  test('reads page by page until all is there', async () => {
    const bed = await bedWith(7, { pageSize: 3 });
    expect((await search(bed)).patients).toEqual([1, 2, 3, 4, 5, 6, 7].map((number) => `PID-${number}`));
    const offsets = bed.server.requests.map(({ target }) => new URL(target, 'http://x').searchParams.get('offset'));
    expect(offsets).toEqual([null, '3', '6']);
  });

  test('shows what is SCHEDULED, as the configuration has it, and nothing else', async () => {
    const bed = await bedWith(3);
    bed.server.claimByAnother(uidOf(2));
    expect((await search(bed)).patients).toEqual(['PID-1', 'PID-3']);
    const both = await bedWithStates(bed, ['SCHEDULED', 'IN PROGRESS']);
    expect((await search(both)).patients).toEqual(['PID-1', 'PID-2', 'PID-3']);
    // Of two states a server is not asked for any.
    const over = await bedWithStates(bed, ['SCHEDULED', 'COMPLETED']);
    expect((await search(over)).patients).toEqual(['PID-1', 'PID-3']);
    const any = await bedWithStates(bed, []);
    expect((await search(any)).patients).toEqual(['PID-1', 'PID-2', 'PID-3']);
  });

  test('of pages counts entries, which are in one order, and says how many are left (PS3.18 8.3.4.4)', async () => {
    const bed = await bedWith(5);
    const page = { limit: 2, offset: 1, stableOrder: true };
    const { patients, warnings } = await search(bed, page);
    expect([patients, warnings]).toEqual([['PID-2', 'PID-3'], ['MORE_RESULTS']]);
    const context = contextOf();
    await collect(bed.upstream.search(queryOf(KEYS, page), context));
    expect(context.warnings).toMatchObject([{ code: 'MORE_RESULTS', remaining: 2 }]);
  });

  test('matches what the server cannot, and says which keys workitems have nothing for (FF01)', async () => {
    const bed = await bedWith(2);
    const keys = dataSetOf({ ...KEYS, '00401005': attribute('LO', 'ROOM 7') });
    expect(await search(bed, {}, keys)).toMatchObject({
      patients: ['PID-1', 'PID-2'],
      warnings: ['OPTIONAL_KEYS_NOT_SUPPORTED'],
    });
    const described = dataSetOf({
      ...KEYS,
      '00400100': attribute('SQ', dataSetOf({ '00400007': attribute('LO', 'MR*') })),
    });
    expect((await search(bed, {}, described)).patients).toEqual([]);
  });

  test('does fuzzy matching and zones of queries plainly, each with its warning', async () => {
    const bed = await bedWith(1);
    const { warnings } = await search(bed, { fuzzyMatching: true, timezoneAdjustment: true });
    expect(warnings).toEqual(['FUZZY_MATCHING_NOT_SUPPORTED', 'TIMEZONE_NOT_SUPPORTED']);
  });

  test('retrieves each workitem where a search leaves attributes out; one that is gone meanwhile is none', async () => {
    const bed = await bedWith(3, { retrieveEach: true }, true);
    bed.server.at = (moment, transaction) => {
      if (moment === 'before' && transaction === 'retrieve') bed.server.worklist.remove(uidOf(2));
    };
    const { patients, entries } = await search(bed);
    expect(patients).toEqual(['PID-1', 'PID-3']);
    expect(firstText(itemsOf(entries[0]?.['00400100'])[0] ?? {}, '00400007')).toBe('CT of the thorax');
  });

  test('remembers what it shows, before it is shown', async () => {
    const bed = await bedWith(1);
    for await (const entry of bed.upstream.search(queryOf(KEYS), contextOf())) {
      const stepId = firstText(itemsOf(entry['00400100'])[0] ?? {}, '00400009') ?? '';
      expect(await bed.store.claims.findStep('ups', '1.2.3.4', stepId)).toBe(uidOf(1));
    }
  });

  test('shows the list also when the store cannot remember it', async () => {
    const logger = keepingLogger();
    const bed = await bedWith(1);
    const claims = { ...bed.store.claims, see: () => Promise.reject(new TypeError('no room')) };
    const upstream = new UpsUpstream({ ...UPS_OPTIONS, baseUrl: bed.server.baseUrl }, claims, logger);
    expect((await search({ upstream })).patients).toEqual(['PID-1']);
    expect(logger.lines).toMatchObject([{ level: 'error' }]);
    await upstream.close();
  });

  async function bedWithStates(bed: UpstreamBed, states: UpsOptions['states']): Promise<{ upstream: UpsUpstream }> {
    const options = { ...UPS_OPTIONS, baseUrl: bed.server.baseUrl, states };
    const upstream = new UpsUpstream(options, bed.store.claims, SILENT);
    const before = close;
    close = async () => {
      await upstream.close();
      await before();
    };
    return { upstream };
  }
});

describe('a server whose pages are not what they should be', () => {
  const shown = (number: number): DataSet =>
    dataSetOf({ ...scheduledWorkitem(`PID-${number}`), '00080018': attribute('UI', uidOf(number)) });

  async function stub(pages: readonly (readonly number[])[], announces: boolean): Promise<{ upstream: UpsUpstream }> {
    const server: StubOriginServer = await StubOriginServer.start((_request, index) => {
      const page = pages[index];
      if (page === undefined || page.length === 0) return { status: 204 };
      return jsonAnswer(page.map(shown), announces ? moreResults(server.baseUrl, 3) : {});
    });
    const store = await openMemoryStore();
    const options = { ...UPS_OPTIONS, baseUrl: server.baseUrl, ...(!announces && { pageSize: 2 }) };
    const upstream = new UpsUpstream(options, store.claims, SILENT);
    close = async () => {
      await upstream.close();
      await store.close();
      await server.close();
    };
    return { upstream };
  }

  test('shows no workitem twice where the list has moved between two pages', async () => {
    const bed = await stub([[1, 2], [2, 3], []], false);
    expect((await search(bed)).patients).toEqual(['PID-1', 'PID-2', 'PID-3']);
  });

  test('is not asked for ever: more is announced and nothing new comes (C00DH)', async () => {
    const bed = await stub(
      Array.from({ length: 9 }, () => [1, 2]),
      true,
    );
    await expect(search(bed)).rejects.toMatchObject({ code: 'PAGING_NOT_SUPPORTED' });
  });
});
