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
  const args = process.argv.slice(2);
  // As `head` does when it has seen enough. A gateway goes on, and a demonstration clears up first.
  if (!args.includes('serve') && !args.includes('demo')) process.stdout.on('error', leave);
  process.exitCode = await run(args);
}

function leave(error: NodeJS.ErrnoException): never {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
}
