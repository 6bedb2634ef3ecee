/** What the standard words for workitems (PS3.18 11): Warnings of answers that succeed; those of failures are in outcomes.ts. */
import type { ServiceWarning } from '../port.ts';

export const WORKITEM_WARNINGS = {
  createdWithModifications: {
    code: 'VALUES_CHANGED',
    text: 'The Workitem was created with modifications.',
    dimseStatus: 0xb300,
  },
  updatedWithModifications: {
    code: 'VALUES_CHANGED',
    text: 'The Workitem was updated with modifications.',
    dimseStatus: 0xb305,
  },
  optionalAttributesNotSupported: {
    code: 'ATTRIBUTES_IGNORED',
    text: 'Requested optional Attributes are not supported.',
    dimseStatus: 0x0001,
  },
  alreadyCanceled: {
    code: 'ALREADY_IN_STATE',
    text: 'The UPS is already in the requested state of CANCELED.',
    dimseStatus: 0xb304,
  },
  alreadyCompleted: {
    code: 'ALREADY_IN_STATE',
    text: 'The UPS is already in the requested state of COMPLETED.',
    dimseStatus: 0xb306,
  },
  deletionLockNotGranted: {
    code: 'DELETION_LOCK_NOT_GRANTED',
    text: 'Deletion Lock not granted.',
    dimseStatus: 0xb301,
  },
} as const satisfies Record<string, ServiceWarning>;
