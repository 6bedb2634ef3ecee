/** What the mapping rules of a route make of a data set, as `dimseway explain` prints it. */
import { runRules } from '../config/rule-runs.ts';
import type { RuleRun } from '../config/rule-runs.ts';
import type { RouteConfig } from '../config/schema.ts';
import { toJson } from '../dataset/json.ts';
import type { ServiceName } from '../services/port.ts';
import type { GivenDataSet } from './data-set-file.ts';

export interface DryRun {
  readonly lines: readonly string[];
  /** A rule does not fit the values it met. */
  readonly failed: boolean;
}

/** @param services those of the route that the data set may be of */
export function dryRun(route: RouteConfig, services: readonly ServiceName[], given: GivenDataSet): DryRun {
  const { dataSet, message } = given;
  const runs = runRules(route, services, dataSet);
  const own = runs.filter(({ upstream }) => upstream !== undefined && upstream === message?.upstream);
  const head =
    message === undefined
      ? []
      : [`Message ${message.id}, ${message.kind} of ${message.uid} for ${message.route} → ${message.upstream}`];
  const shown = own.length === 0 ? runs : own;
  return {
    lines: [...head, `Before: ${toJson(dataSet)}`, ...shown.flatMap(linesOf)],
    failed: shown.some(({ failure }) => failure !== undefined),
  };
}

function linesOf({ title, steps, after, failure }: RuleRun): string[] {
  if (failure !== undefined) return [`${title}:`, `  CONVERSION_FAILED: ${failure}`];
  if (steps.length === 0) return [`${title}: no rules, it stays as it is.`];
  return [`${title}:`, ...steps.map((step) => `  ${step}`), `  After: ${toJson(after)}`];
}
