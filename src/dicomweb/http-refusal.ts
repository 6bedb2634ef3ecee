/** A request the origin server refuses by itself, before or beside any service (status-mapping: request checks). */
import { ServiceFailure } from '../services/port.ts';
import type { FailureCode, ServiceFailureOptions } from '../services/port.ts';

export interface HttpRefusalOptions extends ServiceFailureOptions {
  /** Sent along, e.g. `Allow` with 405. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** The HTTP status of the answer stands beside the canonical code, which alone the log and other edges read. */
export class HttpRefusal extends ServiceFailure {
  override readonly name = 'HttpRefusal';
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, code: FailureCode, comment: string, options: HttpRefusalOptions = {}) {
    super(code, { ...options, comment, httpStatus: status });
    this.status = status;
    this.headers = options.headers ?? {};
  }
}
