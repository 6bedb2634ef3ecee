/** What waits to be delivered, what cannot be, and how it is freed. */
import type { DestinationSummary, SpoolListing, SpoolSummary } from '../api-types.ts';
import { failureOf } from './api.ts';
import type { ApiFailure } from './api.ts';
import { age, count, moment } from './format.ts';
import { html, nothing, repeat } from './lit.ts';
import type { TemplateResult } from './lit.ts';
import { hashOf } from './location.ts';
import type { Place } from './location.ts';
import { mayChange } from './page.ts';
import type { Host, Page } from './page.ts';
import { badge, choice, emptyLine, failureBox, readOnlyNote } from './parts.ts';
import { Poller } from './poller.ts';

const INTERVAL_MS = 3_000;
const SHOWN = 100;
const DIALOG = 'discard';

export class SpoolPage implements Page {
  readonly title = 'Spool';
  readonly #host: Host;
  readonly #poller: Poller;
  #filter: Place['parameters'] = {};
  #listing: SpoolListing | undefined;
  #failure: ApiFailure | undefined;
  /** Of what somebody did last, shown until the next. */
  #outcome: { readonly text: string } | { readonly failure: ApiFailure } | undefined;
  #discarding: SpoolSummary | undefined;
  #isBusy = false;

  constructor(host: Host) {
    this.#host = host;
    this.#poller = new Poller(() => this.#load(), INTERVAL_MS);
    this.#poller.paused = host.isPaused;
  }

  show({ parameters }: Place): void {
    this.#filter = parameters;
    this.#poller.open();
  }

  close(): void {
    this.#poller.close();
  }

  pause(isPaused: boolean): void {
    this.#poller.paused = isPaused;
  }

  render(): TemplateResult {
    const outcome = this.#outcome;
    return html`${mayChange(this.#host) ? nothing : readOnlyNote()}
      <div class="outcome" role="status">
        ${
          outcome === undefined
            ? nothing
            : 'failure' in outcome
              ? failureBox(outcome.failure)
              : html`<p class="box ok">${badge('ok', 'Done')} ${outcome.text}</p>`
        }
      </div>
      ${failureBox(this.#listing === undefined ? this.#failure : undefined)}
      ${this.#listing === undefined ? nothing : html`${this.#destinations(this.#listing)} ${this.#messages(this.#listing)}`}
      ${this.#dialog()}`;
  }

  #destinations({ destinations }: SpoolListing): TemplateResult {
    return html`<section aria-labelledby="destinations">
      <h2 id="destinations">Destinations</h2>
      ${
        destinations.length === 0
          ? emptyLine('Nothing waits: everything was delivered.')
          : html`<div class="scroll" tabindex="0" role="region" aria-label="Destinations">
              <table>
                <thead>
                  <tr>
                    <th scope="col">Route → upstream</th>
                    <th scope="col" class="number">Queued</th>
                    <th scope="col" class="number">Dead</th>
                    <th scope="col" class="number">Oldest</th>
                    <th scope="col" class="number">Attempts</th>
                    <th scope="col">Do</th>
                  </tr>
                </thead>
                <tbody>
                  ${destinations.map((destination) => this.#destination(destination))}
                </tbody>
              </table>
            </div>`
      }
    </section>`;
  }

  #destination(destination: DestinationSummary): TemplateResult {
    const { route, upstream, queued, dead, oldestSeconds, attempts } = destination;
    const retry = (): void =>
      this.#do(async () => {
        const { revived, hastened } = await this.#host.api.post<{ revived: number; hastened: number }>(
          '/api/spool/retry',
          { route, upstream },
        );
        return `${route} → ${upstream} is tried again: ${count(revived, 'dead message')} queued anew, ${hastened} due at once.`;
      });
    return html`<tr>
      <th scope="row">${route} → ${upstream}</th>
      <td class="number">${queued}</td>
      <td class="number">${dead > 0 ? badge('fail', String(dead)) : '0'}</td>
      <td class="number">${age(oldestSeconds)}</td>
      <td class="number">${attempts}</td>
      <td>${this.#button('Retry all', `Retry all of ${route} to ${upstream}`, retry)}</td>
    </tr>`;
  }

  #messages({ messages, next }: SpoolListing): TemplateResult {
    const { uid } = this.#filter;
    const states = [
      { value: '', text: 'queued and dead' },
      { value: 'dead', text: 'dead' },
      { value: 'queued', text: 'queued' },
    ];
    const choose = (state: string): void => {
      const { state: _state, after: _after, ...others } = this.#filter;
      location.hash = hashOf('spool', '', { ...others, state });
    };
    return html`<section aria-labelledby="messages">
      <h2 id="messages">Messages</h2>
      <form class="filters" aria-label="Filter messages">
        ${choice('State', 'state', states, this.#filter['state'] ?? '', choose)}
        ${uid === undefined ? nothing : html`<span class="note">only those of <code>${uid}</code></span> <a class="button" href=${hashOf('spool')}>Show all</a>`}
      </form>
      ${
        messages.length === 0
          ? emptyLine('There is no such message.')
          : html`<div class="scroll" tabindex="0" role="region" aria-label="Messages">
              <table>
                <thead>
                  <tr>
                    <th scope="col">Message</th>
                    <th scope="col">Where to</th>
                    <th scope="col">Accepted</th>
                    <th scope="col">State</th>
                    <th scope="col">Last failure</th>
                    <th scope="col">Do</th>
                  </tr>
                </thead>
                <tbody>
                  ${repeat(
                    messages,
                    ({ id }) => id,
                    (message) => this.#message(message),
                  )}
                </tbody>
              </table>
            </div>`
      }
      <p class="bar">
        ${this.#filter['after'] === undefined ? nothing : html`<a class="button" href=${hashOf('spool', '', { ...this.#filter, after: undefined })}>From the first</a>`}
        ${next === undefined ? nothing : html`<a class="button" href=${hashOf('spool', '', { ...this.#filter, after: next })}>Further messages</a>`}
      </p>
    </section>`;
  }

  #message(message: SpoolSummary): TemplateResult {
    const { id, route, upstream, uid, kind, event, state, acceptedAt, attempts, inDoubt, lastFailure } = message;
    const retry = (): void =>
      this.#do(async () => {
        await this.#host.api.post(`/api/spool/${id}/retry`, {});
        return `Message ${id} is tried again.`;
      });
    return html`<tr>
      <td>${id}<small>${kind}${event === undefined ? '' : ` ${event}`}</small></td>
      <td>
        ${route} → ${upstream}<small><a href=${hashOf('steps', uid)}>${uid}</a></small>
      </td>
      <td>${moment(acceptedAt)}<small>${count(attempts, 'attempt')}</small></td>
      <td>
        ${state === 'dead' ? badge('fail', 'dead') : badge('idle', 'queued')}${
          inDoubt ? html`<small>the destination may have it already</small>` : nothing
        }
      </td>
      <td class="why">
        ${lastFailure === undefined ? '–' : html`<code>${lastFailure.code}</code> ${lastFailure.problem}<small>${moment(lastFailure.at)}</small>`}
      </td>
      <td class="do">
        ${this.#button('Retry', `Retry message ${id}`, retry)}
        ${this.#button('Discard …', `Discard message ${id}`, () => this.#ask(message))}
      </td>
    </tr>`;
  }

  #button(text: string, label: string, onClick: () => void): TemplateResult {
    return html`<button
      type="button"
      aria-label=${label}
      ?disabled=${!mayChange(this.#host)}
      aria-disabled=${this.#isBusy ? 'true' : nothing}
      @click=${onClick}
    >
      ${text}
    </button>`;
  }

  #dialog(): TemplateResult {
    const message = this.#discarding;
    const submit = (event: SubmitEvent): void => {
      const form = event.target as HTMLFormElement;
      const reason = new FormData(form).get('reason');
      if (message === undefined || typeof reason !== 'string') return;
      form.reset();
      this.#do(async () => {
        await this.#host.api.post(`/api/spool/${message.id}/discard`, { reason: reason.trim() });
        return `Message ${message.id} is discarded.`;
      });
    };
    return html`<dialog id=${DIALOG} aria-labelledby="discard-title">
      <form method="dialog" @submit=${submit}>
        <h2 id="discard-title">Discard message ${message?.id}</h2>
        <p>
          ${message?.kind} of <code>${message?.uid}</code> for ${message?.upstream}. It is gone for good; the log keeps
          who did it, and why: write no name of a patient.
        </p>
        <label class="field">
          <span>Reason</span>
          <input name="reason" required minlength="3" maxlength="500" autocomplete="off" pattern=".*\\S.*" />
        </label>
        <p class="bar">
          <button type="submit" class="danger">Discard</button>
          <button type="button" @click=${() => dialogElement()?.close()}>Keep it</button>
        </p>
      </form>
    </dialog>`;
  }

  #ask(message: SpoolSummary): void {
    this.#discarding = message;
    this.#host.changed();
    dialogElement()?.showModal();
  }

  /** One thing at a time. A button that was disabled meanwhile would lose the keyboard. */
  #do(action: () => Promise<string>): void {
    if (this.#isBusy) return;
    this.#isBusy = true;
    this.#host.changed();
    void action()
      .then(
        (text) => (this.#outcome = { text }),
        (error: unknown) => (this.#outcome = { failure: failureOf(error) }),
      )
      .then(() => {
        this.#isBusy = false;
        this.#poller.now();
        this.#host.changed();
      });
  }

  async #load(): Promise<boolean> {
    const filter = this.#filter;
    try {
      const listing = await this.#host.api.get<SpoolListing>('/api/spool', { limit: SHOWN, ...filter });
      if (filter !== this.#filter) return true;
      this.#listing = listing;
      this.#failure = undefined;
      this.#host.answered();
      return true;
    } catch (error) {
      this.#failure = failureOf(error);
      this.#host.answered(this.#failure);
      return false;
    }
  }
}

function dialogElement(): HTMLDialogElement | null {
  return document.querySelector<HTMLDialogElement>(`#${DIALOG}`);
}
