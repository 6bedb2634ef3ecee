/** What an examination finds, step by step, with what to do where something is wrong. */

/** `skipped`: it could not be looked at, since a step before it failed or the far end does not tell. */
export const FINDING_STATES = ['ok', 'warning', 'failed', 'skipped'] as const;
export type FindingState = (typeof FINDING_STATES)[number];

export interface Finding {
  /** Of the configuration, e.g. `upstreams.ris`. */
  readonly subject: string;
  readonly step: string;
  readonly state: FindingState;
  /** What was seen: no patient values. */
  readonly detail: string;
  readonly ms?: number;
  /** What to do about it. */
  readonly fix?: string;
}

/** What one step of an examination comes to. */
export type Seen = Pick<Finding, 'state' | 'detail' | 'fix'>;

/** Findings of one part of the configuration, as they come. */
export class Examination {
  readonly findings: Finding[] = [];
  readonly #subject: string;

  constructor(subject: string) {
    this.#subject = subject;
  }

  note(step: string, seen: Seen, ms?: number): void {
    this.findings.push({ subject: this.#subject, step, ...seen, ...(ms !== undefined && { ms }) });
  }

  /** Looks, and notes how long that took; true: what comes next makes sense. `look` must not reject. */
  async step(step: string, look: () => Promise<Seen>): Promise<boolean> {
    const startedMs = performance.now();
    const seen = await look();
    this.note(step, seen, Math.round((performance.now() - startedMs) * 10) / 10);
    return seen.state !== 'failed';
  }
}

export function ok(detail: string): Seen {
  return { state: 'ok', detail };
}

export function warning(detail: string, fix: string): Seen {
  return { state: 'warning', detail, fix };
}

export function failed(detail: string, fix: string): Seen {
  return { state: 'failed', detail, fix };
}

export function skipped(detail: string): Seen {
  return { state: 'skipped', detail };
}
