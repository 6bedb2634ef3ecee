/** What a page of the console does not do, thrown from wherever that is found out. */
export class Refusal extends Error {
  override readonly name: string = 'Refusal';
  /** HTTP status. */
  readonly status: number;
  /** Stable; docs/errors.md lists it. */
  readonly code: string;
  /** What a person should do about it. */
  readonly fix: string;
  /** Paths of the attributes at fault, in keywords. */
  readonly attributes: readonly string[] | undefined;

  constructor(status: number, code: string, message: string, fix: string, attributes?: readonly string[]) {
    super(message);
    this.status = status;
    this.code = code;
    this.fix = fix;
    this.attributes = attributes;
  }
}
