/** The restore drill of docs/operations.md: a copy is put to work after the store it was taken from went on delivering. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SpoolOperator } from '../../src/console/spool-operator.ts';
import { systemClock } from '../../src/gateway/clock.ts';
import { SpoolDelivery } from '../../src/gateway/spool-delivery.ts';
import { SILENT } from '../../src/observe/log.ts';
import type { DeliveryAttempt } from '../../src/observe/spool.ts';
import { openStore } from '../../src/store/sqlite.ts';
import type { Store } from '../../src/store/store.ts';
import { createMessage, FarEnd, finalMessage, MPPS_UID, progressMessage } from '../support/mpps.ts';
import { messageOf } from '../support/spool-bed.ts';

const OPTIONS = { concurrency: 4, firstDelayMs: 5, maximumDelayMs: 20, attemptTimeoutMs: 5_000, leaseMs: 10_000 };
const FINAL = finalMessage();
const CREATE = messageOf('create', createMessage());
const UPDATE = messageOf('update', progressMessage());
const COMPLETE = messageOf('update', FINAL);

let folder: string;
let copy: string;
let far: FarEnd;
let store: Store;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dimseway-'));
  copy = join(folder, 'copy.db');
  far = new FarEnd();
  store = await openStore({ path: join(folder, 'dimseway.db') });
});
afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true });
});

/** Delivers until nothing is queued but what stands behind a dead letter; how each attempt ended. */
async function deliverAll(): Promise<string[]> {
  const ends: string[] = [];
  const idle = Promise.withResolvers<void>();
  const look = async (): Promise<void> => {
    const [{ queued = 0, dead = 0 } = {}] = await store.spool.depths();
    if (queued === 0 || dead > 0) idle.resolve();
  };
  const observer = ({ kind, outcome, failureCode }: DeliveryAttempt): void => {
    ends.push([kind, outcome, failureCode].filter((each) => each !== undefined).join(' '));
    look().catch(idle.reject);
  };
  const delivery = new SpoolDelivery(store, SILENT, systemClock, { observer });
  const upstream = { name: 'far', upstream: far };
  delivery.replaceTargets([{ route: 'all', upstream, request: undefined, isForward: false, options: OPTIONS }]);
  await look();
  await idle.promise;
  await delivery.close(1_000);
  return ends;
}

async function restore(): Promise<void> {
  await store.close();
  store = await openStore({ path: copy });
}

describe.each([
  ['with Retrieve', true],
  ['without Retrieve', false],
])('what was delivered after the backup, at a far end %s', (_what, canRetrieve) => {
  beforeEach(() => {
    far.canRetrieve = canRetrieve;
  });

  test('has arrived: the step is there once, as it was, and nothing is left to a person', async () => {
    await store.mpps.accept(undefined, [CREATE, COMPLETE]);
    await store.backup(copy);
    expect(await deliverAll()).toEqual(['create delivered', 'update delivered']);
    const before = far.instances.get(MPPS_UID);

    await restore();
    expect(await store.spool.list({})).toMatchObject([{ inDoubt: true }, { inDoubt: true }]);
    expect(await deliverAll()).toEqual(['create delivered', 'update delivered']);
    expect(far.instances).toEqual(new Map([[MPPS_UID, before]]));
    expect(await store.spool.depths()).toEqual([]);
  });

  test('an update that is not final is sent again to the same effect while the step is in progress', async () => {
    await store.mpps.accept(undefined, [CREATE, UPDATE]);
    await store.backup(copy);
    await deliverAll();
    const before = far.instances.get(MPPS_UID);
    await restore();
    expect(await deliverAll()).toEqual(['create delivered', 'update delivered']);
    expect(far.instances.get(MPPS_UID)).toEqual(before);
  });

  test('an update that is not final is a dead letter once the step is final; discarded, the spool is empty', async () => {
    await store.mpps.accept(undefined, [CREATE, UPDATE]);
    await store.backup(copy);
    await store.mpps.accept(undefined, [COMPLETE]);
    await deliverAll();
    const before = far.instances.get(MPPS_UID);
    await restore();
    expect(await deliverAll()).toEqual(['create delivered', 'update dead INSTANCE_FINAL']);
    expect(far.instances.get(MPPS_UID)).toEqual(before);
    const [letter] = await store.spool.list({ state: 'dead' });
    await new SpoolOperator(store.spool, () => undefined, SILENT).discard(letter?.id ?? 0, 'the step is complete');
    expect(await store.spool.depths()).toEqual([]);
  });
});

test('what was acknowledged before the backup and not delivered is delivered by the copy', async () => {
  await store.mpps.accept(undefined, [CREATE, UPDATE, COMPLETE]);
  await store.backup(copy);
  await restore();
  expect(await deliverAll()).toEqual(['create delivered', 'update delivered', 'update delivered']);
  expect(far.arrived).toEqual([`create ${MPPS_UID}`, `update ${MPPS_UID}`, `update ${MPPS_UID}`]);
});
