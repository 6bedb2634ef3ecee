/**
 * A modality's MPPS at a UPS-RS server, through a gateway that ends at any step of it and is started anew: the modality sends
 * again what was not answered, and the workitem lives one life all the same (proxy flows 6.2 to 6.5, status mapping 11.1).
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { attribute, dataSetOf, firstText } from '../../../src/dataset/model.ts';
import type { DataSet } from '../../../src/dataset/model.ts';
import { SILENT } from '../../../src/observe/log.ts';
import { ServiceFailure } from '../../../src/services/port.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { createMessage, finalMessage, seriesMessage } from '../../support/mpps.ts';
import { contextOf } from '../../support/requests.ts';
import { ENDED, Life } from '../../support/ups/life.ts';
import { UpstreamBed } from '../../support/ups/upstream-bed.ts';
import { scheduledWorkitem } from '../../support/ups/workitems.ts';
import { WORKLIST } from '../../support/ups/worklist.ts';

const PATIENT_ID = '00100020';

interface Message {
  readonly kind: 'create' | 'update';
  readonly attributes: DataSet;
  /** How its repeat may end besides, when it was done and only the answer was lost. */
  readonly repeated?: string;
}

const FINAL = 'INSTANCE_FINAL';
const CREATE: Message = { kind: 'create', attributes: createMessage() };
const SERIES: Message = { kind: 'update', attributes: seriesMessage(2) };
const LIVES: readonly [string, readonly Message[]][] = [
  ['COMPLETED', [CREATE, SERIES, { kind: 'update', attributes: finalMessage(), repeated: FINAL }]],
  [
    'CANCELED',
    [
      CREATE,
      { kind: 'update', attributes: dataSetOf({ '00400252': attribute('CS', 'DISCONTINUED') }), repeated: FINAL },
    ],
  ],
];

interface Told {
  readonly workitem: DataSet;
  /** States a subscriber was told. */
  readonly states: (string | undefined)[];
  readonly steps: readonly string[];
  /** Steps of the life that had to be ended, and whether it was. */
  readonly ended: boolean;
  readonly phases: unknown;
}

let bed: UpstreamBed;
let lives = 0;
beforeAll(async () => {
  bed = await UpstreamBed.open({}, {}, SILENT, new FakeClock(Date.UTC(2026, 2, 1, 8)));
  bed.server.worklist.subscribe(WORKLIST, 'WATCHER', false);
});
afterAll(() => bed.close());

/** Each life is that of another patient. */
async function play(messages: readonly Message[], endsAt?: number): Promise<Told> {
  const patientId = `PID-${++lives}`;
  const [mppsUid, workitemUid] = [`1.2.276.0.7230010.3.9.${lives}`, `1.2.840.99.7.${lives}`];
  bed.server.schedule(workitemUid, scheduledWorkitem(patientId));
  const reported = bed.server.reports.length;
  const first = new Life(endsAt);
  let life = first;
  await bed.restart(life);
  for (const { kind, attributes, repeated } of messages) {
    const send = async (): Promise<unknown> => {
      const { promise: answerDelivered, resolve } = Promise.withResolvers<boolean>();
      const context = Object.assign(contextOf(), { answerDelivered });
      const { gateway } = bed;
      const operation = kind === 'create' ? 'createMpps' : 'updateMpps';
      const about = kind === 'create' ? { [PATIENT_ID]: attribute('LO', patientId) } : {};
      const outcome = await life.outcomeOf(
        gateway[operation](mppsUid, dataSetOf({ ...attributes, ...about }), context),
      );
      resolve(outcome !== ENDED);
      return outcome === ENDED ? ENDED : 'done';
    };
    if ((await send()) !== ENDED) continue;
    life = new Life();
    await bed.restart(life);
    const outcome = await send().catch((error: unknown) => (error instanceof ServiceFailure ? error.code : error));
    expect(['done', repeated]).toContainEqual(outcome);
  }
  const claim = await bed.store.claims.get('ups', mppsUid);
  const { [PATIENT_ID]: _patientId, '00080018': _uid, ...workitem } = bed.server.worklist.get(workitemUid) as DataSet;
  return {
    workitem,
    states: bed.server.reports
      .slice(reported)
      .map(({ report }) => firstText(report, '00741000'))
      .filter(Boolean),
    steps: first.steps,
    ended: first.hasEnded,
    phases: claim?.workitems.map(({ phase, ...claimed }) => [phase, claimed.workitemUid === workitemUid]),
  };
}

describe.each(LIVES)('an MPPS whose workitem ends as %s', (state, messages) => {
  test('lives the same life whatever step the process ends at', async () => {
    const whole = await play(messages);
    expect(whole.states).toEqual(['IN PROGRESS', state]);
    expect(whole.phases).toEqual([['final', true]]);
    expect(whole.steps.length).toBeGreaterThan(10);
    for (let step = 0; step < whole.steps.length; step++) {
      const { workitem, states, phases, ended } = await play(messages, step);
      const at = `ended at ${step}, ${whole.steps[step]}`;
      expect({ at, ended, states, phases, workitem }).toEqual({
        at,
        ended: true,
        states: whole.states,
        phases: whole.phases,
        workitem: whole.workitem,
      });
    }
  });
});
