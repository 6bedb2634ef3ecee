/** Whose connections and requests count together at a web listener. */
import { describe, expect, test } from '@jest/globals';
import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { RequestGate } from '../../../src/dicomweb/request-gate.ts';
import { SILENT } from '../../../src/observe/log.ts';

function socketFrom(remoteAddress: string): Socket {
  return Object.assign(new EventEmitter(), { remoteAddress, remotePort: 40_000, destroy() {} }) as unknown as Socket;
}

describe('the gate of a web listener', () => {
  test.each(['10.0.0.5', '::ffff:10.0.0.5', 'fe80::5', 'fe80::5%eth0'])(
    'does not hear %s any more, which goes on sending what is no HTTP',
    (address) => {
      const gate = new RequestGate({ maximumHeldBytes: 1, limits: { requestsPerSecond: 1 } }, SILENT);
      const enter = (): boolean => gate.enter(socketFrom(address), 100, () => false);
      expect(enter()).toBe(true);
      for (let times = 0; times < 100; times++) gate.failed(socketFrom(address));
      expect(enter()).toBe(false);
    },
  );
});
