/** What is looked at inside a page: by functions that run there, whose types are those of the few things they use. */
import type { Page } from 'playwright-core';

interface PageElement {
  readonly tagName: string;
  readonly id: string;
  readonly textContent: string;
  readonly childNodes: Iterable<{ readonly nodeType: number; readonly textContent: string }>;
  readonly parentElement: PageElement | null;
  readonly labels?: Iterable<PageElement> | null;
  getAttribute(name: string): string | null;
  querySelector(selector: string): PageElement | null;
  checkVisibility(): boolean;
  matches(selector: string): boolean;
  getBoundingClientRect(): { readonly width: number; readonly height: number };
}

interface Style {
  readonly color: string;
  readonly backgroundColor: string;
  readonly fontSize: string;
  readonly fontWeight: string;
  readonly outlineStyle: string;
  readonly boxShadow: string;
}

declare const document: {
  readonly title: string;
  readonly documentElement: PageElement & { readonly lang: string; readonly scrollWidth: number };
  readonly activeElement: PageElement | null;
  querySelectorAll(selector: string): Iterable<PageElement>;
  getElementById(id: string): PageElement | null;
};
declare const innerWidth: number;
declare function getComputedStyle(element: PageElement): Style;

const CONTROLS = 'a[href], button:not(:disabled), input, select, textarea, summary, [tabindex="0"]';

/** Everything that is wrong for those who do not see the page, or see it badly, in words; empty: nothing was found. */
export async function findBarriers(page: Page): Promise<string[]> {
  return [...(await page.evaluate(findUnnamed, CONTROLS)), ...(await page.evaluate(findFaint))];
}

/** Names of controls, landmarks, headings, tables and ids. */
function findUnnamed(controls: string): string[] {
  const found: string[] = [];
  const all = (selector: string): PageElement[] => [...document.querySelectorAll(selector)];
  const words = (element: PageElement | null | undefined): string => element?.textContent.trim() ?? '';
  const nameOf = (element: PageElement): string =>
    element.getAttribute('aria-label') ??
    (words(document.getElementById(element.getAttribute('aria-labelledby') ?? '')) ||
      [...(element.labels ?? [])].map(words).join(' ') ||
      (element.matches('input, select, textarea') ? '' : words(element)));
  for (const control of all(controls)) {
    if (nameOf(control).trim() === '') found.push(`${control.tagName} ${control.id} has no name`);
  }
  for (const landmark of all('nav, section, form, dialog')) {
    if (
      nameOf(landmark) === '' ||
      landmark.matches(':not([aria-label], [aria-labelledby], main.alone form, dialog form)')
    ) {
      found.push(`${landmark.tagName} has no name`);
    }
  }
  for (const selector of ['main', 'h1']) {
    const number = all(selector).length;
    if (number !== 1) found.push(`${number} times ${selector}`);
  }
  for (const head of all('th')) if (head.getAttribute('scope') === null) found.push(`th ${words(head)} has no scope`);
  for (const image of all('img')) if (image.getAttribute('alt') === null) found.push('an image has no alt');
  const ids = all('[id]').map(({ id }) => id);
  for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) found.push(`the id ${id} comes twice`);
  if (document.documentElement.lang === '') found.push('the page has no language');
  if (document.title === '') found.push('the page has no title');
  return found;
}

/** Text whose contrast is below 4.5 to 1, or below 3 to 1 where it is large (WCAG 2.2, 1.4.3). */
function findFaint(): string[] {
  type Colour = readonly [number, number, number, number];
  const colourOf = (text: string): Colour => {
    const [red = 0, green = 0, blue = 0, alpha = 1] = (text.match(/[\d.]+/g) ?? []).map(Number);
    return [red, green, blue, alpha];
  };
  const over = ([r, g, b, a]: Colour, [r2, g2, b2]: Colour): Colour => [
    r * a + r2 * (1 - a),
    g * a + g2 * (1 - a),
    b * a + b2 * (1 - a),
    1,
  ];
  const groundOf = (element: PageElement | null): Colour => {
    if (element === null) return [255, 255, 255, 1];
    const own = colourOf(getComputedStyle(element).backgroundColor);
    return own[3] === 1 ? own : over(own, groundOf(element.parentElement));
  };
  const luminance = ([red, green, blue]: Colour): number => {
    const [r = 0, g = 0, b = 0] = [red, green, blue].map((part) => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const found: string[] = [];
  for (const element of document.querySelectorAll('body *')) {
    const text = [...element.childNodes]
      .filter(({ nodeType }) => nodeType === 3)
      .map(({ textContent }) => textContent.trim())
      .join('');
    if (text === '' || !element.checkVisibility() || element.matches('.unseen, .unseen *, :disabled, option')) continue;
    const style = getComputedStyle(element);
    const ground = groundOf(element);
    const [one, other] = [luminance(over(colourOf(style.color), ground)), luminance(ground)];
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    const size = Number.parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (isLarge ? 3 : 4.5)) found.push(`"${text.slice(0, 40)}" has a contrast of ${ratio.toFixed(2)} to 1`);
  }
  return found;
}

/** What the Tab key visits from the begin of the page, by its names; a control whose focus cannot be seen is marked. */
export async function tabThrough(page: Page): Promise<string[]> {
  const number = await page.evaluate(countControls, CONTROLS);
  const visited: string[] = [];
  for (let i = 0; i < number; i++) {
    await page.keyboard.press('Tab');
    visited.push(await page.evaluate(describeFocus));
  }
  return visited;
}

function countControls(controls: string): number {
  return [...document.querySelectorAll(controls)].filter((control) => control.checkVisibility()).length;
}

function describeFocus(): string {
  const element = document.activeElement;
  if (element === null) return 'nothing';
  const { outlineStyle } = getComputedStyle(element);
  const name =
    element.getAttribute('aria-label') ??
    ([...(element.labels ?? [])][0]?.querySelector('span')?.textContent || element.textContent);
  return `${outlineStyle === 'none' ? 'unseen: ' : ''}${name.replaceAll(/\s+/g, ' ').trim()}`;
}

/** CSS pixels by which the page is wider than its window. */
export function findOverflow(page: Page): Promise<number> {
  return page.evaluate(() => Math.max(0, document.documentElement.scrollWidth - innerWidth));
}
