/** What has gone through, newest first, as it comes. Nothing moves under the eyes of who reads: new ones wait for a word. */
import type { ExchangeList, ExchangeSummary, Overview } from '../api-types.ts';
import { failureOf } from './api.ts';
import type { ApiFailure } from './api.ts';
import { count, duration, moment, words } from './format.ts';
import { html, nothing, repeat } from './lit.ts';
import type { TemplateResult } from './lit.ts';
import { hashOf } from './location.ts';
import type { Place } from './location.ts';
import type { Host, Page } from './page.ts';
import { badge, choice, emptyLine, failureBox, named } from './parts.ts';
import { Poller } from './poller.ts';

const INTERVAL_MS = 2_000;
const SHOWN = 200;
const FILTERS = ['listener', 'route', 'upstream', 'service', 'failed', 'text'] as const;
type Filter = Partial<Record<(typeof FILTERS)[number], string>>;

const SERVICES = ['worklist', 'mpps', 'storageCommitment', 'workitems'];

export class ExchangesPage implements Page {
  readonly title = 'Exchanges';
  readonly #host: Host;
  readonly #poller: Poller;
  #names: Pick<Overview, 'listeners' | 'routes' | 'upstreams'> = { listeners: [], routes: [], upstreams: [] };
  #filter: Filter = {};
  #shown: readonly ExchangeSummary[] | undefined;
  /** Newer ones that are not shown yet. */
  #waiting: readonly ExchangeSummary[] = [];
  #last = 0;
  #failure: ApiFailure | undefined;
  /** Counts the filters: an answer to an earlier one is not shown. */
  #round = 0;

  constructor(host: Host) {
    this.#host = host;
    this.#poller = new Poller(() => this.#load(), INTERVAL_MS);
    this.#poller.paused = host.isPaused;
    void this.#loadNames();
  }

  show({ parameters }: Place): void {
    this.#filter = Object.fromEntries(FILTERS.flatMap((name) => (parameters[name] ? [[name, parameters[name]]] : [])));
    this.#begin();
    this.#poller.open();
  }

  close(): void {
    this.#poller.close();
  }

  pause(isPaused: boolean): void {
    this.#poller.paused = isPaused;
  }

  render(): TemplateResult {
    return html`${this.#filters()} ${failureBox(this.#shown === undefined ? this.#failure : undefined)}
      <div class="bar">${this.#news()}</div>
      ${this.#list()}`;
  }

  #news(): TemplateResult {
    if (this.#waiting.length > 0) {
      return html`<button type="button" class="main" @click=${() => this.#takeWaiting()}>
        Show ${count(this.#waiting.length, 'new exchange')}
      </button>`;
    }
    return html`<span class="quiet"
      >${this.#shown === undefined ? '' : `${count(this.#shown.length, 'exchange')} shown, newest first`}</span
    >`;
  }

  #list(): TemplateResult {
    const shown = this.#shown;
    if (shown === undefined) return html`<p class="empty">Asking the gateway …</p>`;
    if (shown.length === 0) {
      return emptyLine(
        Object.keys(this.#filter).length > 0
          ? 'No exchange fits the filter. The last ones only are kept: see console.exchanges.'
          : 'Nothing has gone through yet. New exchanges appear here by themselves.',
      );
    }
    return html`<div class="scroll" tabindex="0" role="region" aria-label="Exchanges">
      <table class="exchanges">
        <thead>
          <tr>
            <th scope="col">Begin</th>
            <th scope="col">Who asked</th>
            <th scope="col">What</th>
            <th scope="col">Way</th>
            <th scope="col">Outcome</th>
            <th scope="col" class="number">Time</th>
          </tr>
        </thead>
        <tbody>
          ${repeat(
            shown,
            ({ id }) => id,
            (exchange) => this.#row(exchange),
          )}
        </tbody>
      </table>
    </div>`;
  }

  #row(exchange: ExchangeSummary): TemplateResult {
    const { id, at, listener, callingAeTitle, subject, address, service, transaction, ms, count: results } = exchange;
    const { route, upstream } = exchange;
    return html`<tr>
      <td>
        <a href=${hashOf('exchanges', String(id), this.#filter)}
          >${moment(at)}<span class="unseen">, exchange ${id}</span></a
        >
      </td>
      <td>
        ${callingAeTitle ?? subject ?? address}<small
          >${listener}${callingAeTitle === undefined && subject === undefined ? '' : ` · ${address}`}</small
        >
      </td>
      <td>
        ${transaction}<small>${words(service)}${results === undefined ? '' : ` · ${count(results, 'result')}`}</small>
      </td>
      <td>
        ${route ?? 'no route'}<small>${upstream === undefined ? 'answered by the gateway' : `→ ${upstream}`}</small>
      </td>
      <td>${outcomeBadge(exchange)}<small>${exchange.reason ?? warningsText(exchange)}</small></td>
      <td class="number">${duration(ms)}</td>
    </tr>`;
  }

  #filters(): TemplateResult {
    const { listeners, routes, upstreams } = this.#names;
    const filter = this.#filter;
    const select = (label: string, name: (typeof FILTERS)[number], values: readonly string[], all: string) => {
      const value = filter[name] ?? '';
      return choice(label, name, named(value === '' ? values : [...values, value], all), value, (chosen) =>
        this.#choose(name, chosen),
      );
    };
    const submit = (event: SubmitEvent): void => {
      event.preventDefault();
      const text = new FormData(event.target as HTMLFormElement).get('text');
      this.#choose('text', typeof text === 'string' ? text.trim() : '');
    };
    return html`<form class="filters" role="search" aria-label="Filter exchanges" @submit=${submit}>
      ${select(
        'Listener',
        'listener',
        listeners.map(({ name }) => name),
        'every listener',
      )}
      ${select(
        'Route',
        'route',
        routes.map(({ name }) => name),
        'every route',
      )}
      ${select(
        'Upstream',
        'upstream',
        upstreams.map(({ name }) => name),
        'every upstream',
      )}
      ${select('Service', 'service', SERVICES, 'every service')}
      ${choice(
        'Outcome',
        'failed',
        [
          { value: '', text: 'any' },
          { value: 'true', text: 'failed' },
          { value: 'false', text: 'went well' },
        ],
        filter.failed ?? '',
        (chosen) => this.#choose('failed', chosen),
      )}
      <label class="field wide">
        <span>AE title, address, UID, status or code</span>
        <input name="text" type="search" autocomplete="off" .value=${filter.text ?? ''} />
      </label>
      <button type="submit">Filter</button>
      ${Object.keys(filter).length === 0 ? nothing : html`<a class="button" href=${hashOf('exchanges')}>Clear</a>`}
    </form>`;
  }

  #choose(name: (typeof FILTERS)[number], value: string): void {
    const { [name]: _was, ...others } = this.#filter;
    location.hash = hashOf('exchanges', '', value === '' ? others : { ...others, [name]: value });
  }

  #begin(): void {
    this.#round += 1;
    this.#shown = undefined;
    this.#waiting = [];
    this.#last = 0;
  }

  #takeWaiting(): void {
    this.#shown = [...this.#waiting, ...(this.#shown ?? [])].slice(0, SHOWN);
    this.#waiting = [];
    this.#host.changed();
  }

  async #loadNames(): Promise<void> {
    try {
      this.#names = await this.#host.api.get<Overview>('/api/overview');
      this.#host.changed();
    } catch {
      // The lists to choose from stay short; the list itself tells what is wrong.
    }
  }

  async #load(): Promise<boolean> {
    const round = this.#round;
    try {
      const after = this.#last === 0 ? undefined : this.#last;
      const answer = await this.#host.api.get<ExchangeList>('/api/exchanges', { ...this.#filter, after, limit: SHOWN });
      if (round !== this.#round) return true;
      this.#take(answer);
      this.#failure = undefined;
      this.#host.answered();
      return true;
    } catch (error) {
      this.#failure = failureOf(error);
      this.#host.answered(this.#failure);
      return false;
    }
  }

  #take({ exchanges, last }: ExchangeList): void {
    // The gateway was started anew, and counts from the begin.
    if (last < this.#last) this.#begin();
    const isFirst = this.#shown === undefined;
    // As many as can be asked for: there may be a gap, and the old ones would be out of sight anyhow.
    const known = exchanges.length >= SHOWN ? [] : this.#waiting;
    this.#last = last;
    if (exchanges.length === 0 && !isFirst) return;
    this.#waiting = [...exchanges, ...known].slice(0, SHOWN);
    if (isFirst || !isReading()) this.#takeWaiting();
    else this.#host.announce(`${count(this.#waiting.length, 'new exchange')}.`);
  }
}

/** Somebody has a place in the list: rows must not move under it. */
function isReading(): boolean {
  const list = document.querySelector('table.exchanges');
  return list !== null && (scrollY > 0 || list.matches(':hover') || list.contains(document.activeElement));
}

export function outcomeBadge({ status, outcome, warnings }: ExchangeSummary): TemplateResult {
  if (outcome === undefined) return badge(warnings.length > 0 ? 'warn' : 'ok', status);
  return html`${badge(outcome === 'CANCELED' ? 'warn' : 'fail', status)} <code>${outcome}</code>`;
}

function warningsText({ warnings }: ExchangeSummary): string {
  return warnings.length === 0 ? '' : `with warnings: ${warnings.join(', ')}`;
}
