/** What SCUs of MPPS Notification are told of the messages of a route (PS3.4 F.9.2; proxy flows 11). */
import { describe, expect, test } from '@jest/globals';
import type { DataSet } from '../../../src/dataset/model.ts';
import type { AcceptedMessage } from '../../../src/gateway/forwarding.ts';
import { eventsOfMessage } from '../../../src/gateway/mpps-events.ts';
import { pendingRecord, storedRecord, updatedRecord } from '../../../src/gateway/mpps-record.ts';
import type { MppsTarget } from '../../../src/gateway/mpps-route.ts';
import { digestOfDataSet } from '../../../src/services/mpps/digest.ts';
import type { Hop, Requester } from '../../../src/services/port.ts';
import type { MppsRecord } from '../../../src/store/store.ts';
import { createMessage, finalMessage, mppsContextOf, MPPS_UID, progressMessage } from '../../support/mpps.ts';
import { NotifiedScu } from '../../support/notifications.ts';
import { WARD } from '../../support/requests.ts';

const HOPS: readonly Hop[] = [{ instance: 'other', route: 'there' }];
const scu = (name: string, aeTitle: string): NonNullable<MppsTarget['notifyTo']>[number] => ({
  upstream: { name, upstream: new NotifiedScu() },
  aeTitle,
});
const TARGET: MppsTarget = {
  route: 'all',
  upstream: { name: 'ris', upstream: new NotifiedScu() },
  request: undefined,
  response: undefined,
  forwardTo: [],
  notifyTo: [scu('board', 'BOARD'), scu('reader', 'READER')],
  options: {
    delivery: 'direct',
    validation: 'warn',
    missingInstanceUid: 'refuse',
    unknownInstance: 'pass',
    fillType2: true,
    preCreateOptional: false,
    defaults: undefined,
    retrieveFromCopy: false,
  },
};

const PENDING: MppsRecord = pendingRecord(
  { route: 'all', upstream: 'ris', uid: MPPS_UID },
  {
    attributes: createMessage(),
    createDigest: digestOfDataSet(createMessage()),
    copy: undefined,
    createdAt: 1,
    nowMs: 1,
    context: mppsContextOf(),
  },
);
const STORED = storedRecord(PENDING, false);
const after = (modifications: DataSet): MppsRecord =>
  updatedRecord(STORED, {
    modifications,
    digest: digestOfDataSet(modifications),
    keepsCopy: false,
    nowMs: 2,
    from: undefined,
  });

function messageOf(kind: 'create' | 'update', received: DataSet, requester: Requester = WARD): AcceptedMessage {
  const context = { ...mppsContextOf(requester), hops: HOPS };
  const digest = digestOfDataSet(received);
  return { kind, uid: MPPS_UID, received, digest, characterSet: 'ISO_IR 100', requester, context };
}

function typesOf(message: AcceptedMessage, before: MppsRecord | undefined): (number | undefined)[] {
  return eventsOfMessage({ ...TARGET, notifyTo: [scu('board', 'BOARD')] }, message, before).map(
    ({ eventType }) => eventType,
  );
}

const inState = (state: string): DataSet => ({ '00400252': { vr: 'CS', Value: [state] } });

describe('event types (PS3.4 Table F.9.2-1)', () => {
  test.each<[string, 'create' | 'update', DataSet, MppsRecord | undefined, number[]]>([
    ['a create: 1, In Progress', 'create', createMessage(), undefined, [1]],
    ['a create of a step that is over already: 2, Completed', 'create', { ...createMessage(), ...inState('COMPLETED') }, undefined, [2]],
    ['an update within the state: 4, Updated', 'update', progressMessage(), STORED, [4]],
    ['one that says again that it is in progress: 4', 'update', inState('IN PROGRESS'), STORED, [4]],
    ['a final update: 2, Completed, and not 4 for the series in it', 'update', finalMessage(), STORED, [2]],
    ['a discontinued step: 3', 'update', finalMessage('DISCONTINUED'), STORED, [3]],
    ['an update of an instance nobody created here: 4', 'update', progressMessage(), undefined, [4]],
    ['the end of such a one: 3', 'update', finalMessage('DISCONTINUED'), undefined, [3]],
    ['the same update again: nothing', 'update', progressMessage(), after(progressMessage()), []],
    ['another update after it: 4', 'update', progressMessage('further'), after(progressMessage()), [4]],
    ['an update of a create that had no answer: 1, then 4', 'update', progressMessage(), PENDING, [1, 4]],
    ['the end of such a one: 1, then 2', 'update', finalMessage(), PENDING, [1, 2]],
  ])('%s', (_what, kind, received, before, types) => {
    expect(typesOf(messageOf(kind, received), before)).toEqual(types);
  }); // prettier-ignore
});

test('an event has nothing of the patient, and the hops of its message', () => {
  const none = { received: {}, digest: digestOfDataSet({}) };
  const event = { route: 'all', uid: MPPS_UID, kind: 'event', eventType: 1, ...none, requester: WARD, hops: HOPS };
  expect(eventsOfMessage(TARGET, messageOf('create', createMessage()), undefined)).toEqual([
    { ...event, upstream: 'board', traceId: 'test-trace' },
    { ...event, upstream: 'reader', traceId: 'test-trace' },
  ]);
});

test('nobody is told of what came from there (proxy flows 11.6)', () => {
  const fromBoard = { ...WARD, callingAeTitle: 'BOARD ' };
  const events = eventsOfMessage(TARGET, messageOf('create', createMessage(), fromBoard), undefined);
  expect(events.map(({ upstream }) => upstream)).toEqual(['reader']);
});

test('a route without SCUs tells nothing', () => {
  const { notifyTo: _, ...target } = TARGET;
  expect(eventsOfMessage(target, messageOf('create', createMessage()), undefined)).toEqual([]);
});
