/** `node scripts/walk/write.ts`: plays the walk and writes what the commands print into docs/troubleshooting.md. */
import { readFile, writeFile } from 'node:fs/promises';
import { DOCUMENT, withBlocks } from './document.ts';
import { walk } from './walk.ts';

await writeFile(DOCUMENT, withBlocks(await readFile(DOCUMENT, 'utf8'), await walk()));
