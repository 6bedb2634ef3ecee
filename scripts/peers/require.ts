/** Ends with exit status 1 and one clear line when a program of the peer tests is missing. */
import { findMissingPrograms, INSTALL_COMMAND } from './programs.ts';

const missing = findMissingPrograms();
if (missing.length > 0) {
  console.error(`The peer tests need programs that are not here: ${missing.join(', ')}. Install: ${INSTALL_COMMAND}`);
  process.exit(1);
}
