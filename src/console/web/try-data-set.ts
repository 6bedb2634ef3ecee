/** A data set somebody pastes: in every form, and what the rules of a route make of it. */
import type { Overview, TriedDataSet, TryDataSet } from '../api-types.ts';
import { failureOf } from './api.ts';
import type { ApiFailure } from './api.ts';
import type { DataSetJson } from './data-set.ts';
import { comparison } from './data-set-view.ts';
import { words } from './format.ts';
import { html, nothing } from './lit.ts';
import type { TemplateResult } from './lit.ts';
import type { Host } from './page.ts';
import { badge, emptyLine, failureBox } from './parts.ts';

const EXAMPLE = '{ "00080060": { "vr": "CS", "Value": ["CT"] } }';

export class TryDataSetPart {
  readonly #host: Host;
  #tried: TriedDataSet | undefined;
  #failure: ApiFailure | undefined;
  #isAsking = false;
  #onlyChanges = true;

  constructor(host: Host) {
    this.#host = host;
  }

  render({ routes }: Overview): TemplateResult {
    const submit = (event: SubmitEvent): void => {
      event.preventDefault();
      if (!this.#isAsking) void this.#ask(event.target as HTMLFormElement);
    };
    const services = [...new Set(routes.flatMap((route) => Object.keys(route.services)))].filter(
      (service) => service === 'worklist' || service === 'mpps',
    );
    return html`<form class="try" aria-label="Data set" @submit=${submit}>
        <label class="field wide">
          <span>Data set: DICOM JSON or native XML. It is shown to you alone and not kept.</span>
          <textarea name="text" rows="8" required spellcheck="false" placeholder=${EXAMPLE}></textarea>
        </label>
        <label class="field">
          <span>Rules of the route</span>
          <select name="route">
            <option value="">none</option>
            ${routes.map(({ name }) => html`<option>${name}</option>`)}
          </select>
        </label>
        <label class="field">
          <span>Service</span>
          <select name="service">
            ${services.map((service) => html`<option value=${service}>${words(service)}</option>`)}
          </select>
        </label>
        <label class="field">
          <span>Direction</span>
          <select name="direction">
            <option value="request">request</option>
            <option value="response">response</option>
          </select>
        </label>
        <p class="bar wide">
          <button type="submit" class="main" aria-disabled=${this.#isAsking ? 'true' : nothing}>Show</button>
          <span role="status">${this.#isAsking ? 'Asking …' : ''}</span>
        </p>
      </form>
      ${failureBox(this.#failure)} ${this.#tried === undefined ? nothing : this.#result(this.#tried)}`;
  }

  async #ask(form: HTMLFormElement): Promise<void> {
    this.#isAsking = true;
    this.#host.changed();
    try {
      this.#tried = await this.#host.api.post<TriedDataSet>('/api/try/dataset', dataSetOf(form));
      this.#failure = undefined;
      this.#host.announce('The data set is shown.');
    } catch (error) {
      this.#tried = undefined;
      this.#failure = failureOf(error);
    } finally {
      this.#isAsking = false;
      this.#host.changed();
    }
  }

  #result({ json, xml, dump, rules }: TriedDataSet): TemplateResult {
    return html`${rules === undefined ? nothing : this.#rules(rules, json)}
      <section aria-labelledby="forms">
        <h2 id="forms">In each form</h2>
        ${[
          ['Dump', dump],
          ['DICOM JSON', indented(json)],
          ['Native XML', xml],
        ].map(
          ([name, text], i) =>
            html`<details ?open=${i === 0}>
              <summary>${name}</summary>
              <pre tabindex="0" aria-label=${name ?? ''}>${text}</pre>
            </details>`,
        )}
      </section>`;
  }

  #rules(rules: NonNullable<TriedDataSet['rules']>, json: string): TemplateResult {
    const before = JSON.parse(json) as DataSetJson;
    const toggle = (event: Event): void => {
      this.#onlyChanges = (event.target as HTMLInputElement).checked;
      this.#host.changed();
    };
    return html`<section aria-labelledby="rules">
      <h2 id="rules">What the rules make of it</h2>
      <p class="bar">
        <label class="check"
          ><input type="checkbox" .checked=${this.#onlyChanges} @change=${toggle} /> Differences only</label
        >
      </p>
      ${rules.length === 0 ? emptyLine('The route has no such service.') : nothing}
      ${rules.map(
        ({ destination, steps, after, failure }) =>
          html`<h3>${destination}</h3>
            ${
              steps.length === 0
                ? emptyLine('No rule applies.')
                : html`<ol>
                    ${steps.map((step) => html`<li>${step}</li>`)}
                  </ol>`
            }
            ${
              failure === undefined
                ? comparison(`After the rules for ${destination}`, before, after, this.#onlyChanges)
                : html`<p class="box fail">${badge('fail', 'A rule does not fit')} ${failure}</p>`
            }`,
      )}
    </section>`;
  }
}

function dataSetOf(form: HTMLFormElement): TryDataSet {
  const data = new FormData(form);
  const text = (name: string): string => {
    const value = data.get(name);
    return typeof value === 'string' ? value : '';
  };
  const direction = text('direction') === 'response' ? 'response' : 'request';
  return {
    text: text('text'),
    ...(text('route') !== '' && { route: text('route'), service: text('service'), direction }),
  };
}

function indented(json: string): string {
  return JSON.stringify(JSON.parse(json), null, 2);
}
