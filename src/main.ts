#!/usr/bin/env node
/** Checks the Node version before anything is imported, then hands over to the command line. */
const NEEDED = 24;
const major = Number(process.versions.node.split('.')[0]);

if (major < NEEDED) {
  process.stderr.write(
    `dimseway: NODE_TOO_OLD: Node.js ${process.versions.node} is running, ${NEEDED} or newer is needed. ` +
      'Fix: run it with npm (npm start, npx dimseway), which brings its own, or install a newer Node.js.\n',
  );
  process.exitCode = 3;
} else {
  const { run } = await import('./cli/cli.ts');
  process.exitCode = await run(process.argv.slice(2));
}
