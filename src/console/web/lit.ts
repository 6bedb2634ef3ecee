/** lit-html as the console serves it from its package: a browser finds no bare names, and the page has no import map. */
export { html, nothing, render, svg } from '/assets/lit-html/lit-html.js';
export type { TemplateResult } from '/assets/lit-html/lit-html.js';
export { repeat } from '/assets/lit-html/directives/repeat.js';
export { live } from '/assets/lit-html/directives/live.js';
