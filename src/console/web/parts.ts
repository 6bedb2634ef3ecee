/** Small pieces that the pages share. Each state has a sign and a word besides its colour. */
import type { Traffic } from '../api-types.ts';
import type { ApiFailure } from './api.ts';
import { count, duration, rate } from './format.ts';
import { html, nothing } from './lit.ts';
import type { TemplateResult } from './lit.ts';

export type Tone = 'ok' | 'warn' | 'fail' | 'idle';

const SIGNS: Readonly<Record<Tone, string>> = { ok: '✓', warn: '!', fail: '✕', idle: '·' };

export function badge(tone: Tone, text: string): TemplateResult {
  return html`<span class="badge ${tone}"><span aria-hidden="true">${SIGNS[tone]}</span> ${text}</span>`;
}

export function failureBox(failure: ApiFailure | undefined): TemplateResult | typeof nothing {
  if (failure === undefined) return nothing;
  return html`<div class="box fail" role="alert">
    <p><strong>${failure.message}</strong></p>
    <p>${failure.fix} <code>${failure.code}</code></p>
  </div>`;
}

/** A line that says that there is nothing, and what would make it otherwise. */
export function emptyLine(text: string): TemplateResult {
  return html`<p class="empty">${text}</p>`;
}

/** Of the last five minutes; its numbers keep their places when they change. */
export function trafficLine({ exchanges, failures, perMinute, p50Ms, p95Ms }: Traffic): TemplateResult {
  if (exchanges === 0) return html`<p class="traffic quiet">quiet for 5 min</p>`;
  const well = exchanges - failures;
  return html`<dl class="traffic">
      <div>
        <dt>per min</dt>
        <dd>${rate(perMinute)}</dd>
      </div>
      <div>
        <dt>p50</dt>
        <dd>${duration(p50Ms)}</dd>
      </div>
      <div>
        <dt>p95</dt>
        <dd>${duration(p95Ms)}</dd>
      </div>
      <div class=${failures > 0 ? 'bad' : ''}>
        <dt>failed</dt>
        <dd>${failures}</dd>
      </div>
    </dl>
    <svg
      class="share"
      viewBox="0 0 100 2"
      preserveAspectRatio="none"
      role="img"
      aria-label=${`${count(failures, 'failure')} in ${count(exchanges, 'exchange')}`}
    >
      <rect class="well" width=${(100 * well) / exchanges} height="2"></rect>
      <rect class="ill" x=${(100 * well) / exchanges} width=${(100 * failures) / exchanges} height="2"></rect>
    </svg>`;
}

export interface Choice {
  readonly value: string;
  readonly text: string;
}

/** A list to choose from, with its label. @param onChoice is told the value */
export function choice(
  label: string,
  name: string,
  choices: readonly Choice[],
  value: string,
  onChoice: (value: string) => void,
): TemplateResult {
  return html`<label class="field">
    <span>${label}</span>
    <select name=${name} @change=${(event: Event) => onChoice((event.target as HTMLSelectElement).value)}>
      ${choices.map((each) => html`<option value=${each.value} ?selected=${each.value === value}>${each.text}</option>`)}
    </select>
  </label>`;
}

/** Why somebody who only reads finds no buttons. */
export function readOnlyNote(): TemplateResult {
  return html`<p class="note">
    Your token may read only: what changes something needs the role <code>operator</code>.
  </p>`;
}

/** Of a box with text: `choices` of a browser's own list, by their values. */
export function named(values: Iterable<string>, all: string): Choice[] {
  return [{ value: '', text: all }, ...[...new Set(values)].toSorted().map((value) => ({ value, text: value }))];
}
