/** Workitems as metrics, looked at in the store at each scrape. */
import { Gauge } from 'prom-client';
import type { Registry } from 'prom-client';
import type { WorkitemSight } from './workitems.ts';

export function workitemMetricsIn(registry: Registry): (sight: WorkitemSight) => void {
  const registers = [registry];
  const workitems = new Gauge({
    name: 'dimseway_workitems',
    help: 'Workitems by state.',
    labelNames: ['route', 'state'],
    registers,
  });
  const reports = new Gauge({
    name: 'dimseway_workitem_reports',
    help: 'Reports that wait for subscribers to workitems.',
    labelNames: ['route'],
    registers,
  });
  const reportAge = new Gauge({
    name: 'dimseway_workitem_oldest_report_age_seconds',
    help: 'Age of the oldest report that waits for a subscriber.',
    labelNames: ['route'],
    registers,
  });
  const claims = new Gauge({
    name: 'dimseway_open_claims',
    help: 'MPPS at a UPS-RS server of which something is still to be done or to be told.',
    labelNames: ['upstream'],
    registers,
  });
  const claimAge = new Gauge({
    name: 'dimseway_oldest_open_claim_age_seconds',
    help: 'Time since the oldest open claim was made.',
    labelNames: ['upstream'],
    registers,
  });
  return (sight) => {
    for (const gauge of [workitems, reports, reportAge, claims, claimAge]) gauge.reset();
    for (const { route, state, count } of sight.workitems) workitems.set({ route, state }, count);
    for (const { route, count, oldestMs } of sight.reports) {
      reports.set({ route }, count);
      reportAge.set({ route }, oldestMs / 1_000);
    }
    for (const { upstream, count, oldestMs } of sight.openClaims) {
      claims.set({ upstream }, count);
      claimAge.set({ upstream }, oldestMs / 1_000);
    }
  };
}
