/**
 * The pages of the console: files of this package and of lit-html, and nothing else. They hold no data and need no token;
 * the page asks for one, and the API behind it checks it.
 *
 * | path | file |
 * |---|---|
 * | `/` | `web/index.html` |
 * | `/assets/NAME` | `web/NAME`; of `NAME.js`, where the product runs from its source, `web/NAME.ts` without its types |
 * | `/assets/lit-html/NAME` | `node_modules/lit-html/NAME` |
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { findPackageJSON, stripTypeScriptTypes } from 'node:module';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import express from 'express';
import type { Request, RequestHandler, Response, Router } from 'express';
import { allowOnly, fail } from './answers.ts';

const WEB = fileURLToPath(new URL('./web/', import.meta.url));
const LIBRARY = 'lit-html';

const MEDIA_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.ts': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** Names of files below a folder: no name begins with a dot, and none leads out of it. */
const NAME = /^(?:[a-z0-9-]+\/){0,3}[a-z0-9-]+\.(?:js|ts|css|svg)$/;

const PAGE_POLICY =
  "default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'";

/** Of every answer of the port. */
export const safeHeaders: RequestHandler = ({ path }, response, next) => {
  response.set({
    'Content-Security-Policy': PAGE_POLICY,
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Cache-Control': path === '/' || path.startsWith('/assets/') ? 'no-cache' : 'no-store',
  });
  next();
};

/** @param web folder of the pages @param library folder of lit-html; undefined: it is not there, and nothing of it is served */
export function pages(web = WEB, library = libraryFolder()): Router {
  const router = express.Router();
  router.get(
    '/',
    sender(() => join(web, 'index.html')),
  );
  router.get(
    '/assets/{*name}',
    sender(({ path }) => fileOf(path.slice('/assets/'.length), web, library)),
  );
  router.all(['/', '/assets/{*name}'], allowOnly('GET, HEAD'));
  return router;
}

function libraryFolder(): string | undefined {
  const found = findPackageJSON(LIBRARY, import.meta.url);
  return found === undefined ? undefined : dirname(found);
}

function fileOf(name: string, web: string, library: string | undefined): string | undefined {
  if (!NAME.test(name)) return undefined;
  if (!name.startsWith(`${LIBRARY}/`)) return join(web, name);
  const inside = name.slice(LIBRARY.length + 1);
  return library === undefined || inside.endsWith('.ts') ? undefined : join(library, inside);
}

function sender(locate: (request: Request) => string | undefined): RequestHandler {
  return async (request: Request, response: Response): Promise<void> => {
    const file = locate(request);
    const content = file === undefined ? undefined : await contentOf(file);
    if (file === undefined || content === undefined) {
      fail(response, 404, 'NOT_FOUND', 'There is no such page', 'Open / of this port.');
      return;
    }
    const tag = `"${createHash('sha256').update(content).digest('base64url').slice(0, 22)}"`;
    response.set('ETag', tag);
    if (request.headers['if-none-match'] === tag) response.status(304).end();
    else response.set('Content-Type', MEDIA_TYPES[extname(file)]).send(content);
  };
}

/** Sources in TypeScript are there only where the product runs from them: a build has neither those nor their types. */
async function contentOf(file: string): Promise<Buffer | undefined> {
  if (extname(file) === '.ts') return strippedOf(file);
  return (await readIfThere(file)) ?? (extname(file) === '.js' ? strippedOf(`${file.slice(0, -3)}.ts`) : undefined);
}

async function strippedOf(file: string): Promise<Buffer | undefined> {
  const source = await readIfThere(file);
  return source && Buffer.from(stripTypeScriptTypes(source.toString()));
}

/** Undefined: there is no such file. */
function readIfThere(file: string): Promise<Buffer | undefined> {
  return readFile(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR' || error.code === 'EISDIR') return undefined;
    throw error;
  });
}
