/** What the lists of messages and of storage commitments tell alike. */

/** Why the last attempt failed, and when. */
export interface LastFailure<Moment> {
  readonly code: string;
  readonly problem: string;
  readonly at: Moment;
}

/** Moments as ISO 8601 in UTC; nothing where there is nothing to tell. */
export function troublesOf({
  lastFailure,
  unreadable,
}: {
  readonly lastFailure?: LastFailure<number>;
  readonly unreadable?: readonly string[];
}): { lastFailure?: LastFailure<string>; unreadable?: readonly string[] } {
  return {
    ...(lastFailure && {
      lastFailure: { code: lastFailure.code, problem: lastFailure.problem, at: moment(lastFailure.at) },
    }),
    ...(unreadable && { unreadable }),
  };
}

export function moment(ms: number): string {
  return new Date(ms).toISOString();
}
