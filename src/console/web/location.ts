/** Where in the console one is: `#/exchanges/12?failed=true`. Links are plain, and a filter can be sent to somebody. */

export const PAGES = ['overview', 'exchanges', 'steps', 'spool', 'try', 'config'] as const;
export type PageName = (typeof PAGES)[number];

export interface Place {
  readonly page: PageName;
  /** What follows the name of the page; empty: nothing. */
  readonly item: string;
  readonly parameters: Readonly<Record<string, string>>;
}

/** What cannot be understood is the overview. */
export function placeOf(hash: string): Place {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?', 2);
  const [name = '', ...rest] = path.split('/');
  const page = PAGES.find((each) => each === name) ?? 'overview';
  return { page, item: decoded(rest.join('/')), parameters: Object.fromEntries(new URLSearchParams(query)) };
}

export function hashOf(
  page: PageName,
  item = '',
  parameters: Readonly<Record<string, string | number | undefined>> = {},
): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== '') query.set(name, String(value));
  }
  const text = query.toString();
  return `#/${page}${item === '' ? '' : `/${encodeURIComponent(item)}`}${text === '' ? '' : `?${text}`}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
