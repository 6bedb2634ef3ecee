/** Two things to try: what a search asks and finds, and what becomes of a data set. */
import type { Overview } from '../api-types.ts';
import { failureOf } from './api.ts';
import type { ApiFailure } from './api.ts';
import { html, nothing } from './lit.ts';
import type { TemplateResult } from './lit.ts';
import { hashOf } from './location.ts';
import type { Place } from './location.ts';
import type { Host, Page } from './page.ts';
import { failureBox } from './parts.ts';
import { TryDataSetPart } from './try-data-set.ts';
import { TrySearchPart } from './try-search.ts';

const PARTS = { search: 'Ask a worklist', dataset: 'Look at a data set' } as const;

export class TryPage implements Page {
  readonly title = 'Try';
  readonly #host: Host;
  readonly #search: TrySearchPart;
  readonly #dataSet: TryDataSetPart;
  #part: keyof typeof PARTS = 'search';
  #overview: Overview | undefined;
  #failure: ApiFailure | undefined;

  constructor(host: Host) {
    this.#host = host;
    this.#search = new TrySearchPart(host);
    this.#dataSet = new TryDataSetPart(host);
    void this.#load();
  }

  show({ item }: Place): void {
    this.#part = item === 'dataset' ? 'dataset' : 'search';
  }

  close(): void {
    // Nothing is asked by itself here.
  }

  render(): TemplateResult {
    const overview = this.#overview;
    return html`<nav class="parts" aria-label="What to try">
        ${Object.entries(PARTS).map(
          ([part, text]) =>
            html`<a href=${hashOf('try', part)} aria-current=${part === this.#part ? 'page' : nothing}>${text}</a>`,
        )}
      </nav>
      ${failureBox(this.#failure)}
      ${overview === undefined ? nothing : this.#part === 'search' ? this.#search.render(overview) : this.#dataSet.render(overview)}`;
  }

  async #load(): Promise<void> {
    try {
      this.#overview = await this.#host.api.get<Overview>('/api/overview');
      this.#host.answered();
    } catch (error) {
      this.#failure = failureOf(error);
      this.#host.answered(this.#failure);
    }
  }
}
