/**
 * A user agent's workitem in front of a classic RIS, through a gateway that ends at any step of it and is started anew: the
 * user agent asks again for what was not answered, and the RIS sees one MPPS with one life all the same (proxy flows 7.3 to 7.7).
 */
import { expect, test } from '@jest/globals';
import { toJson } from '../../../src/dataset/json.ts';
import { attribute, dataSetOf, firstText } from '../../../src/dataset/model.ts';
import type { DataSet } from '../../../src/dataset/model.ts';
import { ServiceFailure } from '../../../src/services/port.ts';
import type { MppsContext } from '../../../src/services/port.ts';
import type { WorkitemOptions, WorkitemState } from '../../../src/services/ups/workitem.ts';
import { workitemUidOf } from '../../../src/services/ups/step-id.ts';
import type { WorkitemService } from '../../../src/ups/workitems.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { collect, contextOf, entryOf } from '../../support/requests.ts';
import { ClassicRis, FacadeBed, Subscriber, USER_AGENT } from '../../support/ups/facade-bed.ts';
import { ENDED, Life } from '../../support/ups/life.ts';
import { PERFORMED, REASON } from '../../support/ups/script.ts';
import { WORKLIST } from '../../support/ups/worklist.ts';

const LOCK = '2.25.100001';
const PROGRESS = dataSetOf({
  '00741002': attribute('SQ', dataSetOf({ '00741004': attribute('DS', 50) })),
});

interface Request {
  readonly send: (service: WorkitemService, uid: string, context: MppsContext) => Promise<void>;
  /** What it changes of the workitem, to be seen in it for good. */
  readonly changes?: DataSet;
  /** How its repeat may end besides, when it was done and only the answer was lost. */
  readonly repeated?: string;
}

const change = (state: WorkitemState, repeated?: string): Request => ({
  send: (service, uid, context) => service.changeState(uid, state, LOCK, context),
  ...(repeated && { repeated }),
});
const update = (changes: DataSet): Request => ({
  send: (service, uid, context) => service.update(uid, LOCK, changes, context),
  changes,
});
const CANCEL: Request = {
  send: (service, uid, context) =>
    service.requestCancellation(uid, { requesterAeTitle: 'OTHER', attributes: dataSetOf({}) }, context),
};
const CLAIM = change('IN PROGRESS', 'STATE_CONFLICT');

interface Played {
  readonly title: string;
  readonly options?: Partial<WorkitemOptions>;
  readonly requests: readonly Request[];
  readonly states: readonly string[];
  readonly mpps: string;
}

const LIVES: readonly Played[] = [
  {
    title: 'performed and completed',
    requests: [CLAIM, update(PROGRESS), update(PERFORMED), change('COMPLETED')],
    states: ['SCHEDULED', 'IN PROGRESS', 'COMPLETED'],
    mpps: 'COMPLETED',
  },
  {
    title: 'canceled by its owner',
    requests: [CLAIM, update(REASON), change('CANCELED')],
    states: ['SCHEDULED', 'IN PROGRESS', 'CANCELED'],
    mpps: 'DISCONTINUED',
  },
  {
    title: 'canceled before anybody claimed it',
    options: { cancelScheduled: 'perform' },
    requests: [CANCEL],
    states: ['SCHEDULED', 'IN PROGRESS', 'CANCELED'],
    mpps: 'DISCONTINUED',
  },
  {
    title: 'canceled by another while it is performed',
    options: { cancelRequest: 'act' },
    requests: [CLAIM, CANCEL],
    states: ['SCHEDULED', 'IN PROGRESS', 'CANCELED'],
    mpps: 'DISCONTINUED',
  },
];

interface Told {
  readonly ended: boolean;
  readonly steps: readonly string[];
  /** What the RIS has of it, as text. */
  readonly mpps: readonly string[];
  /** What a subscriber was told of the state, the same twice in a row once. */
  readonly states: readonly (string | undefined)[];
}

let lives = 0;

/** Each life is that of another requested procedure. */
async function play(bed: FacadeBed, ris: ClassicRis, { requests, states }: Played, endsAt?: number): Promise<Told> {
  const requested = `RP${++lives}`;
  const entry = dataSetOf({ ...entryOf('PID-1'), '00401001': attribute('SH', requested) });
  const uid = workitemUidOf(entry);
  ris.entries.splice(0, Infinity, entry);
  ris.instances.clear();
  const query = { identifier: dataSetOf({}), returnKeys: 'all', fuzzyMatching: false, offset: 0 } as const;
  expect(await collect(bed.service.search(query, contextOf(USER_AGENT)))).toHaveLength(lives);
  const first = new Life(endsAt);
  let life = first;
  await bed.restart(life);
  for (const { send, repeated } of requests) {
    const attempt = (): Promise<unknown> => {
      const context = Object.assign(contextOf(USER_AGENT), { answerDelivered: Promise.resolve(true) });
      return life.outcomeOf(send(bed.service, uid, context));
    };
    if ((await attempt()) !== ENDED) continue;
    life = new Life();
    await bed.restart(life);
    const outcome = await attempt().catch((error: unknown) => (error instanceof ServiceFailure ? error.code : error));
    expect([undefined, repeated]).toContainEqual(outcome);
  }
  await bed.restart();
  const watcher = new Subscriber('WATCHER');
  const disconnect = bed.service.connect(watcher, contextOf(USER_AGENT));
  // The last report of the life before may come again: nobody knows whether it had arrived.
  const isOfThis = (report: DataSet): boolean => firstText(report, '00001000') === uid;
  await watcher.until((report) => isOfThis(report) && firstText(report, '00741000') === states.at(-1));
  disconnect();
  const told = watcher.reports
    .filter(isOfThis)
    .map((report) => firstText(report, '00741000'))
    .filter((state) => state !== undefined);
  const shown = await bed.service.retrieve(uid, contextOf(USER_AGENT));
  for (const { changes = {} } of requests) expect(shown).toMatchObject({ ...changes });
  return {
    ended: first.hasEnded,
    steps: first.steps,
    mpps: [...ris.instances.values()].map((mpps) => textOf(mpps).replace(`"${requested}"`, '"RP"')),
    states: told.filter((state, i) => state !== told[i - 1]),
  };
}

/** Performed Procedure Step ID and the UID of a series without images are made for each MPPS. */
function textOf({ '00400253': _id, ...mpps }: DataSet): string {
  return toJson(dataSetOf(mpps)).replace(/"2\.25\.\d+"/, '"2.25"');
}

test.each(LIVES)('$title: the same life whatever step the process ends at', async (life) => {
  const ris = new ClassicRis([]);
  const bed = await FacadeBed.open(ris, life.options, new FakeClock(Date.UTC(2026, 2, 1, 8)));
  await bed.service.subscribe(WORKLIST, 'WATCHER', { deletionLock: false }, contextOf(USER_AGENT));
  lives = 0;
  try {
    const whole = await play(bed, ris, life);
    expect(whole.states).toEqual(life.states);
    expect(whole.mpps).toEqual([expect.stringContaining(`"00400252":{"vr":"CS","Value":["${life.mpps}"]}`)]);
    expect(whole.steps.length).toBeGreaterThan(10);
    for (let step = 0; step < whole.steps.length; step++) {
      const { steps: _steps, ...told } = await play(bed, ris, life, step);
      const { steps, ...expected } = whole;
      const at = `ended at ${step}, ${steps[step]}`;
      expect({ at, ...told }).toEqual({ at, ...expected, ended: true });
    }
  } finally {
    await bed.close();
  }
});
