/**
 * A user agent's workitem in front of a classic RIS, through a gateway that ends at any step of it and is started anew: the
 * user agent asks again for what was not answered, and the RIS sees one MPPS with one life all the same (proxy flows 7.3 to 7.7).
 */
import { expect, test } from '@jest/globals';
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
const ENTRY = dataSetOf({ ...entryOf('PID-1'), '00401001': attribute('SH', 'RP1') });
const UID = workitemUidOf(ENTRY);
const PROGRESS = dataSetOf({
  '00741002': attribute('SQ', dataSetOf({ '00741004': attribute('DS', 50) })),
});

interface Request {
  readonly send: (service: WorkitemService, context: MppsContext) => Promise<void>;
  /** What it changes of the workitem, to be seen in it for good. */
  readonly changes?: DataSet;
  /** How its repeat may end besides, when it was done and only the answer was lost. */
  readonly repeated?: string;
}

const change = (state: WorkitemState, repeated?: string): Request => ({
  send: (service, context) => service.changeState(UID, state, LOCK, context),
  ...(repeated && { repeated }),
});
const update = (changes: DataSet): Request => ({
  send: (service, context) => service.update(UID, LOCK, changes, context),
  changes,
});
const CANCEL: Request = {
  send: (service, context) =>
    service.requestCancellation(UID, { requesterAeTitle: 'OTHER', attributes: dataSetOf({}) }, context),
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
  /** What the RIS has. */
  readonly mpps: readonly DataSet[];
  /** What a subscriber was told of the state, the same twice in a row once. */
  readonly states: readonly (string | undefined)[];
}

async function play({ options, requests, states }: Played, endsAt?: number): Promise<Told> {
  const ris = new ClassicRis([ENTRY]);
  const clock = new FakeClock(Date.UTC(2026, 2, 1, 8));
  const bed = await FacadeBed.open(ris, options, clock);
  try {
    await bed.service.subscribe(WORKLIST, 'WATCHER', { deletionLock: false }, contextOf(USER_AGENT));
    const query = { identifier: dataSetOf({}), returnKeys: 'all', fuzzyMatching: false, offset: 0 } as const;
    expect(await collect(bed.service.search(query, contextOf(USER_AGENT)))).toHaveLength(1);
    const first = new Life(endsAt);
    let life = first;
    await bed.restart(life);
    for (const { send, repeated } of requests) {
      const attempt = (): Promise<unknown> => {
        const context = Object.assign(contextOf(USER_AGENT), { answerDelivered: Promise.resolve(true) });
        return life.outcomeOf(send(bed.service, context));
      };
      if ((await attempt()) !== ENDED) continue;
      life = new Life();
      await bed.restart(life);
      const outcome = await attempt().catch((error: unknown) => (error instanceof ServiceFailure ? error.code : error));
      expect([undefined, repeated]).toContainEqual(outcome);
    }
    await bed.restart();
    const watcher = new Subscriber('WATCHER');
    bed.service.connect(watcher, contextOf(USER_AGENT));
    await watcher.until((report) => firstText(report, '00741000') === states.at(-1));
    const told = watcher.reports.map((report) => firstText(report, '00741000')).filter((state) => state !== undefined);
    const shown = await bed.service.retrieve(UID, contextOf(USER_AGENT));
    for (const { changes = {} } of requests) expect(shown).toMatchObject({ ...changes });
    return {
      ended: first.hasEnded,
      steps: first.steps,
      mpps: [...ris.instances.values()].map(withoutId),
      states: told.filter((state, i) => state !== told[i - 1]),
    };
  } finally {
    await bed.close();
  }
}

/** Performed Procedure Step ID is made for each MPPS. */
function withoutId({ '00400253': _id, ...mpps }: DataSet): DataSet {
  return mpps;
}

test.each(LIVES)('$title: the same life whatever step the process ends at', async (life) => {
  const whole = await play(life);
  expect(whole.states).toEqual(life.states);
  expect(whole.mpps.map((mpps) => firstText(mpps, '00400252'))).toEqual([life.mpps]);
  expect(whole.steps.length).toBeGreaterThan(10);
  for (let step = 0; step < whole.steps.length; step++) {
    const { steps: _steps, ...told } = await play(life, step);
    const { steps, ...expected } = whole;
    const at = `ended at ${step}, ${steps[step]}`;
    expect({ at, ...told }).toEqual({ at, ...expected, ended: true });
  }
});
