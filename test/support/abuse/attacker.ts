/**
 * The attacker as a process of its own, in lines on stdin: `ports DIMSE WEB` says where the gateway listens, `begin NAME`
 * begins an attack, `end` ends it and answers with what it came to, as JSON.
 *
 * It also is the far end that two upstreams of the gateway call; their ports are its first line.
 */
import { createInterface } from 'node:readline';
import { ATTACKS, type AttackName } from './attacks.ts';
import { Swarm } from './swarm.ts';
import { startTarpits } from './tarpits.ts';
import { intruder } from './windows.ts';

let ports = { dimse: 0, web: 0 };
let swarm: Swarm | undefined;
let attacks = 0;

createInterface({ input: process.stdin }).on('line', (line) => {
  const [word = '', rest = ''] = /^(\w+) ?(.*)$/.exec(line)?.slice(1) ?? [];
  if (word === 'ports') {
    const [dimse = 0, web = 0] = rest.split(' ').map(Number);
    ports = { dimse, web };
  } else if (word === 'begin') {
    swarm = new Swarm(ports, intruder(attacks++));
    void ATTACKS[rest as AttackName](swarm);
  } else if (swarm !== undefined) {
    process.stdout.write(`${JSON.stringify(swarm.end())}\n`);
  }
});
process.stdout.write(`${JSON.stringify(await startTarpits())}\n`);
