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
  // As `head` does when it has seen enough. A gateway goes on.
  if (!process.argv.slice(2).includes('serve')) process.stdout.on('error', leave);
  process.exitCode = await run(process.argv.slice(2));
}

function leave(error: NodeJS.ErrnoException): never {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
}
