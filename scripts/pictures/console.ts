/**
 * `node scripts/pictures/console.ts`: writes docs/pictures/console-*.png, the pages of the console in front of a gateway that
 * runs, light and dark. Needs Debian's Chromium.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { openPage, startBrowser } from '../../test/support/pages/browser.ts';
import { startBadDay, TOKENS } from './bad-day.ts';
import type { BadDay } from './bad-day.ts';

const FOLDER = new URL('../../docs/pictures/', import.meta.url);

interface Picture {
  readonly name: string;
  /** Goes there, and until what is to be seen is there. */
  readonly show: (page: Page, day: BadDay) => Promise<unknown>;
  readonly schemes: readonly ('light' | 'dark')[];
}

const shown = (page: Page, text: string): Promise<void> => page.getByText(text).first().waitFor();

const PICTURES: readonly Picture[] = [
  {
    name: 'overview',
    show: (page) => page.locator('.ways .failing').waitFor({ state: 'attached' }),
    schemes: ['light', 'dark'],
  },
  {
    name: 'exchange',
    show: async (page) => {
      await open(page, 'Exchanges');
      await page.getByRole('row', { name: 'create' }).getByRole('link').click();
      await shown(page, 'SCANNER_1');
    },
    schemes: ['light', 'dark'],
  },
  {
    name: 'steps',
    show: async (page, { stepUid }) => {
      await open(page, 'Steps');
      await page.getByLabel('UID of an MPPS').fill(stepUid);
      await page.keyboard.press('Enter');
      await shown(page, 'INSTANCE_FINAL');
    },
    schemes: ['light'],
  },
  {
    name: 'spool',
    show: async (page) => {
      await open(page, 'Spool');
      await shown(page, 'ECONNREFUSED');
    },
    schemes: ['light'],
  },
  {
    name: 'try',
    show: async (page) => {
      await open(page, 'Try');
      await page.getByLabel('Modality').fill('CT');
      await page.getByRole('button', { name: 'Run it' }).click();
      await page.getByRole('heading', { name: /result/ }).waitFor();
    },
    schemes: ['light'],
  },
  {
    name: 'config',
    show: async (page, { file }) => {
      const text = await readFile(file, 'utf8');
      await writeFile(file, text.replace('aeTitle: ARCHIVE', 'aetitle: ARCHIVE'));
      await open(page, 'Config');
      await shown(page, 'line ');
      await writeFile(file, text);
    },
    schemes: ['light'],
  },
];

async function open(page: Page, name: string): Promise<void> {
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name }).click();
}

const browser = await startBrowser();
const day = await startBadDay();
try {
  for (const { name, show, schemes } of PICTURES) {
    for (const colorScheme of schemes) {
      const opened = await openPage(browser, day.url, {
        colorScheme,
        viewport: { width: 1_180, height: 640 },
      });
      const { page } = opened;
      await page.goto(day.url);
      await page.getByLabel('Token of this console').fill(TOKENS.values);
      await page.keyboard.press('Enter');
      await show(page, day);
      await page.mouse.move(0, 0);
      const path = fileURLToPath(new URL(`console-${name}-${colorScheme}.png`, FOLDER));
      await page.screenshot({ path, fullPage: true, animations: 'disabled', caret: 'hide' });
      await opened.close();
    }
  }
} finally {
  await browser.close();
  await day.close();
}
