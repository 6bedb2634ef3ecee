// TypeScript to JavaScript by Node's own type stripping: positions stay exact, nothing else is needed.
import { stripTypeScriptTypes } from 'node:module';

export default { process: (source) => ({ code: stripTypeScriptTypes(source) }) };
