/** A worklist search by form: as URL and as identifier, and what an upstream answers. */
import type { Overview, TriedSearch, TrySearch } from '../api-types.ts';
import { failureOf } from './api.ts';
import type { ApiFailure } from './api.ts';
import { rowsOf } from './data-set.ts';
import type { DataSetJson } from './data-set.ts';
import { listing } from './data-set-view.ts';
import { count, duration } from './format.ts';
import { html, nothing } from './lit.ts';
import type { TemplateResult } from './lit.ts';
import { mayChange } from './page.ts';
import type { Host } from './page.ts';
import { badge, emptyLine, failureBox, readOnlyNote } from './parts.ts';

const STEP = 'ScheduledProcedureStepSequence';

/** What is asked for most; anything else by its keyword. */
const FIELDS = [
  { key: 'PatientName', label: 'Patient name', hint: 'e.g. DOE*' },
  { key: 'PatientID', label: 'Patient ID', hint: '' },
  { key: 'AccessionNumber', label: 'Accession number', hint: '' },
  { key: `${STEP}.Modality`, label: 'Modality', hint: 'e.g. CT' },
  { key: `${STEP}.ScheduledStationAETitle`, label: 'Station AE title', hint: '' },
  { key: `${STEP}.ScheduledProcedureStepStartDate`, label: 'Start date', hint: '20260131 or a range' },
] as const;

const COLUMNS = [
  ['Patient', '00100010'],
  ['ID', '00100020'],
  ['Accession', '00080050'],
  ['Modality', '00400100[1].00080060'],
  ['Station', '00400100[1].00400001'],
  ['Start', '00400100[1].00400002'],
  ['Step', '00400100[1].00400007'],
] as const;

export class TrySearchPart {
  readonly #host: Host;
  #tried: TriedSearch | undefined;
  #failure: ApiFailure | undefined;
  #isAsking = false;
  #round = 0;

  constructor(host: Host) {
    this.#host = host;
  }

  render({ upstreams }: Overview): TemplateResult {
    const ask = (event: SubmitEvent): void => {
      event.preventDefault();
      if (this.#isAsking) return;
      const isDry = (event.submitter as HTMLButtonElement | null)?.value === 'dry';
      void this.#ask(event.target as HTMLFormElement, isDry);
    };
    const isAllowed = mayChange(this.#host);
    return html`<form class="try" aria-label="Worklist search" @submit=${ask}>
        <label class="field">
          <span>Upstream</span>
          <select name="upstream">
            ${upstreams.map(({ name }) => html`<option>${name}</option>`)}
          </select>
        </label>
        ${FIELDS.map(
          ({ key, label, hint }) =>
            html`<label class="field"
              ><span>${label}</span><input name=${key} placeholder=${hint} autocomplete="off"
            /></label>`,
        )}
        <label class="field wide">
          <span>Further keys, one a line: <code>KEYWORD=VALUE</code></span>
          <textarea name="keys" rows="2" spellcheck="false"></textarea>
        </label>
        <label class="field">
          <span>Attributes to return besides</span>
          <input name="include" placeholder="keywords, or all" autocomplete="off" />
        </label>
        <label class="field"
          ><span>At most</span><input name="limit" type="number" min="1" max="1000" value="20"
        /></label>
        <p class="bar wide">
          <button type="submit" value="dry" aria-disabled=${this.#isAsking ? 'true' : nothing}>
            Show what is asked
          </button>
          <button
            type="submit"
            value="run"
            class="main"
            ?disabled=${!isAllowed}
            aria-disabled=${this.#isAsking ? 'true' : nothing}
          >
            Run it
          </button>
          <span role="status">${this.#isAsking ? 'Asking …' : ''}</span>
        </p>
      </form>
      ${isAllowed ? nothing : readOnlyNote()} ${failureBox(this.#failure)}
      ${this.#tried === undefined ? nothing : triedSearch(this.#tried)}`;
  }

  async #ask(form: HTMLFormElement, dryRun: boolean): Promise<void> {
    const round = ++this.#round;
    this.#isAsking = true;
    this.#host.changed();
    try {
      const tried = await this.#host.api.post<TriedSearch>('/api/try/search', { ...searchOf(form), dryRun });
      if (round !== this.#round) return;
      this.#tried = tried;
      this.#failure = undefined;
      this.#host.answered();
      if (tried.results !== undefined) this.#host.announce(`${count(tried.results.length, 'result')}.`);
    } catch (error) {
      this.#tried = undefined;
      this.#failure = failureOf(error);
    } finally {
      this.#isAsking = false;
      this.#host.changed();
    }
  }
}

function searchOf(form: HTMLFormElement): TrySearch {
  const data = new FormData(form);
  const text = (name: string): string => {
    const value = data.get(name);
    return typeof value === 'string' ? value.trim() : '';
  };
  const limit = Number(text('limit'));
  return {
    upstream: text('upstream'),
    keys: [
      ...FIELDS.flatMap(({ key }) => (text(key) === '' ? [] : [`${key}=${text(key)}`])),
      ...text('keys')
        .split('\n')
        .map((line) => line.trim())
        .filter((line) => line !== ''),
    ],
    include: text('include')
      .split(/[\s,]+/)
      .filter((each) => each !== ''),
    ...(limit > 0 && { limit }),
  };
}

/** What came back stands above what was asked: the identifier is long. */
function triedSearch({ url, identifier, ms, warnings, results, masked, failure }: TriedSearch): TemplateResult {
  return html`${
      failure === undefined
        ? nothing
        : html`<div class="box fail" role="alert">
            <p><strong>${failure.message}</strong></p>
            <p>${failure.fix} <code>${failure.code}</code></p>
          </div>`
    }
    ${
      results === undefined
        ? nothing
        : html`<section aria-labelledby="answered">
            <h2 id="answered">${count(results.length, 'result')} in ${duration(ms)}</h2>
            ${warnings.map((warning) => html`<p>${badge('warn', warning)}</p>`)}
            ${masked ? html`<p class="note">Values are masked: they need the role <code>values</code>.</p>` : nothing}
            ${results.length === 0 ? emptyLine('The upstream answered, and nothing fits.') : resultTable(results)}
          </section>`
    }
    <section aria-labelledby="asked">
      <h2 id="asked">What is asked</h2>
      <h3>On the web (PS3.18 14.4)</h3>
      <p class="url"><code>${url}</code></p>
      <h3>By DIMSE: the identifier of the C-FIND (PS3.4 K.4.1)</h3>
      <details ?open=${results === undefined}>
        <summary>${count(rowsOf(identifier).length, 'attribute')}</summary>
        ${listing('Identifier', identifier)}
      </details>
    </section>`;
}

function resultTable(results: readonly DataSetJson[]): TemplateResult {
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Results">
      <table>
        <thead>
          <tr>
            <th scope="col">#</th>
            ${COLUMNS.map(([name]) => html`<th scope="col">${name}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${results.map((result, i) => {
            const values = new Map(rowsOf(result).map(({ path, value }) => [path, value]));
            return html`<tr>
              <th scope="row">${i + 1}</th>
              ${COLUMNS.map(([, path]) => html`<td>${values.get(path) ?? ''}</td>`)}
            </tr>`;
          })}
        </tbody>
      </table>
    </div>
    ${results.map(
      (result, i) =>
        html`<details>
          <summary>Result ${i + 1} in full</summary>
          ${listing(`Result ${i + 1}`, result)}
        </details>`,
    )}`;
}
