/** The two halves as they are now: who may come in, which way it goes, and who is called. */
import type { Overview, OverviewListener, OverviewRoute, OverviewUpstream } from '../api-types.ts';
import { failureOf } from './api.ts';
import type { ApiFailure } from './api.ts';
import { age, count, toSecond, words } from './format.ts';
import { html, nothing } from './lit.ts';
import type { TemplateResult } from './lit.ts';
import { hashOf } from './location.ts';
import type { Host, Page } from './page.ts';
import { badge, emptyLine, failureBox, trafficLine } from './parts.ts';
import type { Tone } from './parts.ts';
import { drawWays } from './ways.ts';
import { Poller } from './poller.ts';

const INTERVAL_MS = 3_000;

export class OverviewPage implements Page {
  readonly title = 'Overview';
  readonly #host: Host;
  readonly #poller: Poller;
  readonly #onResize = (): void => this.#draw();
  #overview: Overview | undefined;
  #failure: ApiFailure | undefined;

  constructor(host: Host) {
    this.#host = host;
    this.#poller = new Poller(() => this.#load(), INTERVAL_MS);
    this.#poller.paused = host.isPaused;
    addEventListener('resize', this.#onResize);
  }

  show(): void {
    this.#poller.open();
  }

  close(): void {
    removeEventListener('resize', this.#onResize);
    this.#poller.close();
  }

  pause(isPaused: boolean): void {
    this.#poller.paused = isPaused;
  }

  rendered(): void {
    this.#draw();
  }

  render(): TemplateResult {
    const overview = this.#overview;
    if (overview === undefined)
      return html`${failureBox(this.#failure)}
        <p class="empty">Asking the gateway …</p>`;
    const { listeners, routes, upstreams } = overview;
    return html`${summary(overview)}
      <div class="picture">
        <svg class="ways" aria-hidden="true"></svg>
        ${column('Listeners', 'called by modalities', listeners.map(listenerCard), 'No listener is configured.')}
        ${column('Routes', 'the first that fits', routes.map(routeCard), 'No route is configured: every request is refused.')}
        ${column('Upstreams', 'called by the gateway', upstreams.map(upstreamCard), 'No upstream is configured.')}
      </div>
      <p class="note">Numbers are of the last five minutes; times are those of exchanges that went well.</p>`;
  }

  #draw(): void {
    const picture = document.querySelector<HTMLElement>('.picture');
    if (picture !== null && this.#overview !== undefined) drawWays(picture, this.#overview);
  }

  async #load(): Promise<boolean> {
    try {
      const before = this.#overview;
      this.#overview = await this.#host.api.get<Overview>('/api/overview');
      this.#failure = undefined;
      this.#host.answered();
      const news = before === undefined ? '' : newsIn(before, this.#overview);
      if (news !== '') this.#host.announce(news);
      return true;
    } catch (error) {
      this.#failure = failureOf(error);
      this.#host.answered(this.#failure);
      return false;
    }
  }
}

/** What somebody who does not see the picture should hear. */
function newsIn(before: Overview, now: Overview): string {
  const states = new Map(before.upstreams.map(({ name, state }) => [name, state]));
  const changes = now.upstreams
    .filter(({ name, state }) => states.get(name) !== state && state !== 'unknown')
    .map(({ name, state }) => `${name} is ${state === 'ok' ? 'well' : 'failing'}.`);
  if (now.spool.dead > before.spool.dead) changes.push(`${count(now.spool.dead, 'dead message')} in the spool.`);
  if (now.status !== before.status) changes.push(`The gateway is ${now.status === 'ready' ? 'ready' : 'not ready'}.`);
  return changes.join(' ');
}

function summary({ status, upstreams, spool, commitments }: Overview): TemplateResult {
  const failing = upstreams.filter(({ state }) => state === 'failing').length;
  return html`<section aria-label="In short" class="tiles">
    ${tile('Gateway', status === 'ready' ? badge('ok', 'ready') : badge('fail', 'not ready'), 'listeners bound, store open')}
    ${tile('Upstreams', failing === 0 ? badge('ok', 'none fails') : badge('fail', `${failing} failing`), `${upstreams.length} configured`)}
    ${tile(
      'Spool',
      html`<a href=${hashOf('spool')}
        >${
          spool.dead > 0
            ? badge('fail', `${spool.dead} dead`)
            : badge(spool.queued > 0 ? 'warn' : 'ok', `${spool.queued} waiting`)
        }</a
      >`,
      spool.oldestSeconds === undefined
        ? 'nothing waits'
        : `${spool.queued} queued, oldest ${age(spool.oldestSeconds)}`,
    )}
    ${tile(
      'Commitments',
      badge(commitments.open > 0 ? 'warn' : 'ok', `${commitments.open} open`),
      commitments.oldestSeconds === undefined ? 'no archive is asked' : `oldest ${age(commitments.oldestSeconds)}`,
    )}
  </section>`;
}

function tile(name: string, value: TemplateResult, below: string): TemplateResult {
  return html`<div class="tile">
    <h2>${name}</h2>
    ${value}
    <p>${below}</p>
  </div>`;
}

function column(name: string, below: string, cards: readonly TemplateResult[], none: string): TemplateResult {
  return html`<section class="column" aria-label=${name}>
    <h2>${name} <small>${below}</small></h2>
    ${
      cards.length === 0
        ? emptyLine(none)
        : html`<ul>
            ${cards.map((card) => html`<li>${card}</li>`)}
          </ul>`
    }
  </section>`;
}

function listenerCard(listener: OverviewListener): TemplateResult {
  const { name, protocol, address, names, tls, listening, open, traffic } = listener;
  return html`<article class="card" data-listener=${name}>
    <h3>
      <a href=${hashOf('exchanges', '', { listener: name })}>${name}</a>
      ${listening ? badge('ok', 'listening') : badge('fail', 'not bound')}
    </h3>
    <p>${protocolName(protocol)} · ${address}${tls ? ' · TLS' : ''}</p>
    <p class="fine">${names.join(', ')} · ${open} open</p>
    ${trafficLine(traffic)}
  </article>`;
}

function routeCard({ name, conditions, services, listeners, traffic }: OverviewRoute): TemplateResult {
  return html`<article class="card" data-route=${name}>
    <h3><a href=${hashOf('exchanges', '', { route: name })}>${name}</a></h3>
    <p class="fine">
      ${listeners.length === 0 ? 'no listener leads here' : `from ${listeners.join(', ')}`}${conditions === '' ? '' : ` · ${conditions}`}
    </p>
    <dl class="services">
      ${Object.entries(services).map(
        ([service, targets]) =>
          html`<div>
            <dt>${words(service)}</dt>
            <dd>→ ${targets.join(service === 'worklist' ? ', then ' : ', ')}</dd>
          </div>`,
      )}
    </dl>
    ${trafficLine(traffic)}
  </article>`;
}

const STATES: Readonly<Record<OverviewUpstream['state'], readonly [Tone, string]>> = {
  ok: ['ok', 'well'],
  failing: ['fail', 'failing'],
  unknown: ['idle', 'not asked yet'],
};

function upstreamCard(upstream: OverviewUpstream): TemplateResult {
  const { name, protocol, address, tls, state, lastSuccess, lastFailure, lastFailureCode, traffic } = upstream;
  return html`<article class="card ${state}" data-upstream=${name}>
    <h3><a href=${hashOf('exchanges', '', { upstream: name })}>${name}</a> ${badge(...STATES[state])}</h3>
    <p>${protocolName(protocol)}${address === '' ? '' : ` · ${address}`}${tls ? ' · TLS' : ''}</p>
    <p class="fine">
      ${lastSuccess === undefined ? 'never answered' : `answered ${toSecond(lastSuccess)}`}${
        state === 'failing' && lastFailure !== undefined
          ? html`<br /><strong>${lastFailureCode ?? 'failed'}</strong> ${toSecond(lastFailure)}`
          : nothing
      }
    </p>
    ${trafficLine(traffic)}
  </article>`;
}

function protocolName(protocol: string): string {
  return { dimse: 'DIMSE', dicomweb: 'DICOMweb', 'ups-rs': 'UPS-RS', ris: 'embedded RIS' }[protocol] ?? protocol;
}
