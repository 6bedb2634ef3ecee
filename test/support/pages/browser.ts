/** Debian's Chromium, and pages in it that watch what they should never do. */
import { chromium } from 'playwright-core';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';

export const CHROMIUM = '/usr/bin/chromium';

export interface WatchedPage {
  readonly page: Page;
  /** Errors of scripts and of the policy of the page, and requests to anywhere else; there should be none. */
  readonly troubles: readonly string[];
  close(): Promise<void>;
}

export function startBrowser(): Promise<Browser> {
  // Tests run as root in a container, where Chromium's own sandbox cannot be made; the pages are ours.
  return chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
}

/** @param url of the console: nothing else may be asked for */
export async function openPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({ timezoneId: 'UTC', locale: 'en-GB', ...options });
  const page = await context.newPage();
  const troubles: string[] = [];
  page.on('pageerror', ({ message }) => troubles.push(message));
  page.on('console', (message) => {
    // Answers that are no success are logged by the browser itself.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
      troubles.push(message.text());
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(`${url}/`)) troubles.push(`asked for ${request.url()}`);
  });
  return { page, troubles, close: () => context.close() };
}
