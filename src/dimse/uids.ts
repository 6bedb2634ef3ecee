/** UIDs of the DIMSE side (PS3.6 A) and how this implementation names itself (PS3.7 D.3.3.2). */
export const APPLICATION_CONTEXT = '1.2.840.10008.3.1.1.1';

export const SOP_CLASSES = {
  verification: '1.2.840.10008.1.1',
  modalityWorklist: '1.2.840.10008.5.1.4.31',
  mpps: '1.2.840.10008.3.1.2.3.3',
  mppsRetrieve: '1.2.840.10008.3.1.2.3.4',
} as const;

export const IMPLEMENTATION_CLASS_UID = '2.25.116208315023747007249666313250229669423';
/** At most 16 characters. */
export const IMPLEMENTATION_VERSION_NAME = 'DIMSEWAY_0_1';
