/** `node scripts/pictures/draw.ts`: runs the demonstration and draws docs/pictures/demo.svg from what it printed. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { demoPicture } from './demo-picture.ts';

const at = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

const output = execFileSync(process.execPath, [at('src/main.ts'), 'demo'], { encoding: 'utf8' });
writeFileSync(at('docs/pictures/demo.svg'), demoPicture(output));
