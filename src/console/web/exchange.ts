/** One exchange: both protocols side by side, hop by hop, and what the rules made of its data sets. */
import type { Captured, ExchangeDetail, Hop } from '../api-types.ts';
import { failureOf } from './api.ts';
import type { ApiFailure } from './api.ts';
import { comparison } from './data-set-view.ts';
import { outcomeBadge } from './exchanges.ts';
import { count, duration, moment, words } from './format.ts';
import { html, nothing } from './lit.ts';
import type { TemplateResult } from './lit.ts';
import { hashOf } from './location.ts';
import type { Place } from './location.ts';
import type { Host, Page } from './page.ts';
import { emptyLine, failureBox } from './parts.ts';

const PAIRS = [
  { before: 'query', after: 'query-mapped', title: 'The query, as it was asked and as it was passed on' },
  { before: 'received', after: 'sent', title: 'The data set, as it was received and as it was sent on' },
  { before: 'result', after: 'result-mapped', title: 'A result, as it came and as it was answered' },
] as const;

export class ExchangePage implements Page {
  readonly #host: Host;
  #id = '';
  #filter: Place['parameters'] = {};
  #detail: ExchangeDetail | undefined;
  #failure: ApiFailure | undefined;
  #onlyChanges = true;

  constructor(host: Host) {
    this.#host = host;
  }

  get title(): string {
    return `Exchange ${this.#id}`;
  }

  show({ item, parameters }: Place): void {
    this.#filter = parameters;
    if (item === this.#id) return;
    this.#id = item;
    this.#detail = undefined;
    void this.#load();
  }

  close(): void {
    this.#id = '';
  }

  render(): TemplateResult {
    const detail = this.#detail;
    return html`<p class="back"><a href=${hashOf('exchanges', '', this.#filter)}>← Back to the list</a></p>
      ${failureBox(this.#failure)}
      ${
        detail === undefined
          ? this.#failure === undefined
            ? html`<p class="empty">Asking the gateway …</p>`
            : nothing
          : html`${facts(detail)} ${hops(detail)} ${this.#dataSets(detail)}`
      }`;
  }

  #dataSets({ captured }: ExchangeDetail): TemplateResult {
    const toggle = (event: Event): void => {
      this.#onlyChanges = (event.target as HTMLInputElement).checked;
      this.#host.changed();
    };
    const isMasked = captured.some(({ masked }) => masked);
    return html`<section aria-labelledby="data-sets">
      <h2 id="data-sets">Before and after the rules</h2>
      ${
        captured.length === 0
          ? emptyLine(this.#whyNone())
          : html`<p class="bar">
                <label class="check"
                  ><input type="checkbox" .checked=${this.#onlyChanges} @change=${toggle} /> Differences only</label
                >
                ${isMasked ? html`<span class="note">Values are masked: they need the role <code>values</code>.</span>` : nothing}
              </p>
              ${PAIRS.flatMap(({ before, after, title }) => named(title, pairsOf(captured, before, after)).map((pair) => this.#pair(pair)))}`
      }
    </section>`;
  }

  #pair({ name, before, after }: Named): TemplateResult {
    return html`<h3>${name}</h3>
      ${comparison(name, before?.dataSet, after?.dataSet, this.#onlyChanges)}`;
  }

  #whyNone(): string {
    const { capture } = this.#host.me;
    return capture === undefined
      ? 'No data set was captured: console.capture of the configuration turns it on until a moment that it names.'
      : 'Nothing of this exchange was captured, or it has made room for newer ones.';
  }

  async #load(): Promise<void> {
    const id = this.#id;
    try {
      const detail = await this.#host.api.get<ExchangeDetail>(`/api/exchanges/${encodeURIComponent(id)}`);
      if (id !== this.#id) return;
      this.#detail = detail;
      this.#failure = undefined;
      this.#host.answered();
      // Capture may have ended since.
      if (detail.captured.length === 0) this.#host.renew();
    } catch (error) {
      if (id !== this.#id) return;
      this.#failure = failureOf(error);
      this.#host.answered(this.#failure.status === 0 ? this.#failure : undefined);
    }
  }
}

interface Pair {
  readonly before?: Captured | undefined;
  readonly after?: Captured | undefined;
}

/** In the order in which they were captured; what was sent to several destinations stands beside the one that was received. */
function pairsOf(captured: readonly Captured[], before: Captured['stage'], after: Captured['stage']): Pair[] {
  const [befores, afters] = [before, after].map((stage) => captured.filter((each) => each.stage === stage));
  const length = Math.max(befores?.length ?? 0, afters?.length ?? 0);
  return Array.from({ length }, (_none, i) => ({
    before: befores?.[i] ?? (after === 'sent' ? befores?.at(-1) : undefined),
    after: afters?.[i],
  }));
}

interface Named extends Pair {
  readonly name: string;
}

/** With whom it was sent to, and a number where there are several alike: further results, or attempts. */
function named(title: string, pairs: readonly Pair[]): Named[] {
  const known = new Map<string, number>();
  return pairs.map((pair) => {
    const { upstream } = pair.after ?? {};
    const name = upstream === undefined ? title : `${title} to ${upstream}`;
    const turn = (known.get(name) ?? 0) + 1;
    known.set(name, turn);
    return { ...pair, name: turn === 1 ? name : `${name} (${turn})` };
  });
}

function facts(detail: ExchangeDetail): TemplateResult {
  const { at, ms, listener, callingAeTitle, calledAeTitle, subject, address, service, transaction, route } = detail;
  const { upstream, uid, traceId, count: results, warnings, reason } = detail;
  const rows: readonly (readonly [string, string | TemplateResult | undefined])[] = [
    ['Outcome', html`${outcomeBadge(detail)} ${reason ?? ''}`],
    ['What', `${transaction}, ${words(service)}${results === undefined ? '' : `, ${count(results, 'result')}`}`],
    ['Who asked', [callingAeTitle, subject, address].filter((each) => each !== undefined).join(', ')],
    [
      'Way',
      `${listener}${calledAeTitle === undefined ? '' : ` (${calledAeTitle})`} → ${route ?? 'no route'} → ${upstream ?? 'nobody'}`,
    ],
    ['When', `${moment(at)}, took ${duration(ms)}`],
    ['Warnings', warnings.length === 0 ? undefined : warnings.join(', ')],
    ['UID', uid === undefined ? undefined : html`<a href=${hashOf('steps', uid)}>${uid}</a>`],
    ['Trace', html`<code>${traceId}</code>`],
  ];
  return html`<dl class="facts">
    ${rows.map(([name, value]) =>
      value === undefined
        ? nothing
        : html`<div>
            <dt>${name}</dt>
            <dd>${value}</dd>
          </div>`,
    )}
  </dl>`;
}

function hops({ hops: steps, listener, protocol, upstream }: ExchangeDetail): TemplateResult {
  return html`<section aria-labelledby="hops">
    <h2 id="hops">Hop by hop</h2>
    ${
      steps.length === 0
        ? emptyLine('Nothing is remembered of what passed.')
        : html`<div class="lanes" aria-hidden="true">
              <span>Requester<small>${protocol === 'dimse' ? 'DIMSE' : 'DICOMweb'} at ${listener}</small></span>
              <span>dimseway</span>
              <span>Upstream<small>${upstream ?? 'not asked'}</small></span>
            </div>
            <ol class="hops">
              ${steps.map(hopRow)}
            </ol>`
    }
  </section>`;
}

function hopRow({ atMs, side, peer, direction, text, status }: Hop): TemplateResult {
  const isRequester = side === 'requester';
  // What comes from the requester and what goes to the upstream runs to the right.
  const isRight = isRequester === (direction === 'in');
  const words = isRequester
    ? direction === 'in'
      ? `from the requester ${peer}`
      : `to the requester ${peer}`
    : direction === 'out'
      ? `to the upstream ${peer}`
      : `from the upstream ${peer}`;
  return html`<li class="hop ${side}">
    <span class="at">${duration(atMs)}</span>
    <div class="arrow ${isRight ? 'right' : 'left'}">
      <span class="unseen">${words}:</span>
      <code>${text}</code>
      ${status === undefined ? nothing : html`<strong>${status}</strong>`}
      <small>${peer}</small>
    </div>
  </li>`;
}
