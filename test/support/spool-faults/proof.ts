/** After the faults: what may wait, what must have arrived. */
import { expect } from '@jest/globals';
import type { FaultBed, GatewayProcess, SpoolListing } from './bed.ts';
import { judge } from './judge.ts';
import { isCondemned } from './lives.ts';
import type { Life } from './lives.ts';

type Message = SpoolListing['messages'][number];

/**
 * Only what the destinations refuse for good is a dead letter, and only what stands behind one waits; once they take it and
 * a person has it tried again, everything has arrived.
 * @param drainMs how long the delivery of the rest may take
 */
export async function expectAllArrived(
  bed: FaultBed,
  gateway: GatewayProcess,
  lives: readonly Life[],
  drainMs: number,
): Promise<void> {
  const { seed } = bed;
  const refused = lives
    .filter(({ uid }) => isCondemned(uid))
    .flatMap(({ uid, protocol }) => {
      const route = protocol === 'dimse' ? 'ward' : 'web';
      return ['dimse', 'dicomweb'].map((upstream) => `${route} ${upstream} ${uid} create`);
    });
  const rest = await bed.spoolBecomes(gateway, isStuck, drainMs);
  expect({ seed, ...waiting(rest) }).toEqual({ seed, dead: refused.sort(), queued: [] });

  await bed.startDestinations({ hasFaults: false, rejects: false });
  await bed.retryDead(gateway);
  expect(await bed.spoolBecomes(gateway, isEmpty, drainMs)).toEqual({ destinations: [], messages: [] });
  for (const name of ['dimse', 'dicomweb'] as const) {
    expect({ seed, name, problems: judge(bed.arrivals(name), lives) }).toEqual({ seed, name, problems: [] });
  }
}

function isStuck({ messages }: SpoolListing): boolean {
  return waiting({ messages }).queued.length === 0;
}

function isEmpty({ messages }: SpoolListing): boolean {
  return messages.length === 0;
}

/** Dead letters, and what waits though no dead letter stands before it. */
function waiting({ messages }: Pick<SpoolListing, 'messages'> = { messages: [] }): {
  dead: string[];
  queued: string[];
} {
  const dead = messages.filter(({ state }) => state === 'dead');
  const held = new Set(dead.map(laneOf));
  const queued = messages.filter((message) => !held.has(laneOf(message)));
  const told = (list: readonly Message[]): string[] => list.map((each) => `${laneOf(each)} ${each.kind}`).sort();
  return { dead: told(dead), queued: told(queued) };
}

function laneOf({ route, upstream, uid }: Message): string {
  return `${route} ${upstream} ${uid}`;
}
