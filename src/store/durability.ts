/**
 * What a write has survived when its promise resolves. `process`: the end of the process, kill -9 too, but not a loss
 * of power; `disk`: that too, and so have all writes before it.
 */
export type Durability = 'disk' | 'process';
