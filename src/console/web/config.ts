/** The file that runs, as it is written, with what is wrong with it beside the lines. */
import type { ConfigView } from '../api-types.ts';
import { failureOf } from './api.ts';
import type { ApiFailure } from './api.ts';
import { count } from './format.ts';
import { html, nothing } from './lit.ts';
import type { TemplateResult } from './lit.ts';
import type { Place } from './location.ts';
import { mayChange } from './page.ts';
import type { Host, Page } from './page.ts';
import { badge, emptyLine, failureBox, readOnlyNote } from './parts.ts';
import { Poller } from './poller.ts';

const INTERVAL_MS = 5_000;

export class ConfigPage implements Page {
  readonly title = 'Config';
  readonly #host: Host;
  readonly #poller: Poller;
  #view: ConfigView | undefined;
  #failure: ApiFailure | undefined;
  #reloaded: { readonly warnings: readonly string[] } | { readonly failure: ApiFailure } | undefined;
  #isReloading = false;

  constructor(host: Host) {
    this.#host = host;
    this.#poller = new Poller(() => this.#load(), INTERVAL_MS);
    this.#poller.paused = host.isPaused;
  }

  show(_place: Place): void {
    this.#poller.open();
  }

  close(): void {
    this.#poller.close();
  }

  pause(isPaused: boolean): void {
    this.#poller.paused = isPaused;
  }

  render(): TemplateResult {
    const view = this.#view;
    if (view === undefined)
      return html`${failureBox(this.#failure)}
        <p class="empty">Asking the gateway …</p>`;
    const isAllowed = mayChange(this.#host);
    return html`<div class="bar">
        <button
          type="button"
          class=${view.changed ? 'main' : ''}
          ?disabled=${!isAllowed || view.file === undefined}
          aria-disabled=${this.#isReloading ? 'true' : nothing}
          @click=${() => void this.#reload()}
        >
          Reload
        </button>
        ${view.changed ? badge('warn', 'the file on the disk is not what runs') : badge('ok', 'the file on the disk is what runs')}
        ${view.file === undefined ? nothing : html`<code>${view.file}</code>`}
      </div>
      ${isAllowed ? nothing : readOnlyNote()}
      <div class="outcome" role="status">${this.#outcome()}</div>
      ${problems(view)} ${source(view)}`;
  }

  #outcome(): TemplateResult | typeof nothing {
    const reloaded = this.#reloaded;
    if (reloaded === undefined) return nothing;
    if ('failure' in reloaded) {
      const { message, fix, code } = reloaded.failure;
      return html`<div class="box fail">
        <p><strong>Nothing has changed: the configuration that ran goes on.</strong></p>
        <pre>${message}</pre>
        <p>${fix} <code>${code}</code></p>
      </div>`;
    }
    return html`<div class="box ok">
      <p>${badge('ok', 'Reloaded')}</p>
      ${reloaded.warnings.map((warning) => html`<p>${warning}</p>`)}
    </div>`;
  }

  async #reload(): Promise<void> {
    if (this.#isReloading) return;
    this.#isReloading = true;
    this.#host.changed();
    try {
      this.#reloaded = await this.#host.api.post<{ warnings: readonly string[] }>('/api/reload', {});
      this.#host.renew();
    } catch (error) {
      this.#reloaded = { failure: failureOf(error) };
    }
    this.#isReloading = false;
    this.#poller.now();
    this.#host.changed();
  }

  async #load(): Promise<boolean> {
    try {
      this.#view = await this.#host.api.get<ConfigView>('/api/config');
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

function problems({ problems: found }: ConfigView): TemplateResult {
  return html`<section aria-labelledby="problems">
    <h2 id="problems">${found.length === 0 ? 'No problems' : count(found.length, 'problem')}</h2>
    ${
      found.length === 0
        ? nothing
        : html`<ul class="problems">
            ${found.map(
              ({ severity, line, column, message }) =>
                html`<li>
                  ${badge(severity === 'error' ? 'fail' : 'warn', severity)}
                  ${
                    line === undefined
                      ? nothing
                      : html`<button type="button" class="plain" @click=${() => goTo(line)}>
                          line ${line}${column === undefined ? '' : `:${column}`}
                        </button>`
                  }
                  <span>${message}</span>
                </li>`,
            )}
          </ul>`
    }
  </section>`;
}

function source({ lines, problems: found, file }: ConfigView): TemplateResult {
  if (lines.length === 0) return emptyLine('The configuration was not read from a file.');
  const marks = new Map(
    found.flatMap(({ line, ...problem }) => (line === undefined ? [] : [[line, problem] as const])),
  );
  return html`<section aria-labelledby="source">
    <h2 id="source">
      ${file === undefined ? 'Configuration' : file.replace(/^.*\//, '')} <small>secrets are replaced</small>
    </h2>
    <div class="scroll source" tabindex="0" role="region" aria-label="Lines of the configuration">
      <ol>
        ${lines.map((text, i) => {
          const problem = marks.get(i + 1);
          return html`<li id=${`line-${i + 1}`} tabindex="-1" class=${problem?.severity ?? ''}>
            <code>${text === '' ? ' ' : text}</code>${
              problem === undefined
                ? nothing
                : html`<span class="beside">${problem.severity}: ${problem.message}</span>`
            }
          </li>`;
        })}
      </ol>
    </div>
  </section>`;
}

function goTo(line: number): void {
  const element = document.getElementById(`line-${line}`);
  element?.scrollIntoView({ block: 'center' });
  element?.focus();
}
