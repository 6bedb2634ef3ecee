/** What happened to one performed procedure step, workitem or storage commitment, in order. */
import type { Timeline, TimelineEntry } from '../api-types.ts';
import { failureOf } from './api.ts';
import type { ApiFailure } from './api.ts';
import { count, moment } from './format.ts';
import { html, nothing } from './lit.ts';
import type { TemplateResult } from './lit.ts';
import { hashOf } from './location.ts';
import type { Place } from './location.ts';
import type { Host, Page } from './page.ts';
import { emptyLine, failureBox } from './parts.ts';
import { Poller } from './poller.ts';

const INTERVAL_MS = 3_000;

export class StepsPage implements Page {
  readonly title = 'Steps';
  readonly #host: Host;
  readonly #poller: Poller;
  #uid = '';
  #timeline: Timeline | undefined;
  #failure: ApiFailure | undefined;

  constructor(host: Host) {
    this.#host = host;
    this.#poller = new Poller(() => this.#load(), INTERVAL_MS);
    this.#poller.paused = host.isPaused;
  }

  show({ item }: Place): void {
    if (item !== this.#uid) this.#timeline = this.#failure = undefined;
    this.#uid = item;
    this.#poller.close();
    if (item !== '') this.#poller.open();
  }

  close(): void {
    this.#poller.close();
  }

  pause(isPaused: boolean): void {
    this.#poller.paused = isPaused;
  }

  render(): TemplateResult {
    const submit = (event: SubmitEvent): void => {
      event.preventDefault();
      const uid = new FormData(event.target as HTMLFormElement).get('uid');
      if (typeof uid === 'string') location.hash = hashOf('steps', uid.trim());
    };
    return html`<form class="filters" role="search" aria-label="Find a step" @submit=${submit}>
        <label class="field wide">
          <span>UID of an MPPS, a workitem or a storage commitment</span>
          <input
            name="uid"
            inputmode="numeric"
            autocomplete="off"
            required
            pattern=" *[0-9.]{1,64} *"
            .value=${this.#uid}
          />
        </label>
        <button type="submit" class="main">Show</button>
      </form>
      ${failureBox(this.#failure)} ${this.#entries()}`;
  }

  #entries(): TemplateResult | typeof nothing {
    if (this.#uid === '') {
      return emptyLine('Every exchange of a step links to it: open one under Exchanges and follow its UID.');
    }
    const timeline = this.#timeline;
    if (timeline === undefined)
      return this.#failure === undefined ? html`<p class="empty">Asking the gateway …</p>` : nothing;
    if (timeline.entries.length === 0) {
      return emptyLine('Nothing is known of this UID: it never came here, or it was forgotten with its time.');
    }
    return html`<h2>${count(timeline.entries.length, 'entry', 'entries')}</h2>
      <ol class="timeline">
        ${timeline.entries.map(entryRow)}
      </ol>`;
  }

  async #load(): Promise<boolean> {
    const uid = this.#uid;
    try {
      const timeline = await this.#host.api.get<Timeline>(`/api/steps/${encodeURIComponent(uid)}`);
      if (uid !== this.#uid) return true;
      this.#timeline = timeline;
      this.#failure = undefined;
      this.#host.answered();
      return true;
    } catch (error) {
      if (uid !== this.#uid) return true;
      this.#failure = failureOf(error);
      this.#host.answered(this.#failure.status === 0 ? this.#failure : undefined);
      return false;
    }
  }
}

function entryRow({ at, kind, text, status, exchange, spool, uid }: TimelineEntry): TemplateResult {
  return html`<li>
    <time datetime=${at}>${moment(at)}</time>
    <span class="kind ${kind}">${kind}</span>
    <span
      >${text} ${status === undefined ? nothing : html`<strong>${status}</strong>`}
      ${exchange === undefined ? nothing : html`<a href=${hashOf('exchanges', String(exchange))}>exchange ${exchange}</a>`}
      ${spool === undefined ? nothing : html`<a href=${hashOf('spool', '', { uid })}>message ${spool} of the spool</a>`}
    </span>
  </li>`;
}
