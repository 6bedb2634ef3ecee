/** What a destination's journal must say after all faults. */
import type { Arrival } from './journal.ts';
import { contentOf } from './lives.ts';
import type { Life } from './lives.ts';

/**
 * Every message of every life was accepted, in order; what came was always the next message or, until that came, the one
 * before it once more; only an update that is not final may have been taken twice. Gives what is not so.
 */
export function judge(arrivals: readonly Arrival[], lives: readonly Life[]): string[] {
  const problems: string[] = [];
  const ofLife = Map.groupBy(arrivals, ({ uid }) => uid);
  for (const { uid, messages } of lives) {
    const contents = messages.map(({ dataSet }) => contentOf(dataSet));
    let last = -1;
    for (const { content, effect } of ofLife.get(uid) ?? []) {
      const which = contents.indexOf(content);
      if (which < 0) problems.push(`${uid}: ${effect} a message that nobody sent`);
      else if (which !== last && which !== last + 1) problems.push(`${uid}: message ${which} came after ${last}`);
      if (effect !== 'accepted') continue;
      const isOnce = which === 0 || which === contents.length - 1;
      if (which === last && isOnce) problems.push(`${uid}: message ${which} was accepted twice`);
      last = which;
    }
    if (last !== contents.length - 1) problems.push(`${uid}: ends with message ${last} of ${contents.length - 1}`);
    ofLife.delete(uid);
  }
  for (const uid of ofLife.keys()) problems.push(`${uid}: nobody sent it`);
  return problems;
}
