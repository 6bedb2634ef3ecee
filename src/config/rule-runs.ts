/** What the mapping rules of a route make of a data set, for each destination: which rule did what, and nothing is sent. */
import { valueText } from '../dataset/dump.ts';
import type { Attribute, DataSet } from '../dataset/model.ts';
import { explainRules } from '../dataset/rules.ts';
import type { Rule, RuleChange } from '../dataset/rules.ts';
import { GatewayError } from '../errors.ts';
import { SERVICES } from '../services/port.ts';
import type { ServiceName } from '../services/port.ts';
import type { RouteConfig } from './schema.ts';

/** Workitems are made of the worklist and MPPS of their route, and have no rules besides. */
export const SERVICES_WITH_RULES = SERVICES.filter((service) => service !== 'workitems');

/** One way a data set takes through a route, and what becomes of it there. */
export interface RuleRun {
  /** In words, e.g. `Query to ris`. */
  readonly title: string;
  readonly direction: 'request' | 'response';
  /** Where it leads; undefined: back to the one who asked, or to the first of several that can be asked. */
  readonly upstream?: string;
  /** What each rule did, in words with the values; empty: there are none. */
  readonly steps: readonly string[];
  readonly after: DataSet;
  /** A rule does not fit the values it met, and why: nothing is sent then. */
  readonly failure?: string;
}

type Way = Pick<RuleRun, 'title' | 'direction' | 'upstream'> & { readonly rules: readonly Rule[] };

/** @param services those of the route that the data set may be of */
export function runRules(route: RouteConfig, services: readonly ServiceName[], dataSet: DataSet): RuleRun[] {
  return services.flatMap((service) => waysOf(route, service)).map((way) => runOf(way, dataSet));
}

function waysOf({ worklist, mpps }: RouteConfig, service: ServiceName): Way[] {
  if (service === 'worklist') {
    if (worklist === undefined) return [];
    const { to, rules } = worklist;
    return [
      { title: `Query to ${to.join(', else to ')}`, direction: 'request', rules: rules.request },
      { title: 'Result', direction: 'response', rules: rules.response },
    ];
  }
  if (service !== 'mpps' || mpps === undefined) return [];
  const { to, rules, forwardTo } = mpps;
  return [
    { title: `Create or update to ${to}`, direction: 'request', upstream: to, rules: rules.request },
    ...forwardTo.map((forward): Way => ({
      title: `Forward to ${forward.to}`,
      direction: 'request',
      upstream: forward.to,
      rules: forward.rules.request,
    })),
    { title: 'Retrieve', direction: 'response', rules: rules.response },
  ];
}

function runOf({ rules, ...way }: Way, dataSet: DataSet): RuleRun {
  try {
    const { steps, after } = explainRules(rules, dataSet);
    const texts = steps.map(({ rule, changes }, i) => `Rule ${i + 1}, ${ruleText(rule)}: ${changesText(changes)}.`);
    return { ...way, steps: texts, after };
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    return { ...way, steps: [], after: dataSet, failure: error.message };
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
