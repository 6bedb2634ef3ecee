/** An association of our SCU by itself: contexts, and a request that can no longer be sent. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { ScuAssociation } from '../../../src/dimse/scu.ts';
import { SOP_CLASSES } from '../../../src/dimse/uids.ts';
import { EXPLICIT } from '../../support/dimse-bytes.ts';
import { ScriptedHandler, startListener } from '../../support/dimse-listener.ts';
import type { RunningListener } from '../../support/dimse-listener.ts';

const BUDGET = { deadline: () => performance.now() + 5_000, signal: new AbortController().signal };

let running: RunningListener;
afterEach(() => running.listener.close(0));

async function open(...abstractSyntaxes: string[]): Promise<ScuAssociation> {
  running = await startListener(new ScriptedHandler());
  const timers = { connectMs: 2_000, associateMs: 2_000, responseMs: 2_000, artimMs: 500, drainMs: 500 };
  const sizes = { maximumPduLength: 16_384, maximumMessageBytes: 1 << 20 };
  const peer = { host: '127.0.0.1', port: running.port, calledAeTitle: 'DIMSEWAY', callingAeTitle: 'SCU' };
  const contexts = { abstractSyntaxes, transferSyntaxes: [EXPLICIT], extended: [] };
  return ScuAssociation.open({ ...peer, ...contexts, ...sizes, timers }, BUDGET);
}

describe('presentation contexts', () => {
  test('one accepted of several is enough; the others say why not when they are asked for', async () => {
    const association = await open('1.2.3', SOP_CLASSES.verification);
    expect(association.context(SOP_CLASSES.verification)).toMatchObject({ id: 3, transferSyntax: EXPLICIT });
    expect(() => association.context('1.2.3')).toThrow(
      expect.objectContaining({ code: 'CONTEXT_NOT_ACCEPTED', phase: 'association', contextResult: 3 }),
    );
    expect((await association.echo(BUDGET)).status).toBe(0);
    await association.release();
  });

  test('none accepted opens nothing', async () => {
    await expect(open('1.2.3', '1.2.4')).rejects.toMatchObject({ code: 'CONTEXT_NOT_ACCEPTED', contextResult: 3 });
  });
});

test('a request on an association that has ended was not sent, and its error says so', async () => {
  const association = await open(SOP_CLASSES.verification);
  association.abort();
  await expect(association.echo(BUDGET)).rejects.toMatchObject({ code: 'ASSOCIATION_ABORTED', phase: 'association' });
});
