/** Storage commitments as metrics, looked at in the store at each scrape. */
import { Gauge } from 'prom-client';
import type { Registry } from 'prom-client';
import { OPEN_PHASES, WATCHED_PHASES } from './commitments.ts';
import type { SeenCommitments } from './commitments.ts';
import { DESTINATION } from './metric-labels.ts';

export function commitmentGaugesIn(registry: Registry): (seen: readonly SeenCommitments[]) => void {
  const registers = [registry];
  const labelNames = [...DESTINATION, 'phase'];
  const counts = new Gauge({
    name: 'dimseway_commitments',
    help: 'Storage commitments by phase: asking, waiting, reporting or done.',
    labelNames,
    registers,
  });
  const age = new Gauge({
    name: 'dimseway_commitment_oldest_seconds',
    help: 'Time since the oldest storage commitment that is asking, waiting or reporting was asked for; 0 where there is none.',
    labelNames,
    registers,
  });
  return (seen) => {
    for (const gauge of [counts, age]) gauge.reset();
    for (const { route, upstream, phases } of seen) {
      if (phases === undefined) continue;
      for (const phase of WATCHED_PHASES) counts.set({ route, upstream, phase }, phases[phase].count);
      for (const phase of OPEN_PHASES) age.set({ route, upstream, phase }, phases[phase].oldestMs / 1_000);
    }
  };
}
