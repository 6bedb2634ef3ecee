/** What every page has of the console around it. */
import type { Me } from '../api-types.ts';
import type { Api, ApiFailure } from './api.ts';
import type { TemplateResult } from './lit.ts';
import type { Place } from './location.ts';

export interface Host {
  readonly api: Api;
  readonly me: Me;
  /** Shows the page anew, soon. */
  changed(): void;
  /** Asks anew who one is and what runs: a reload may have changed either. */
  renew(): void;
  /** Reads a short sentence to those who listen. */
  announce(text: string): void;
  /** Tells whether the gateway answered, for the line in the header. */
  answered(failure?: ApiFailure): void;
  readonly isPaused: boolean;
}

export interface Page {
  /** Of the document, and the heading. */
  readonly title: string;
  /** Called when the place changes within the page, and once at the begin. */
  show(place: Place): void;
  render(): TemplateResult;
  /** After each rendering, to measure. */
  rendered?(): void;
  /** Polls no more, or again. */
  pause?(isPaused: boolean): void;
  close(): void;
}

export type PageMaker = (host: Host) => Page;

export function mayChange({ me }: Host): boolean {
  return me.role !== 'viewer';
}
