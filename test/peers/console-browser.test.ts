/** The pages of the console in a real browser, in front of an API that says what each test needs. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import type { ExchangeSummary } from '../../src/console/api-types.ts';
import { DETAIL, EXCHANGES, ME, OVERVIEW, SPOOL, STEP_UID } from '../support/pages/answers.ts';
import { openPage, startBrowser } from '../support/pages/browser.ts';
import type { WatchedPage } from '../support/pages/browser.ts';
import { findBarriers, findOverflow, tabThrough } from '../support/pages/page-checks.ts';
import { startScriptedConsole } from '../support/pages/scripted-console.ts';
import type { ScriptedConsole } from '../support/pages/scripted-console.ts';

/** Longer than any page waits before it asks again. */
const POLL_MS = 6_000;

/** Each page, and what it shows once it is complete. */
const PLACES = [
  { hash: '#/overview', shows: 'UNAVAILABLE' },
  { hash: '#/exchanges', shows: '4 exchanges shown' },
  { hash: '#/exchanges/3', shows: 'RADIOLOGY_CT' },
  { hash: `#/steps/${STEP_UID}`, shows: '4 entries' },
  { hash: '#/spool', shows: 'ECONNREFUSED' },
  { hash: '#/try', shows: 'Show what is asked' },
  { hash: '#/try/dataset', shows: 'Rules of the route' },
  { hash: '#/config', shows: '2 problems' },
] as const;

let browser: Browser;
let served: ScriptedConsole;
let opened: WatchedPage | undefined;

beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(() => browser.close());
beforeEach(async () => {
  served = await startScriptedConsole();
});
afterEach(async () => {
  const troubles = opened?.troubles ?? [];
  await opened?.close();
  opened = undefined;
  await served.close();
  expect(troubles).toEqual([]);
});

async function open(hash: string, options: BrowserContextOptions = {}): Promise<Page> {
  opened = await openPage(browser, served.url, options);
  await opened.page.clock.install();
  await opened.page.goto(`${served.url}/${hash}`);
  return opened.page;
}

const shown = (page: Page, text: string): Promise<void> => page.getByText(text).first().waitFor();
const askedFor = (line: string): number => served.asked.filter((each) => each.line === line).length;

describe('every page', () => {
  for (const colorScheme of ['light', 'dark'] as const) {
    for (const width of [360, 1_400]) {
      test(`has names, landmarks and contrast, and fits, in ${colorScheme} at ${width} px (WCAG 2.2 AA)`, async () => {
        const page = await open('', { colorScheme, viewport: { width, height: 900 } });
        const found: string[] = [];
        for (const { hash, shows } of PLACES) {
          await page.goto(`${served.url}/${hash}`);
          await shown(page, shows);
          for (const barrier of await findBarriers(page)) found.push(`${hash}: ${barrier}`);
          const overflow = await findOverflow(page);
          if (overflow > 0) found.push(`${hash}: ${overflow} px too wide`);
        }
        expect(found).toEqual([]);
      });
    }
  }

  test('is reached by links that are told apart, and its heading is what is read next', async () => {
    const page = await open('');
    await shown(page, 'UNAVAILABLE');
    for (const name of ['Exchanges', 'Steps', 'Spool', 'Try', 'Config', 'Overview']) {
      const link = page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name });
      await link.press('Enter');
      await page.getByRole('heading', { level: 1, name, exact: true }).and(page.locator(':focus')).waitFor();
      expect(await link.getAttribute('aria-current')).toBe('page');
      expect(await page.title()).toBe(`${name} · dimseway`);
    }
  });

  test('says so when the gateway does not answer, keeps what it had, and goes on by itself', async () => {
    const page = await open('');
    await shown(page, 'UNAVAILABLE');
    served.answer('GET /api/overview', () => ({ status: 503, body: { code: 'STORE_FAILED', message: 'm', fix: 'f' } }));
    await page.clock.fastForward(POLL_MS);
    await page.getByRole('banner').getByText('STORE_FAILED').waitFor();
    expect(await page.getByText('UNAVAILABLE').count()).toBe(1);
    served.answer('GET /api/overview', () => ({ body: OVERVIEW }));
    await page.clock.fastForward(10 * POLL_MS);
    await page.getByRole('banner').getByText('live').waitFor();
  });

  test('asks nothing while it is paused, or nobody sees it', async () => {
    const page = await open('');
    await shown(page, 'UNAVAILABLE');
    // Counted where they begin: one that is under way must not look like one that came later.
    const begun = (): Promise<number> => page.evaluate('window.begun');
    await page.evaluate(
      'window.begun = 0; { const ask = fetch; window.fetch = (...of) => (window.begun++, ask(...of)); }',
    );
    const isSilent = async (): Promise<boolean> => {
      const before = await begun();
      await page.clock.runFor(10 * POLL_MS);
      return (await begun()) === before;
    };
    const asksAgain = async (wake: () => Promise<unknown>): Promise<void> => {
      const before = await begun();
      await wake();
      await page.waitForFunction(`window.begun > ${before}`);
    };
    const setHidden = (isHidden: boolean): Promise<unknown> =>
      page.evaluate(
        `Object.defineProperty(document, 'hidden', { get: () => ${isHidden}, configurable: true });
         document.dispatchEvent(new Event('visibilitychange'))`,
      );
    const pause = page.getByRole('button', { name: 'Pause' });
    await pause.click();
    expect(await isSilent()).toBe(true);
    expect(await page.getByRole('banner').getByText('paused').count()).toBe(1);
    await asksAgain(() => pause.click());
    await setHidden(true);
    expect(await isSilent()).toBe(true);
    await asksAgain(() => setHidden(false));
  });

  test('shows what it was told as text, never as markup', async () => {
    const evil = '<img src=x onerror="document.title=1"><b>CT</b>';
    served.answer('GET /api/exchanges', () => ({
      body: { exchanges: [{ ...EXCHANGES[0], callingAeTitle: evil, reason: evil }], last: 4 },
    }));
    const page = await open('#/exchanges');
    await shown(page, evil);
    expect(await page.locator('table b, table img').count()).toBe(0);
  });
});

describe('a token', () => {
  const guard = (): void => {
    served.answer('GET /api/me', ({ headers }) =>
      headers.authorization === 'Bearer right'
        ? { body: { ...ME, role: 'viewer' } }
        : { status: 401, body: { code: 'TOKEN_NEEDED', message: 'm', fix: 'f' } },
    );
  };

  test('is asked for, once more where it is wrong, and forgotten when somebody says so', async () => {
    guard();
    const page = await open('');
    const field = page.getByLabel('Token of this console');
    await field.fill('wrong');
    await field.press('Enter');
    await page.getByRole('alert').getByText('The token is not one of this console').waitFor();
    expect(await findBarriers(page)).toEqual([]);
    await field.fill('right');
    await field.press('Enter');
    await shown(page, 'ward desk, role viewer');
    await page.getByRole('button', { name: 'Forget the token' }).click();
    await field.waitFor();
    expect(await page.evaluate('sessionStorage.length')).toBe(0);
  });

  test('of a viewer changes nothing: the buttons are there and off, and why stands beside them', async () => {
    served.answer('GET /api/me', () => ({ body: { ...ME, role: 'viewer' } }));
    const page = await open('#/spool');
    await shown(page, 'what changes something needs the role');
    await shown(page, 'ECONNREFUSED');
    expect(await page.getByRole('button', { name: /Retry|Discard message/ }).count()).toBe(5);
    expect(await page.getByRole('button', { name: /Retry|Discard message/, disabled: false }).count()).toBe(0);
    await page.goto(`${served.url}/#/config`);
    expect(await page.getByRole('button', { name: 'Reload', disabled: true }).isDisabled()).toBe(true);
  });
});

describe('the overview', () => {
  test('draws the ways from listeners over routes to upstreams, those that fail otherwise, and says them in words', async () => {
    const page = await open('', { viewport: { width: 1_400, height: 900 } });
    await shown(page, 'UNAVAILABLE');
    await page.locator('svg.ways path').first().waitFor({ state: 'attached' });
    expect(await page.locator('svg.ways path').count()).toBe(6);
    expect(await page.locator('svg.ways path.failing').count()).toBe(1);
    const routes = page.getByRole('region', { name: 'Routes' });
    expect(await routes.getByText('oldRis, then standby').count()).toBe(1);
    await page.setViewportSize({ width: 360, height: 900 });
    await page.locator('svg.ways path').first().waitFor({ state: 'detached' });
  });

  test('tells upstreams that are asked one after the other from those that each get a copy', async () => {
    const [route] = OVERVIEW.routes;
    const services = { worklist: ['webRis', 'oldRis'], forward: ['archive', 'standby'] };
    served.answer('GET /api/overview', () => ({ body: { ...OVERVIEW, routes: [{ ...route, services }] } }));
    const page = await open('#/overview');
    await shown(page, '→ webRis, then oldRis');
    await shown(page, '→ archive, standby');
  });

  test('moves nothing when numbers change', async () => {
    const page = await open('');
    await shown(page, 'UNAVAILABLE');
    await page.evaluate(
      `window.shift = 0; new PerformanceObserver((list) => list.getEntries().forEach(({ value }) => (window.shift += value)))
        .observe({ type: 'layout-shift' })`,
    );
    const [ward, ...others] = OVERVIEW.listeners;
    const traffic = { exchanges: 5_120, failures: 111, perMinute: 1_024, p50Ms: 1_234, p95Ms: 45_000 };
    served.answer('GET /api/overview', () => ({ body: { ...OVERVIEW, listeners: [{ ...ward, traffic }, ...others] } }));
    await page.clock.fastForward(POLL_MS);
    await shown(page, '1024');
    expect(await page.evaluate('window.shift')).toBe(0);
  });

  test('tells those who listen that an upstream fails or is well again', async () => {
    const page = await open('');
    await shown(page, 'UNAVAILABLE');
    const upstreams = OVERVIEW.upstreams.map((each) => (each.name === 'oldRis' ? { ...each, state: 'failing' } : each));
    served.answer('GET /api/overview', () => ({ body: { ...OVERVIEW, upstreams } }));
    await page.clock.fastForward(POLL_MS);
    await page.getByRole('status').getByText('oldRis is failing.').waitFor({ state: 'attached' });
    served.answer('GET /api/overview', () => ({ body: OVERVIEW }));
    await page.clock.fastForward(POLL_MS);
    await page.getByRole('status').getByText('oldRis is well.').waitFor({ state: 'attached' });
  });
});

describe('exchanges', () => {
  test('appear as they come, but not under the eyes of who reads', async () => {
    const page = await open('#/exchanges');
    await shown(page, '4 exchanges shown');
    await page.getByRole('link', { name: 'exchange 3' }).focus();
    const newer: ExchangeSummary = { ...(EXCHANGES[2] as ExchangeSummary), id: 5, subject: 'newcomer' };
    const after: unknown[] = [];
    served.answer('GET /api/exchanges', ({ query }) => {
      after.push(query['after']);
      return { body: { exchanges: after.length === 1 ? [newer] : [], last: 5 } };
    });
    await page.clock.fastForward(POLL_MS);
    const show = page.getByRole('button', { name: 'Show 1 new exchange' });
    await show.waitFor();
    expect(await page.getByText('newcomer').count()).toBe(0);
    await show.click();
    await shown(page, 'newcomer');
    await shown(page, '5 exchanges shown');
    expect(after[0]).toBe('4');
  });

  test('are filtered by what the address of the page says, and back and forth with the browser', async () => {
    const page = await open('#/exchanges');
    await shown(page, '4 exchanges shown');
    await page.getByLabel('Outcome').selectOption('true');
    await shown(page, '2 exchanges shown');
    expect(new URL(page.url()).hash).toBe('#/exchanges?failed=true');
    await page.getByRole('link', { name: 'exchange 4' }).waitFor();
    await page.goBack();
    await shown(page, '4 exchanges shown');
  });

  test('one of them is shown hop by hop, with the differences that the rules made, marked by sign and word', async () => {
    const page = await open('#/exchanges?route=scanners');
    await page.getByRole('link', { name: 'exchange 3' }).click();
    await shown(page, 'RADIOLOGY_CT');
    const hops = await page.locator('.hop').allInnerTexts();
    expect(hops.map((hop) => hop.replaceAll(/\s+/g, ' ').trim())).toEqual([
      '0 ms from the requester CT1: N-CREATE-RQ Modality Performed Procedure Step CT1',
      `3.1 ms to the upstream webRis: POST /modality-performed-procedure-steps/${STEP_UID} webRis`,
      '41 ms from the upstream webRis: answer 201 webRis',
      '45 ms to the requester CT1: N-CREATE-RSP 0000H CT1',
    ]);
    expect(await page.locator('section[aria-labelledby="data-sets"] h3').allInnerTexts()).toEqual([
      'The data set, as it was received and as it was sent on to webRis',
      'The data set, as it was received and as it was sent on to archive',
      'The data set, as it was received and as it was sent on to archive (2)',
    ]);
    const rows = page.locator('table.compared').first().locator('tbody tr');
    const texts = async (): Promise<string[]> =>
      (await rows.allInnerTexts()).map((row) => row.replaceAll(/\s+/g, ' ').trim());
    expect(await texts()).toEqual([
      '− removed SpecificCharacterSet 0008,0005 CS ISO_IR 100 not there',
      '± changed PerformedStationAETitle 0040,0241 AE CT1 RADIOLOGY_CT',
      '+ added PerformedStationName 0040,0242 SH not there CT Room 1',
    ]);
    await page.getByLabel('Differences only').uncheck();
    await rows.nth(11).waitFor();
    expect(await rows.count()).toBe(12);
    await page.getByRole('link', { name: 'Back to the list' }).click();
    expect(new URL(page.url()).hash).toBe('#/exchanges?route=scanners');
  });

  test('without captured data sets say how to get them', async () => {
    const { capture: _capture, ...me } = ME;
    served.answer('GET /api/me', () => ({ body: me }));
    served.answer('GET /api/exchanges/3', () => ({ body: { ...DETAIL, captured: [] } }));
    const page = await open('#/exchanges/3');
    await shown(page, 'console.capture of the configuration turns it on');
  });
});

describe('steps', () => {
  test('are found by UID and lead to their exchanges', async () => {
    const page = await open('#/steps');
    const field = page.getByLabel('UID of an MPPS');
    await field.fill(` ${STEP_UID} `);
    await field.press('Enter');
    await shown(page, '4 entries');
    await page.getByRole('link', { name: 'exchange 3' }).click();
    await page.getByRole('heading', { level: 1, name: 'Exchange 3' }).waitFor();
  });

  test('that are not known say so', async () => {
    served.answer('GET /api/steps/1.2.3', () => ({ body: { uid: '1.2.3', entries: [] } }));
    const page = await open('#/steps/1.2.3');
    await shown(page, 'Nothing is known of this UID');
  });
});

describe('the spool', () => {
  test('is tried again as a whole', async () => {
    const page = await open('#/spool');
    await page.getByRole('button', { name: 'Retry all of scanners to archive' }).click();
    await page.getByRole('status').getByText('1 dead message queued anew, 4 due at once').waitFor();
    expect(served.asked.filter(({ line }) => line.startsWith('POST'))).toEqual([
      { line: 'POST /api/spool/retry', body: { route: 'scanners', upstream: 'archive' } },
    ]);
  });

  test('leaves the keyboard where it was when something was tried again', async () => {
    const page = await open('#/spool');
    served.answer('POST /api/spool/71/retry', () => ({ body: { status: 'retried', message: SPOOL.messages[1] } }));
    const retry = page.getByRole('button', { name: 'Retry message 71' });
    await retry.press('Enter');
    await page.getByRole('status').getByText('Message 71 is tried again.').waitFor();
    await page.locator('button[aria-label="Retry message 71"]:focus').waitFor();
  });

  test('of one step is what its timeline leads to', async () => {
    const page = await open(`#/steps/${STEP_UID}`);
    await page.getByRole('link', { name: 'message 71 of the spool' }).click();
    await page.getByRole('heading', { level: 1, name: 'Spool' }).waitFor();
    await shown(page, 'ECONNREFUSED');
    expect(served.asked.map(({ line }) => line)).toContain('GET /api/spool');
    expect(new URL(page.url()).hash).toBe(`#/spool?uid=${STEP_UID}`);
    await page.getByText(`only those of ${STEP_UID}`).waitFor();
    await page.getByRole('link', { name: 'Show all' }).click();
    expect(new URL(page.url()).hash).toBe('#/spool');
  });

  test('gives up a message for a reason only, by the keyboard alone', async () => {
    const page = await open('#/spool');
    await page.getByRole('button', { name: 'Discard message 68' }).press('Enter');
    const dialog = page.getByRole('dialog', { name: 'Discard message 68' });
    await dialog.waitFor();
    await dialog.getByRole('button', { name: 'Discard' }).press('Enter');
    expect(await dialog.isVisible()).toBe(true);
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'hidden' });
    expect(askedFor('POST /api/spool/68/discard')).toBe(0);
    await page.getByRole('button', { name: 'Discard message 68' }).press('Enter');
    served.answer('GET /api/spool', () => ({ body: { ...SPOOL, messages: SPOOL.messages.slice(1) } }));
    await dialog.getByLabel('Reason').fill('sent twice');
    await dialog.getByLabel('Reason').press('Enter');
    await page.getByRole('status').getByText('Message 68 is discarded.').waitFor();
    await page.getByRole('button', { name: 'Discard message 68' }).waitFor({ state: 'detached' });
    expect(served.asked.find(({ line }) => line === 'POST /api/spool/68/discard')?.body).toEqual({
      reason: 'sent twice',
    });
  });

  test('says why something could not be done', async () => {
    const refusal = { code: 'SPOOL_MESSAGE_BUSY', message: 'Message 71 is being delivered just now', fix: 'Wait.' };
    served.answer('POST /api/spool/71/retry', () => ({ status: 409, body: refusal }));
    const page = await open('#/spool');
    await page.getByRole('button', { name: 'Retry message 71' }).click();
    await page.getByRole('alert').getByText('Message 71 is being delivered just now').waitFor();
  });
});

describe('trying', () => {
  test('a search shows URL and identifier first, and runs when it is told to', async () => {
    const page = await open('#/try');
    await page.getByLabel('Modality').fill('CT');
    await page.getByLabel('Further keys').fill('PatientID=P-1001\n\n AccessionNumber=A* ');
    await page.getByLabel('Attributes to return').fill('PatientSex, PatientSize');
    await page.getByRole('button', { name: 'Show what is asked' }).click();
    await shown(page, 'modality-scheduled-procedure-steps?00400100.00080060=CT&limit=20');
    const search = {
      upstream: 'webRis',
      keys: ['ScheduledProcedureStepSequence.Modality=CT', 'PatientID=P-1001', 'AccessionNumber=A*'],
      include: ['PatientSex', 'PatientSize'],
      limit: 20,
    };
    expect(served.asked.at(-1)).toEqual({ line: 'POST /api/try/search', body: { ...search, dryRun: true } });
    await page.getByRole('button', { name: 'Run it' }).click();
    await page.getByRole('heading', { name: '1 result in 48 ms' }).waitFor();
    expect(served.asked.at(-1)?.body).toEqual({ ...search, dryRun: false });
    expect(await findBarriers(page)).toEqual([]);
  });

  test('a search has as long as the gateway gives an upstream, which is then to blame', async () => {
    const page = await open('#/try');
    await page.evaluate(() => {
      const waits: number[] = [];
      const timeout = AbortSignal.timeout.bind(AbortSignal);
      AbortSignal.timeout = (ms) => (waits.push(ms), timeout(ms));
      Object.assign(globalThis, { waits });
    });
    await page.getByRole('button', { name: 'Run it' }).click();
    await shown(page, '1 result');
    const waits = await page.evaluate(() => (globalThis as unknown as { waits: number[] }).waits);
    expect(Math.max(...waits)).toBeGreaterThan(30_000);
  });

  test('a data set is shown in each form, with what the rules of a route make of it', async () => {
    const page = await open('#/try/dataset');
    await page.getByLabel('Data set: DICOM JSON').fill('{"00080060":{"vr":"CS","Value":["CT"]}}');
    await page.getByLabel('Rules of the route').selectOption('scanners');
    await page.getByLabel('Service').selectOption('mpps');
    await page.getByRole('button', { name: 'Show' }).click();
    await shown(page, 'set Modality to MR');
    expect(served.asked.at(-1)?.body).toEqual({
      ...{ text: '{"00080060":{"vr":"CS","Value":["CT"]}}', route: 'scanners', service: 'mpps', direction: 'request' },
    });
    expect(await page.locator('table.compared tbody tr.changed').count()).toBe(1);
    expect(await page.locator('details[open] pre').innerText()).toBe('00080060 CS Modality: CT');
    expect(await findBarriers(page)).toEqual([]);
  });
});

describe('the configuration', () => {
  test('has its problems beside the lines, and a way to them', async () => {
    const page = await open('#/config');
    await page.getByRole('button', { name: 'line 11:5' }).click();
    await page.locator('#line-11:focus').waitFor();
    expect(await page.locator('#line-11').innerText()).toContain('error: upstreams.webRis.timeot is not known');
  });

  test('is reloaded; one that is refused is told with every problem, and nothing has changed', async () => {
    const page = await open('#/config');
    await page.getByRole('button', { name: 'Reload' }).click();
    await page.getByRole('status').getByText('Reloaded').waitFor();
    const refusal = { code: 'CONFIG_INVALID', message: 'gateway.yaml:11:5 timeot', fix: 'Mend it.' };
    served.answer('POST /api/reload', () => ({ status: 422, body: refusal }));
    await page.getByRole('button', { name: 'Reload' }).click();
    await page.getByRole('status').getByText('the configuration that ran goes on').waitFor();
    expect(await page.getByRole('status').getByText('gateway.yaml:11:5 timeot').count()).toBe(1);
  });

  test('that is new says anew who one is, and until when data sets are captured', async () => {
    const page = await open('#/config');
    await shown(page, 'data sets are captured until');
    const { capture: _capture, ...me } = ME;
    served.answer('GET /api/me', () => ({ body: { ...me, role: 'viewer' } }));
    await page.getByRole('button', { name: 'Reload' }).click();
    await shown(page, 'no data sets are captured');
    await shown(page, 'role viewer');
  });
});

test('the Tab key goes through a page in the order in which it is read, and where it is can be seen', async () => {
  const page = await open('#/spool');
  await shown(page, 'ECONNREFUSED');
  const actions = (id: number): string[] => [`Retry message ${id}`, `Discard message ${id}`];
  const uids = SPOOL.messages.map(({ uid }) => uid);
  expect(await tabThrough(page)).toEqual([
    'Skip to the content',
    'dimseway, overview',
    ...['Overview', 'Exchanges', 'Steps', 'Spool', 'Try', 'Config', 'Pause'],
    ...['Destinations', 'Retry all of scanners to archive'],
    ...['State', 'Messages', uids[0], ...actions(68), uids[1], ...actions(71)],
  ]);
});
