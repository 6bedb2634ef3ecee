/** The console: who one is, which page is open, and what stands around it. */
import type { Me } from '../api-types.ts';
import { Api, failureOf } from './api.ts';
import type { ApiFailure } from './api.ts';
import { ConfigPage } from './config.ts';
import { ExchangePage } from './exchange.ts';
import { ExchangesPage } from './exchanges.ts';
import { toSecond } from './format.ts';
import { html, nothing, render } from './lit.ts';
import type { TemplateResult } from './lit.ts';
import { hashOf, PAGES, placeOf } from './location.ts';
import type { PageName, Place } from './location.ts';
import { OverviewPage } from './overview.ts';
import type { Host, Page } from './page.ts';
import { badge } from './parts.ts';
import { signIn } from './sign-in.ts';
import { SpoolPage } from './spool.ts';
import { StepsPage } from './steps.ts';
import { TryPage } from './try.ts';

const NAMES: Readonly<Record<PageName, string>> = {
  overview: 'Overview',
  exchanges: 'Exchanges',
  steps: 'Steps',
  spool: 'Spool',
  try: 'Try',
  config: 'Config',
};

class Console implements Host {
  readonly api = new Api(() => this.#onRefused());
  readonly #root: HTMLElement;
  #me: Me | undefined;
  #page: Page | undefined;
  /** Which page is open: another one of the same kind is shown by it too. */
  #kind = '';
  #failure: ApiFailure | undefined;
  #lastAnswer: string | undefined;
  #said = '';
  #isPaused = false;
  #isAsked = false;
  #isDue = false;

  constructor(root: HTMLElement) {
    this.#root = root;
  }

  get me(): Me {
    if (this.#me === undefined) throw new Error('Nobody has signed in yet.');
    return this.#me;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  async start(): Promise<void> {
    addEventListener('hashchange', () => this.#go(true));
    await this.#enter();
  }

  changed(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    requestAnimationFrame(() => {
      this.#isDue = false;
      this.#render();
    });
  }

  renew(): void {
    void this.api.get<Me>('/api/me').then(
      (me) => {
        if (this.#me === undefined) return;
        this.#me = me;
        this.changed();
      },
      () => {
        // The page itself tells what is wrong.
      },
    );
  }

  announce(text: string): void {
    this.#said = text;
    this.changed();
  }

  answered(failure?: ApiFailure): void {
    this.#failure = failure;
    if (failure === undefined) this.#lastAnswer = new Date().toISOString();
    this.changed();
  }

  async #enter(): Promise<void> {
    try {
      this.#me = await this.api.get<Me>('/api/me');
      this.#isAsked = false;
      this.answered();
      this.#go(false);
    } catch (error) {
      this.answered(failureOf(error));
      this.#render();
    }
  }

  #onRefused(): void {
    this.#closePage();
    this.#me = undefined;
    this.#isAsked = true;
    this.changed();
  }

  #closePage(): void {
    this.#page?.close();
    this.#page = undefined;
    this.#kind = '';
  }

  /** @param isMove somebody has followed a link: then the heading of a new page is what is read next */
  #go(isMove: boolean): void {
    if (this.#me === undefined) return;
    const place = placeOf(location.hash);
    const kind = place.page === 'exchanges' && place.item !== '' ? 'exchange' : place.page;
    const isNew = kind !== this.#kind;
    if (isNew) {
      this.#closePage();
      this.#kind = kind;
      this.#page = this.#make(kind);
    }
    this.#page?.show(place);
    this.#render();
    if (isNew && isMove) {
      scrollTo(0, 0);
      this.#root.querySelector<HTMLElement>('h1')?.focus();
    }
  }

  #make(kind: PageName | 'exchange'): Page {
    switch (kind) {
      case 'overview':
        return new OverviewPage(this);
      case 'exchanges':
        return new ExchangesPage(this);
      case 'exchange':
        return new ExchangePage(this);
      case 'steps':
        return new StepsPage(this);
      case 'spool':
        return new SpoolPage(this);
      case 'try':
        return new TryPage(this);
      case 'config':
        return new ConfigPage(this);
    }
  }

  #render(): void {
    const title = this.#page?.title ?? 'Sign in';
    document.title = `${title} · dimseway`;
    render(this.#page === undefined ? this.#outside() : this.#inside(this.#page, placeOf(location.hash)), this.#root);
    this.#page?.rendered?.();
  }

  #outside(): TemplateResult {
    if (this.#isAsked) {
      return signIn(this.api.hasToken, (token) => {
        this.api.token = token;
        void this.#enter();
      });
    }
    const { message, fix } = this.#failure ?? { message: 'Asking the gateway …', fix: '' };
    return html`<main class="alone">
      <h1>dimseway</h1>
      <p>${message} ${fix}</p>
      ${
        this.#failure === undefined
          ? nothing
          : html`<button type="button" @click=${() => void this.#enter()}>Try again</button>`
      }
    </main>`;
  }

  #inside(page: Page, place: Place): TemplateResult {
    return html`<a class="skip" href="#content" @click=${skip}>Skip to the content</a>
      <header class="top">
        <a class="brand" href=${hashOf('overview')} aria-label="dimseway, overview">
          <img src="/assets/icon.svg" alt="" width="26" height="26" /><span>dimseway</span>
        </a>
        <nav aria-label="Pages">
          <ul>
            ${PAGES.map(
              (name) =>
                html`<li>
                  <a href=${hashOf(name)} aria-current=${name === place.page ? 'page' : nothing}>${NAMES[name]}</a>
                </li>`,
            )}
          </ul>
        </nav>
        ${this.#state()}
      </header>
      <main id="content" tabindex="-1">
        <h1 tabindex="-1">${page.title}</h1>
        ${page.render()}
      </main>
      ${this.#footer()}
      <div class="unseen" role="status" aria-live="polite">${this.#said}</div>`;
  }

  #state(): TemplateResult {
    const answer =
      this.#failure === undefined ? badge(this.#isPaused ? 'idle' : 'ok', this.#isPaused ? 'paused' : 'live') : nothing;
    return html`<div class="state">
      <span class="answer" title=${this.#failure?.message ?? nothing}>
        ${
          this.#failure === undefined
            ? answer
            : badge('fail', this.#failure.status === 0 ? 'no answer' : this.#failure.code)
        }
      </span>
      <button type="button" aria-pressed=${this.#isPaused ? 'true' : 'false'} @click=${() => this.#togglePause()}>
        Pause
      </button>
    </div>`;
  }

  #footer(): TemplateResult {
    const { name, role, version, instance, startedAt, capture } = this.me;
    return html`<footer>
      <span>dimseway ${version}</span>
      ${instance === undefined ? nothing : html`<span>instance ${instance}</span>`}
      <span>runs since ${toSecond(startedAt)}</span>
      <span>${name === undefined ? '' : `${name}, `}role ${role}</span>
      <span
        >${capture === undefined ? 'no data sets are captured' : `data sets are captured until ${toSecond(capture.until)}`}</span
      >
      <span>last answer ${toSecond(this.#lastAnswer)}</span>
      ${
        this.api.hasToken
          ? html`<button type="button" class="plain" @click=${() => this.#leave()}>Forget the token</button>`
          : nothing
      }
    </footer>`;
  }

  #togglePause(): void {
    this.#isPaused = !this.#isPaused;
    this.#page?.pause?.(this.#isPaused);
    this.announce(this.#isPaused ? 'Paused' : 'Live again');
  }

  #leave(): void {
    this.api.token = undefined;
    this.#onRefused();
  }
}

/** The hash is the place: the link itself must not change it. */
function skip(event: Event): void {
  event.preventDefault();
  document.getElementById('content')?.focus();
}

const root = document.getElementById('app');
if (root !== null) void new Console(root).start();
