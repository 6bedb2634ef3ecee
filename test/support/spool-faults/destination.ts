/**
 * A destination in a process of its own: `node destination.ts OPTIONS`, the options as JSON. Prints `ready`, then a `+` for
 * each message that it accepted. It keeps what its journal says across kill -9.
 */
import { serveDimse } from './dimse-far-end.ts';
import { FaultyFarEnd } from './far-end.ts';
import type { FarEndOptions } from './far-end.ts';
import { serveWeb } from './web-far-end.ts';

export interface DestinationOptions extends FarEndOptions {
  readonly protocol: 'dimse' | 'dicomweb';
  readonly port: number;
}

const { protocol, port, ...options } = JSON.parse(process.argv[2] ?? '') as DestinationOptions;
const farEnd = new FaultyFarEnd(options);
await (protocol === 'dimse' ? serveDimse : serveWeb)(port, farEnd);
process.stdout.write('ready\n');
