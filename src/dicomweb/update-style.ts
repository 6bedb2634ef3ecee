/**
 * How an origin server takes an Update: the text of PS3.18 15.5 and its examples differ (C24). What is configured is
 * tried first; a server that does not know it is asked in the other way, and what it understands is remembered.
 */
import type { HttpRequest } from './user-agent.ts';

export const UPDATE_STYLES = ['query', 'path', 'draft'] as const;
/** `POST {uid}?update`, `POST {uid}/update`, or as in drafts before July 2025 `PATCH {uid}` (and PUT to create). */
export type UpdateStyle = (typeof UPDATE_STYLES)[number];

/** Answers of a server that has understood what is asked of it. */
const UNDERSTOOD: ReadonlySet<number> = new Set([400, 409, 410, 422, 423]);
/** So many creates are remembered until the style is certain. */
const MAXIMUM_CREATED = 1_000;

export class UpdateStyleMemory {
  #style: UpdateStyle;
  #isCertain = false;
  #hasCreated = false;
  readonly #created = new Set<string>();

  constructor(configured: UpdateStyle) {
    this.#style = configured;
  }

  get style(): UpdateStyle {
    return this.#style;
  }

  /** What to try when an answer says that there is no such resource or method; undefined: nothing. */
  get other(): UpdateStyle | undefined {
    if (this.#isCertain) return undefined;
    return this.#style === 'query' ? 'path' : 'query';
  }

  /** A create worked, so the Base URI is right. */
  get hasCreated(): boolean {
    return this.#hasCreated;
  }

  isCreated(uid: string): boolean {
    return this.#created.has(uid);
  }

  noteCreated(uid: string): void {
    this.#hasCreated = true;
    if (!this.#isCertain && this.#created.size < MAXIMUM_CREATED) this.#created.add(uid);
  }

  noteAnswer(style: UpdateStyle, status: number): void {
    if ((status >= 200 && status < 300) || UNDERSTOOD.has(status)) this.noteUnderstood(style);
  }

  noteUnderstood(style: UpdateStyle): void {
    this.#style = style;
    this.#isCertain = true;
    this.#created.clear();
  }
}

export function updateTarget(resource: string, style: UpdateStyle): Pick<HttpRequest, 'method' | 'url'> {
  switch (style) {
    case 'query':
      return { method: 'POST', url: new URL(`${resource}?update`) };
    case 'path':
      return { method: 'POST', url: new URL(`${resource}/update`) };
    case 'draft':
      return { method: 'PATCH', url: new URL(resource) };
  }
}
