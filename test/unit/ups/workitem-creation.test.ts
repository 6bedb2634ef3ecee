import { afterEach, describe, expect, test } from '@jest/globals';
import { attribute, dataSetOf, firstText, itemsOf } from '../../../src/dataset/model.ts';
import type { DataSet } from '../../../src/dataset/model.ts';
import { WORKLIST_UID } from '../../../src/services/ups/workitem.ts';
import { entryOf } from '../../support/requests.ts';
import { scheduledWorkitem } from '../../support/ups/workitems.ts';
import { Listener, LOCK, performedPart, ServiceBed } from '../../support/workitem-service.ts';

const UID = '2.25.77';

let bed: ServiceBed;
afterEach(() => bed.close());

function create(workitem: DataSet, uid: string | undefined = UID, context = bed.context()): Promise<string> {
  return bed.service.create(uid, workitem, context);
}

describe('workitems of user agents (status mapping 11.2, PS3.4 CC.2.5, PS3.18 11.4)', () => {
  test('are 501 by default: a worklist has no place for them', async () => {
    bed = await ServiceBed.open();
    await expect(create(scheduledWorkitem())).rejects.toMatchObject({ code: 'OPERATION_NOT_SUPPORTED' });
  });

  test('are kept by option, found beside the worklist, and performed as an MPPS without a scheduled step', async () => {
    bed = await ServiceBed.open({ create: 'keep' }, [entryOf('PID-2')]);
    const context = bed.context();
    expect(await create(scheduledWorkitem(), UID, context)).toBe(UID);
    expect(context.warnings.map(({ dimseStatus }) => dimseStatus)).toEqual([0xb300]);
    expect((await bed.search()).map((found) => firstText(found, '00100020'))).toEqual(['PID-2', 'PID-1']);
    await bed.service.changeState(UID, 'IN PROGRESS', LOCK, bed.context());
    await bed.service.update(UID, LOCK, performedPart(), bed.context());
    await bed.service.changeState(UID, 'COMPLETED', LOCK, bed.context());
    const [mpps = {}] = bed.far.instances.values();
    const [step = {}] = itemsOf(mpps['00400270']);
    expect([firstText(mpps, '00100020'), firstText(mpps, '00400252'), firstText(step, '0020000D')]).toEqual([
      'PID-1',
      'COMPLETED',
      '1.2.3.4',
    ]);
  });

  test('get a UID where none is named, and none twice', async () => {
    bed = await ServiceBed.open({ create: 'keep' });
    const generated = await bed.service.create(undefined, scheduledWorkitem(), bed.context());
    expect(generated).toMatch(/^2\.25\./);
    await expect(create(scheduledWorkitem(), generated)).rejects.toMatchObject({ code: 'DUPLICATE_INSTANCE' });
    await expect(create(scheduledWorkitem(), WORKLIST_UID)).rejects.toMatchObject({ code: 'INVALID_UID' });
  });

  test('are told to those subscribed to the worklist', async () => {
    bed = await ServiceBed.open({ create: 'keep' });
    await bed.service.subscribe(WORKLIST_UID, 'WATCH', { deletionLock: false }, bed.context());
    const listener = new Listener('WATCH');
    bed.service.connect(listener, bed.context());
    await create(scheduledWorkitem());
    expect(await listener.eventsOf(1)).toEqual(['1 SCHEDULED']);
  });

  test.each([
    ['in another state', { '00741000': attribute('CS', 'IN PROGRESS') }, 'WORKITEM_NOT_SCHEDULED', ['00741000']],
    ['with a lock', { '00081195': attribute('UI', '2.25.9') }, 'WORKITEM_NOT_SCHEDULED', ['00081195']],
    ['begun', { '00741216': attribute('SQ', dataSetOf({})) }, 'WORKITEM_NOT_SCHEDULED', ['00741216']],
    ['without a label', { '00741204': attribute('LO') }, 'MISSING_VALUE', ['00741204']],
  ])('are refused %s', async (_, more, code, attributes) => {
    bed = await ServiceBed.open({ create: 'keep' });
    await expect(create(scheduledWorkitem('PID-1', more))).rejects.toMatchObject({ code, attributes });
    const { '00741200': _priority, ...without } = scheduledWorkitem();
    await expect(create(without)).rejects.toMatchObject({ code: 'MISSING_ATTRIBUTE', attributes: ['00741200'] });
  });
});
