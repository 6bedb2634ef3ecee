/** One step of the schema. Steps that were released are never edited: a change is a new step. */
export interface Migration {
  /** 1, 2, 3 … without gaps: the version of the store after this step. */
  readonly version: number;
  readonly sqlite: string;
  readonly postgres: string;
}
