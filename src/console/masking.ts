/**
 * Data sets for those who may not see values of patients. What stays: which attributes are there with how many values and
 * items, UIDs, AE titles, states, modality and codes. Everything else becomes `•••` and a few characters that are the same
 * for the same value of the same attribute within one answer, so that differences can still be seen.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { itemsOf, sortedTags } from '../dataset/model.ts';
import type { Attribute, DataSet, PersonName, Tag, Value } from '../dataset/model.ts';

/** DICOM JSON; numbers of masked attributes are text. */
export type MaskedDataSet = Readonly<Record<string, unknown>>;

const MARK = '•••';
const SHOWN_CHARACTERS = 4;

/** Of more than two letters (PS3.3 C.7.3.1.1.1). */
const MODALITIES =
  'ANN|ASMT|BDUS|BMD|CFM|CTPROTOCOL|DMS|DOC|ECG|EEG|EMG|EOG|EPS|FID|IOL|IVOCT|IVUS|KER|LEN|M3D|OAM|OCT|OPM|OPT|OPTBSV|' +
  'OPTENF|OPV|OSS|OTHER|PLAN|POS|REG|RESP|RTDOSE|RTIMAGE|RTINTENT|RTPLAN|RTRAD|RTRECORD|RTSEGANN|RTSTRUCT|SEG|SMR|SRF|' +
  'STAIN|TEXTUREMAP|XAPROTOCOL';
const STATES =
  /^(?:SCHEDULED|ARRIVED|READY|STARTED|DEPARTED|IN PROGRESS|DISCONTINUED|COMPLETED|CANCELED|INCOMPLETE|UNAVAILABLE)$/;

/** Neither say who somebody is nor what is the matter with them; a value that is none of theirs may say anything. */
const PLAIN: ReadonlyMap<Tag, RegExp> = new Map([
  ['00080005', /^(?:ISO_IR \d{1,3}|ISO 2022 IR \d{1,3}|GB18030|GBK)$/], // Specific Character Set
  ['00080060', new RegExp(`^(?:[A-Z]{2}|${MODALITIES})$`)], // Modality
  ['00080201', /^[+-]\d{4}$/], // Timezone Offset From UTC
  ['00400020', STATES], // Scheduled Procedure Step Status
  ['00400252', STATES], // Performed Procedure Step Status
  ['00404041', STATES], // Input Readiness State
  ['00741000', STATES], // Procedure Step State
]);

/** Of an item that is a code (PS3.3 8.8). */
const CODE: ReadonlySet<Tag> = new Set(['00080100', '00080102', '00080103', '00080104', '00080119', '00080120']);

/** Codes that say who somebody is, by number and by name, or what is the matter with a patient. */
const TELLING: ReadonlySet<Tag> = new Set([
  '00081084', // Admitting Diagnoses Code Sequence
  '00321067', // Reason for Visit Code Sequence
  '0040100A', // Reason for Requested Procedure Code Sequence
  '00401012', // Reason for Performed Procedure Code Sequence
  '00401101', // Person Identification Code Sequence
  '00404009', // Human Performer Code Sequence
  '00404035', // Actual Human Performers Sequence
]);

/** Groups of the patient and of the visit, in which codes tell too much. */
const OF_PATIENTS = /^(?:0010|0038)/;

const UID = /^[0-9.]{1,64}$/;
const AE_TITLE = /^[\x20-\x7e]{1,16}$/;

export class Mask {
  readonly #key = randomBytes(16);

  /** The same mask gives the same characters for the same value. */
  of(dataSet: DataSet): MaskedDataSet {
    return this.#dataSet(dataSet, true);
  }

  /** @param codes codes may be seen here */
  #dataSet(dataSet: DataSet, codes: boolean): MaskedDataSet {
    const masked = Object.create(null) as Record<string, unknown>;
    for (const tag of sortedTags(dataSet)) masked[tag] = this.#attribute(tag, dataSet[tag] as Attribute, codes);
    return masked;
  }

  #attribute(tag: Tag, attribute: Attribute, codes: boolean): unknown {
    const { vr, Value: values, InlineBinary, BulkDataURI } = attribute;
    if (vr === 'SQ') {
      const inside = codes && !TELLING.has(tag) && !OF_PATIENTS.test(tag) && !isPrivate(tag);
      const items = itemsOf(attribute).map((item) => this.#dataSet(item, inside));
      return items.length === 0 ? { vr } : { vr, Value: items };
    }
    const whole = InlineBinary ?? BulkDataURI;
    if (whole !== undefined) return { vr, Value: [this.#masked(tag, whole)] };
    if (values === undefined) return { vr };
    return { vr, Value: values.map((value) => (isPlain(tag, vr, value, codes) ? value : this.#value(tag, value))) };
  }

  #value(tag: Tag, value: Value): unknown {
    if (value === null) return null;
    if (typeof value !== 'object') return this.#masked(tag, String(value));
    const groups = Object.entries(value as PersonName) as [string, string][];
    return Object.fromEntries(groups.map(([group, text]) => [group, this.#masked(tag, text)]));
  }

  #masked(tag: Tag, text: string): string {
    const digest = createHmac('sha256', this.#key).update(`${tag} ${text}`).digest('base64url');
    return MARK + digest.slice(0, SHOWN_CHARACTERS);
  }
}

function isPlain(tag: Tag, vr: Attribute['vr'], value: Value, codes: boolean): boolean {
  if (value === null) return true;
  if (isPrivate(tag) || OF_PATIENTS.test(tag)) return false;
  if (codes && CODE.has(tag)) return typeof value !== 'object';
  const pattern = PLAIN.get(tag) ?? (vr === 'UI' ? UID : vr === 'AE' ? AE_TITLE : undefined);
  return typeof value === 'string' && pattern?.test(value) === true;
}

function isPrivate(tag: Tag): boolean {
  return Number.parseInt(tag.slice(3, 4), 16) % 2 === 1;
}
