import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import express from 'express';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pages, safeHeaders } from '../../../src/console/pages.ts';
import { openConsole } from '../../support/console.ts';

let folder: string;
let server: Server;
let base: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dimseway-pages-'));
  for (const each of ['web/parts', 'lib']) await mkdir(join(folder, each), { recursive: true });
  await writeFile(join(folder, 'web/index.html'), '<!doctype html><title>Console</title>');
  await writeFile(join(folder, 'web/style.css'), 'body {}');
  await writeFile(join(folder, 'web/built.js'), 'export const built = 1;');
  await writeFile(join(folder, 'web/source.ts'), 'export const source: number = 1;');
  await writeFile(join(folder, 'web/tsconfig.json'), '{}');
  await writeFile(join(folder, 'lib/lit-html.js'), 'export const html = 1;');
  await writeFile(join(folder, 'lib/lit-html.d.ts'), 'export {};');
  await writeFile(join(folder, 'lib/package.json'), '{}');
  await writeFile(join(folder, 'secret.js'), 'secret');
});
afterAll(() => rm(folder, { recursive: true }));

beforeEach(async () => {
  const app = express();
  app.use(safeHeaders, pages(join(folder, 'web'), join(folder, 'lib')));
  server = createServer(app).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => new Promise((resolve) => server.close(resolve)));

test.each([
  ['/', 'text/html; charset=utf-8', '<!doctype html><title>Console</title>'],
  ['/assets/style.css', 'text/css; charset=utf-8', 'body {}'],
  ['/assets/built.js', 'text/javascript; charset=utf-8', 'export const built = 1;'],
  ['/assets/source.js', 'text/javascript; charset=utf-8', 'export const source         = 1;'],
  ['/assets/source.ts', 'text/javascript; charset=utf-8', 'export const source         = 1;'],
  ['/assets/lit-html/lit-html.js', 'text/javascript; charset=utf-8', 'export const html = 1;'],
])('%s is served; of TypeScript without its types', async (path, type, text) => {
  const response = await fetch(base + path);
  expect([response.status, response.headers.get('content-type'), await response.text()]).toEqual([200, type, text]);
});

test.each([
  '/assets/tsconfig.json',
  '/assets/%2e%2e/secret.js',
  '/assets/..%2fsecret.js',
  '/assets/parts/../../secret.js',
  '/assets/lit-html/package.json',
  '/assets/lit-html/lit-html.d.ts',
  '/assets/lit-html/%2e%2e/secret.js',
  '/assets/parts',
  '/assets/none.js',
  '/assets/',
])('%s is not there: only modules, styles and pictures below the folders are', async (path) => {
  expect((await fetch(base + path)).status).toBe(404);
});

test('what has not changed is not sent again', async () => {
  const first = await fetch(`${base}/assets/style.css`);
  const tag = first.headers.get('etag') ?? '';
  const again = await fetch(`${base}/assets/style.css`, { headers: { 'if-none-match': tag } });
  expect([first.status, tag, again.status, first.headers.get('cache-control')]).toEqual([
    200,
    expect.stringMatching(/^".+"$/),
    304,
    'no-cache',
  ]);
});

test('only GET and HEAD', async () => {
  const response = await fetch(`${base}/`, { method: 'POST' });
  expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
});

describe('a console with a token', () => {
  test('gives its page to anybody, and what the page asks for to nobody without the token', async () => {
    const bed = await openConsole([], { token: 'a-token-of-somebody' });
    try {
      const at = `http://127.0.0.1:${bed.port}`;
      const [page, api] = [await fetch(`${at}/assets/lit-html/lit-html.js`), await fetch(`${at}/api/me`)];
      expect([page.status, api.status]).toEqual([200, 401]);
      for (const { headers } of [page, api]) {
        expect(headers.get('content-security-policy')).toMatch(/^default-src 'self';.*frame-ancestors 'none'/);
        expect(headers.get('x-content-type-options')).toBe('nosniff');
      }
      expect(api.headers.get('cache-control')).toBe('no-store');
    } finally {
      await bed.close();
    }
  });
});
