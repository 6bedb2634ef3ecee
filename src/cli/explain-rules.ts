/** What the mapping rules of a route make of a data set, for each destination: which rule did what, and nothing is sent. */
import type { RouteConfig } from '../config/schema.ts';
import { toJson } from '../dataset/json.ts';
import type { Attribute, DataSet } from '../dataset/model.ts';
import { explainRules } from '../dataset/rules.ts';
import type { Rule, RuleChange } from '../dataset/rules.ts';
import { GatewayError } from '../errors.ts';
import type { ServiceName } from '../services/port.ts';
import type { GivenDataSet } from './data-set-file.ts';
import { valueText } from './dump.ts';

export interface DryRun {
  readonly lines: readonly string[];
  /** A rule does not fit the values it met. */
  readonly failed: boolean;
}

/** One way a data set takes through a route. */
interface Way {
  readonly title: string;
  /** Undefined: it leads back to the one who asked. */
  readonly upstream?: string;
  readonly rules: readonly Rule[];
}

/** @param services those of the route that the data set may be of */
export function dryRun(route: RouteConfig, services: readonly ServiceName[], given: GivenDataSet): DryRun {
  const { dataSet, message } = given;
  const ways = services.flatMap((service) => waysOf(route, service));
  const own = ways.filter(({ upstream }) => upstream !== undefined && upstream === message?.upstream);
  const head =
    message === undefined
      ? []
      : [`Message ${message.id}, ${message.kind} of ${message.uid} for ${message.route} → ${message.upstream}`];
  const runs = (own.length === 0 ? ways : own).map((way) => runOf(way, dataSet));
  return {
    lines: [...head, `Before: ${toJson(dataSet)}`, ...runs.flatMap(({ lines }) => lines)],
    failed: runs.some(({ failed }) => failed),
  };
}

function waysOf({ worklist, mpps }: RouteConfig, service: ServiceName): Way[] {
  if (service === 'worklist') {
    if (worklist === undefined) return [];
    const { to, rules } = worklist;
    return [
      { title: `Query to ${to.join(', else to ')}`, rules: rules.request },
      { title: 'Result', rules: rules.response },
    ];
  }
  if (service !== 'mpps' || mpps === undefined) return [];
  const { to, rules, forwardTo } = mpps;
  return [
    { title: `Create or update to ${to}`, upstream: to, rules: rules.request },
    ...forwardTo.map((forward) => ({
      title: `Forward to ${forward.to}`,
      upstream: forward.to,
      rules: forward.rules.request,
    })),
    { title: 'Retrieve', rules: rules.response },
  ];
}

function runOf({ title, rules }: Way, dataSet: DataSet): DryRun {
  if (rules.length === 0) return { lines: [`${title}: no rules, it stays as it is.`], failed: false };
  try {
    const { steps, after } = explainRules(rules, dataSet);
    const lines = steps.map(({ rule, changes }, i) => `  Rule ${i + 1}, ${ruleText(rule)}: ${changesText(changes)}.`);
    return { lines: [`${title}:`, ...lines, `  After: ${toJson(after)}`], failed: false };
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    return { lines: [`${title}:`, `  CONVERSION_FAILED: ${error.message}`], failed: true };
  }
}

/** What it does, to which attribute. */
function ruleText(rule: Rule): string {
  const condition = rule.when === undefined ? '' : ` when ${rule.when.path} …`;
  if ('copy' in rule) return `copy ${rule.copy} to ${rule.to}${condition}`;
  const { when: _when, ...others } = rule;
  const [[kind, path] = []] = Object.entries(others);
  return `${kind} ${String(path)}${condition}`;
}

function changesText(changes: readonly RuleChange[]): string {
  if (changes.length === 0) return 'changes nothing';
  return changes.map(({ path, before, after }) => `${path} ${shown(before)} → ${shown(after)}`).join('; ');
}

function shown(attribute: Attribute | undefined): string {
  return attribute === undefined ? '(absent)' : valueText(attribute);
}
