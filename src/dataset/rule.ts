/**
 * Mapping rules: small steps an operator writes to make two peers understand each other. Each names an attribute by
 * path; a path through a sequence means every item. Applied to a copy, in order.
 *
 *   - { set: ScheduledProcedureStepSequence.Modality, value: CT }
 *   - { default: PatientSex, value: O }
 *   - { remove: '00101010' }
 *   - { copy: AccessionNumber, to: StudyID }
 *   - { map: ScheduledProcedureStepSequence.ScheduledStationAETitle, table: { CT1: SCANNER_1 }, otherwise: UNKNOWN }
 *   - { replace: PatientID, pattern: '^0+', with: '', when: { path: IssuerOfPatientID, equals: CLINIC } }
 */
/** Text or number, or several of them; they must fit the VR of the attribute. */
export type RuleValue = string | number | readonly (string | number)[];

/**
 * Exactly one of `equals`, `matches`, `present`, `absent`. An empty attribute counts as absent. Where the path shares
 * sequences with the rule's own path it is asked of the same item, else of any item.
 */
export interface RuleCondition {
  path: string;
  /** Any value is this text (person names as `Alphabetic=Ideographic=Phonetic`). */
  equals?: string | number;
  /** Any value matches this regular expression. */
  matches?: string;
  present?: true;
  absent?: true;
}

interface Conditional {
  when?: RuleCondition;
}

/** Writes the value, whatever was there; a missing sequence on the way is created with one item. */
export interface SetRule extends Conditional {
  set: string;
  value: RuleValue;
}

/** Writes the value where the attribute is missing or empty; creates no sequence. */
export interface DefaultRule extends Conditional {
  default: string;
  value: RuleValue;
}

export interface RemoveRule extends Conditional {
  remove: string;
}

/**
 * Writes the values of one attribute to another, if there are any. Within sequences that both paths share, item by
 * item; else the first item that has the attribute gives.
 */
export interface CopyRule extends Conditional {
  copy: string;
  to: string;
}

/** Looks every value up in a table; what is not in it stays, or becomes `otherwise`. */
export interface MapRule extends Conditional {
  map: string;
  table: Readonly<Record<string, string | number>>;
  otherwise?: string | number;
}

/**
 * Replaces every match of a regular expression in every value (in every component group of a person name). Values of
 * more than 1,024 characters are left alone, since a careless pattern can take time that grows with the square.
 */
export interface ReplaceRule extends Conditional {
  replace: string;
  pattern: string;
  with: string;
}

export type Rule = SetRule | DefaultRule | RemoveRule | CopyRule | MapRule | ReplaceRule;
