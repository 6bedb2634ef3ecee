/** The console of a gateway that runs, in a browser: what went through, what waits, what is wrong, and how it is mended. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { readFile, writeFile } from 'node:fs/promises';
import type { Browser, Page } from 'playwright-core';
import { startBadDay, TOKENS } from '../../scripts/pictures/bad-day.ts';
import type { BadDay } from '../../scripts/pictures/bad-day.ts';
import { openPage, startBrowser } from '../support/pages/browser.ts';
import type { WatchedPage } from '../support/pages/browser.ts';
import { findBarriers } from '../support/pages/page-checks.ts';

let browser: Browser;
let day: BadDay;
let opened: WatchedPage | undefined;

beforeEach(async () => {
  browser = await startBrowser();
  day = await startBadDay();
});
afterEach(async () => {
  const troubles = opened?.troubles ?? [];
  await browser.close();
  await day.close();
  expect(troubles).toEqual([]);
});

async function signIn(role: keyof typeof TOKENS): Promise<Page> {
  opened = await openPage(browser, day.url);
  const { page } = opened;
  await page.goto(day.url);
  await page.getByLabel('Token of this console').fill(TOKENS[role]);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
  return page;
}

async function go(page: Page, name: string): Promise<void> {
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name }).click();
  await page.getByRole('heading', { level: 1, name }).waitFor();
}

const shown = (page: Page, text: string): Promise<void> => page.getByText(text).first().waitFor();

describe('an upstream that is away', () => {
  test('is seen in the overview, and what waits for it in the spool, from where it is tried again or discarded', async () => {
    const page = await signIn('values');
    const archive = page.locator('[data-upstream=archive]');
    await archive.getByText('failing').waitFor();
    expect(await findBarriers(page)).toEqual([]);
    await page.getByRole('link', { name: /waiting/ }).click();
    await page.getByRole('button', { name: 'Discard message 2' }).click();
    await page.getByLabel('Reason').fill('the archive has it by another way');
    await page.getByRole('dialog').getByRole('button', { name: 'Discard' }).click();
    await page.getByRole('status').getByText('Message 2 is discarded.').waitFor();
    await page.getByRole('button', { name: 'Retry message 1' }).click();
    await page.getByRole('status').getByText('Message 1 is tried again.').waitFor();
    await page.getByText('2 attempts').waitFor();
    expect(await findBarriers(page)).toEqual([]);
  });
});

describe('a step that was refused', () => {
  test('is found among the failures, with both protocols and the data set before and after the rules', async () => {
    const page = await signIn('values');
    await go(page, 'Exchanges');
    await page.getByLabel('Outcome').selectOption('failed');
    await page.getByRole('row', { name: 'INSTANCE_FINAL' }).getByRole('link').click();
    await shown(page, 'N-SET-RSP');
    await page.getByRole('link', { name: day.stepUid }).click();
    await shown(page, 'ECONNREFUSED');
    expect(await findBarriers(page)).toEqual([]);
    await page.getByRole('link', { name: 'exchange 3' }).click();
    await page
      .getByRole('row', { name: /changed PerformedStationAETitle .*CT1 SCANNER_1/ })
      .first()
      .waitFor();
    await page
      .getByRole('row', { name: /removed PatientSex/ })
      .first()
      .waitFor();
    await shown(page, `POST /`);
    expect(await findBarriers(page)).toEqual([]);
  });

  test('shows no values of patients to a viewer, but which of them differ', async () => {
    const page = await signIn('viewer');
    await go(page, 'Exchanges');
    await page.getByRole('row', { name: 'create' }).getByRole('link').click();
    await shown(page, 'Values are masked');
    await page.getByLabel('Differences only').uncheck();
    await page
      .getByRole('row', { name: /PatientName/ })
      .first()
      .waitFor();
    const text = await page.locator('main').innerText();
    const worklist = await readFile(new URL('../../config/worklist.yaml', import.meta.url), 'utf8');
    const names = [...worklist.matchAll(/Alphabetic: ([^\s^,}]+)\^/g)].map(([, name = '']) => name);
    expect(names.length).toBeGreaterThan(5);
    expect(names.filter((name) => text.includes(name))).toEqual([]);
    await page
      .getByRole('row', { name: /removed PatientSex/ })
      .first()
      .waitFor();
  });
});

describe('a configuration that is broken', () => {
  test('is told with its line, the old one goes on, and the mended one is taken', async () => {
    const page = await signIn('values');
    const text = await readFile(day.file, 'utf8');
    await writeFile(day.file, text.replace('aeTitle: ARCHIVE', 'aetitle: ARCHIVE'));
    await go(page, 'Config');
    await shown(page, 'the file on the disk is not what runs');
    await page.getByRole('button', { name: 'Reload' }).click();
    await page.getByRole('status').getByText('the configuration that ran goes on').waitFor();
    const line = text.split('\n').findIndex((each) => each.includes('aeTitle: ARCHIVE')) + 1;
    await page.getByRole('button', { name: `line ${line}` }).click();
    await page.locator(`#line-${line}.error:focus`).waitFor();
    expect(await findBarriers(page)).toEqual([]);
    await writeFile(day.file, text.replace('CT1: SCANNER_1', 'CT1: SCANNER_2'));
    await page.getByRole('button', { name: 'Reload' }).click();
    await page.getByRole('status').getByText('Reloaded').waitFor();
    await shown(page, 'the file on the disk is what runs');
  });
});

describe('trying', () => {
  test('a search is asked of an upstream, and a data set goes through the rules of a route', async () => {
    const page = await signIn('values');
    await go(page, 'Try');
    await page.getByLabel('Modality').fill('CT');
    await page.getByRole('button', { name: 'Show what is asked' }).click();
    await shown(page, 'modality-scheduled-procedure-steps?');
    await page.getByRole('button', { name: 'Run it' }).click();
    await page.getByRole('heading', { name: /^[1-9]\d* results? in/ }).waitFor();
    expect(await findBarriers(page)).toEqual([]);
    await page.getByRole('link', { name: 'Look at a data set' }).click();
    await page.getByLabel('Data set: DICOM JSON').fill('{"00400241":{"vr":"AE","Value":["CT1"]}}');
    await page.getByLabel('Rules of the route').selectOption('scanners');
    await page.getByLabel('Service').selectOption('mpps');
    await page.getByRole('button', { name: 'Show', exact: true }).click();
    await page
      .getByRole('row', { name: /changed PerformedStationAETitle .*CT1 SCANNER_1/ })
      .first()
      .waitFor();
    expect(await findBarriers(page)).toEqual([]);
  });
});
