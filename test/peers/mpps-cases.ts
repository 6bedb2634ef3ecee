/** What a modality does with performed procedure steps in a day: the cases that every pair of peers plays. */
import type { MppsPeer } from '../../scripts/peers/mpps.ts';

/** DICOM JSON (PS3.18 F). */
export type JsonDataSet = Readonly<Record<string, { vr: string; Value?: readonly unknown[]; InlineBinary?: string }>>;

export interface CaseMessage {
  readonly kind: 'create' | 'set';
  /** Which instance of the case, from 0. */
  readonly instance: number;
  readonly dataSet: JsonDataSet;
  /** Terms of Specific Character Set on the DIMSE side; none: default repertoire. */
  readonly characterSet?: readonly string[];
  readonly callingAeTitle?: string;
  /** What the modality gets, by DIMSE and by HTTP. */
  readonly status: string;
  readonly http: number;
  readonly errorId?: string;
  /** Attributes that the answer names. */
  readonly attributes?: readonly string[];
  /** Whether the far end sees the message; as the status says when absent. */
  readonly arrives?: boolean;
}

export interface MppsCase {
  readonly title: string;
  readonly messages: readonly CaseMessage[];
  /** Peers that cannot play it, and why. */
  readonly cannot?: Readonly<Partial<Record<MppsPeer, string>>>;
}

export const attribute = (vr: string, ...values: readonly unknown[]): JsonDataSet[string] =>
  values.length === 0 ? { vr } : { vr, Value: values };
const a = attribute;
const name = (alphabetic: string, ideographic?: string): JsonDataSet[string] =>
  a('PN', { Alphabetic: alphabetic, ...(ideographic === undefined ? {} : { Ideographic: ideographic }) });

const ROOT = '1.2.826.0.1.3680043.10.999.7';
const MR_IMAGE_STORAGE = '1.2.840.10008.5.1.4.1.1.4';

/** An item of Scheduled Step Attributes Sequence (0040,0270). */
export function scheduledStep(n: number, more: JsonDataSet = {}): JsonDataSet {
  return {
    '00080050': a('SH', `ACC${n}`),
    '00081110': a('SQ', { '00081150': a('UI', '1.2.840.10008.3.1.2.3.1'), '00081155': a('UI', `${ROOT}.1.${n}`) }),
    '0020000D': a('UI', `${ROOT}.2.${n}`),
    '00321060': a('LO', `EXAM ${n}`),
    '00321064': a('SQ', code(`P${n}`, 'Procedure')),
    '00400007': a('LO', `Step ${n}`),
    '00400008': a('SQ', code(`S${n}`, 'Protocol')),
    '00400009': a('SH', `SPS${n}`),
    '00401001': a('SH', `RP${n}`),
    ...more,
  };
}

const code = (value: string, meaning: string): JsonDataSet => ({
  '00080100': a('SH', value),
  '00080102': a('SH', '99LOCAL'),
  '00080104': a('LO', meaning),
});

/** A whole N-CREATE (PS3.4 Table F.7.2-1). */
export function createOf(more: JsonDataSet = {}, steps: readonly JsonDataSet[] = [scheduledStep(1)]): JsonDataSet {
  return {
    '00080060': a('CS', 'MR'),
    '00081032': a('SQ', code('P1', 'Procedure')),
    '00081120': a('SQ'),
    '00100010': name('DOE^JANE'),
    '00100020': a('LO', 'PID7'),
    '00100030': a('DA', '19780304'),
    '00100040': a('CS', 'F'),
    '00200010': a('SH', '1'),
    '00400241': a('AE', 'MR01'),
    '00400242': a('SH', 'STN1'),
    '00400243': a('SH'),
    '00400244': a('DA', '20260102'),
    '00400245': a('TM', '101500'),
    '00400250': a('DA'),
    '00400251': a('TM'),
    '00400252': a('CS', 'IN PROGRESS'),
    '00400253': a('SH', 'PPS1'),
    '00400254': a('LO', 'Head'),
    '00400255': a('LO'),
    '00400260': a('SQ', code('PR1', 'Protocol')),
    '00400270': a('SQ', ...steps),
    '00400281': a('SQ'),
    '00400340': a('SQ'),
    ...more,
  };
}

/** An item of Performed Series Sequence (0040,0340). */
export function series(n: number, images: number): JsonDataSet {
  const references = Array.from({ length: images }, (_, i) => ({
    '00081150': a('UI', MR_IMAGE_STORAGE),
    '00081155': a('UI', `${ROOT}.4.${n}.${i + 1}`),
  }));
  return {
    '00080054': a('AE', 'PACS'),
    '0008103E': a('LO', `Series ${n}`),
    '00081050': name('OPERATOR^ONE'),
    '00081070': a('PN'),
    '00081140': a('SQ', ...references),
    '00181030': a('LO', 'PROT'),
    '0020000E': a('UI', `${ROOT}.3.${n}`),
    '00400220': a('SQ'),
  };
}

export const progressOf = (...items: readonly JsonDataSet[]): JsonDataSet => ({ '00400340': a('SQ', ...items) });

export const completeOf = (...items: readonly JsonDataSet[]): JsonDataSet => ({
  '00400250': a('DA', '20260102'),
  '00400251': a('TM', '103000'),
  '00400252': a('CS', 'COMPLETED'),
  '00400340': a('SQ', ...items),
});

export const discontinueOf = (): JsonDataSet => ({
  ...completeOf(series(1, 0)),
  '00400252': a('CS', 'DISCONTINUED'),
  '00400281': a('SQ', {
    '00080100': a('SH', '110513'),
    '00080102': a('SH', 'DCM'),
    '00080104': a('LO', 'Unspecified'),
  }),
});

type Detail = Partial<Omit<CaseMessage, 'kind' | 'dataSet'>>;

const created = (dataSet: JsonDataSet, detail: Detail = {}): CaseMessage => ({
  kind: 'create',
  instance: 0,
  status: '0000',
  http: 201,
  ...detail,
  dataSet,
});
const set = (dataSet: JsonDataSet, detail: Detail = {}): CaseMessage => ({
  kind: 'set',
  instance: 0,
  status: '0000',
  http: 200,
  ...detail,
  dataSet,
});

const without = (dataSet: JsonDataSet, tag: string): JsonDataSet =>
  Object.fromEntries(Object.entries(dataSet).filter(([key]) => key !== tag));

const JAPANESE = ['', 'ISO 2022 IR 87'];
const NO_CODE_EXTENSIONS = 'knows single-valued character sets only';

export const MPPS_CASES: readonly MppsCase[] = [
  {
    title: 'normal: begun, one series, a second one, completed',
    messages: [
      created(createOf()),
      set(progressOf(series(1, 2))),
      set({ ...progressOf(series(1, 2), series(2, 1)), '00400254': a('LO', 'Head and neck') }),
      set(completeOf(series(1, 2), series(2, 3))),
    ],
  },
  {
    title: 'discontinued, with the reason',
    messages: [created(createOf()), set(discontinueOf())],
  },
  {
    title: 'append: a second step for the same scheduled one, the first stays final',
    messages: [
      created(createOf()),
      set(completeOf(series(1, 1))),
      created(createOf({ '00400253': a('SH', 'PPS2') }), { instance: 1 }),
      set(completeOf(series(2, 1)), { instance: 1 }),
    ],
  },
  {
    title: 'group: three scheduled steps of two requests done in one',
    messages: [
      created(
        createOf({}, [
          scheduledStep(1),
          scheduledStep(2, { '0020000D': a('UI', `${ROOT}.2.1`) }),
          scheduledStep(3, { '0020000D': a('UI', `${ROOT}.2.1`), '00080050': a('SH', 'ACC9') }),
        ]),
      ),
      set(completeOf(series(1, 1))),
    ],
  },
  {
    title: 'unscheduled: only a Study Instance UID is known',
    messages: [
      created(
        createOf({ '00100010': name('UNKNOWN'), '00100020': a('LO') }, [
          {
            '00080050': a('SH'),
            '00081110': a('SQ'),
            '0020000D': a('UI', `${ROOT}.2.77`),
            '00321060': a('LO'),
            '00400007': a('LO'),
            '00400008': a('SQ'),
            '00400009': a('SH'),
            '00401001': a('SH'),
          },
        ]),
      ),
      set(completeOf(series(1, 1))),
    ],
  },
  {
    title: 'duplicate: the same create again, and another with its UID',
    messages: [
      created(createOf()),
      created(createOf(), { status: '0111', http: 409 }),
      created(createOf({ '00400253': a('SH', 'OTHER') }), { status: '0111', http: 409 }),
      set(completeOf(series(1, 1))),
    ],
  },
  {
    title: 'set after the final state, by either final state',
    messages: [
      created(createOf()),
      set(completeOf(series(1, 1))),
      set(progressOf(series(2, 1)), { status: '0110', http: 409, errorId: 'A710' }),
      created(createOf(), { instance: 1 }),
      set(discontinueOf(), { instance: 1 }),
      set(completeOf(series(1, 1)), { instance: 1, status: '0110', http: 409, errorId: 'A710' }),
    ],
  },
  {
    title: 'unknown UID: the far end decides',
    messages: [set(progressOf(series(1, 1)), { status: '0112', http: 404, arrives: true })],
  },
  {
    title: 'missing and empty type 1: refused with their tags, and the UID stays free',
    messages: [
      created(without(createOf(), '00080060'), { status: '0120', http: 400, attributes: ['00080060'] }),
      created(createOf({ '00400253': a('SH') }), { status: '0121', http: 400, attributes: ['00400253'] }),
      created(createOf({}, [without(scheduledStep(1), '0020000D')]), {
        status: '0120',
        http: 400,
        attributes: ['00400270'],
      }),
      created(createOf({ '00400252': a('CS', 'COMPLETED') }), {
        status: '0106',
        http: 400,
        attributes: ['00400252'],
      }),
      created(createOf()),
      set(completeOf(series(1, 1))),
    ],
  },
  {
    title: 'several series with hundreds of images',
    messages: [
      created(createOf()),
      set(progressOf(series(1, 300), series(2, 250))),
      set(completeOf(series(1, 300), series(2, 400), series(3, 150))),
    ],
  },
  {
    title: 'a Japanese name by code extensions',
    cannot: { dcmjs: NO_CODE_EXTENSIONS },
    messages: [
      created(createOf({ '00100010': name('Yamada^Tarou', '山田^太郎'), '00400254': a('LO', '頭部') }), {
        characterSet: JAPANESE,
      }),
      set({ ...progressOf(series(1, 1)), '00400254': a('LO', '頭部と首') }, { characterSet: JAPANESE }),
      set(completeOf({ ...series(1, 1), '0008103E': a('LO', '断層') }), { characterSet: JAPANESE }),
    ],
  },
  {
    title: 'names in UTF-8 and in Latin-1',
    messages: [
      created(createOf({ '00100010': name('Yamada^Tarou', '山田^太郎') }), { characterSet: ['ISO_IR 192'] }),
      set({ ...completeOf(series(1, 1)), '00400254': a('LO', '断層') }, { characterSet: ['ISO_IR 192'] }),
      created(createOf({ '00100010': name('Müller^Jörg') }), { instance: 1, characterSet: ['ISO_IR 100'] }),
      set(
        { ...completeOf(series(1, 1)), '00400254': a('LO', 'Schädel') },
        { instance: 1, characterSet: ['ISO_IR 100'] },
      ),
    ],
  },
  {
    title: 'text beyond ASCII inside items',
    cannot: { dcmjs: 'reads the text of items as if it were ASCII' },
    messages: [
      created(createOf({}, [scheduledStep(1, { '00400007': a('LO', 'Schädel süß') })]), {
        characterSet: ['ISO_IR 100'],
      }),
      set(completeOf({ ...series(1, 1), '0008103E': a('LO', 'Größe') }), { characterSet: ['ISO_IR 100'] }),
    ],
  },
  {
    title: 'private attributes, at the top and in items',
    cannot: { dcmjs: 'drops what its dictionary does not know' },
    messages: [
      created(
        createOf(
          {
            '00090010': a('LO', 'ACME 1.0'),
            '00091001': a('LO', 'private'),
            '00091002': { vr: 'OB', InlineBinary: 'AAEC' },
          },
          [scheduledStep(1, { '00110010': a('LO', 'ACME 1.0'), '00111001': a('SH', 'inside') })],
        ),
      ),
      set({
        ...completeOf({ ...series(1, 1), '00210010': a('LO', 'ACME 1.0'), '00211010': a('DS', 2.5) }),
        '00090010': a('LO', 'ACME 1.0'),
        '00091001': a('LO', 'changed'),
      }),
    ],
  },
  {
    title: 'the final update from another AE title on a new association',
    messages: [
      created(createOf(), { callingAeTitle: 'MR01' }),
      set(progressOf(series(1, 1)), { callingAeTitle: 'MR01' }),
      set(completeOf(series(1, 1)), { callingAeTitle: 'MR01_CONSOLE' }),
      set(progressOf(series(2, 1)), { callingAeTitle: 'MR01', status: '0110', http: 409, errorId: 'A710' }),
    ],
  },
];
