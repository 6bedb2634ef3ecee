/** What upstreams tell of their way to the far end: who looks at an exchange later sees each hop, and no value. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { attribute, dataSetOf } from '../../src/dataset/model.ts';
import { DicomwebUpstream } from '../../src/dicomweb/upstream.ts';
import type { TraceStep } from '../../src/services/port.ts';
import { results, ScriptedHandler, startListener } from '../support/dimse-listener.ts';
import { collect, createContext, createUpstream, QUERY } from '../support/dimse-upstream.ts';
import { entryOf, keepingLogger, queryOf } from '../support/requests.ts';
import { jsonAnswer, StubOriginServer } from '../support/stub-origin-server.ts';
import type { StubScript } from '../support/stub-origin-server.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

function traced(): { steps: TraceStep[]; context: ReturnType<typeof createContext> } {
  const steps: TraceStep[] = [];
  return { steps, context: createContext({ trace: (step) => void steps.push(step) }) };
}

async function classic(handler = new ScriptedHandler(() => results(3))): Promise<ReturnType<typeof createUpstream>> {
  const running = await startListener(handler);
  const upstream = createUpstream(running.port);
  closing.push(
    () => running.listener.close(0),
    () => upstream.close(),
  );
  return upstream;
}

async function web(script: StubScript): Promise<{ stub: StubOriginServer; upstream: DicomwebUpstream }> {
  const stub = await StubOriginServer.start(script);
  const upstream = new DicomwebUpstream({ name: 'ris', baseUrl: stub.baseUrl, mediaType: 'json' }, keepingLogger());
  closing.push(
    () => stub.close(),
    () => upstream.close(),
  );
  return { stub, upstream };
}

const IDENTIFIER = dataSetOf({
  '00100020': attribute('LO', 'MARKED-ID'),
  '00400100': attribute('SQ', dataSetOf({ '00080060': attribute('CS', 'CT') })),
});

describe('by DIMSE', () => {
  test('the association, the command with its SOP class, and the final status are told; the next request uses it again', async () => {
    const upstream = await classic();
    const first = traced();
    await collect(upstream.search(QUERY, first.context));
    expect(first.steps).toEqual([
      { direction: 'out', text: 'association opened' },
      { direction: 'out', text: 'C-FIND-RQ Modality Worklist' },
      { direction: 'in', text: 'C-FIND-RSP after 3 that were pending', status: '0000H' },
    ]);
    const second = traced();
    await collect(upstream.search(QUERY, second.context));
    expect(second.steps.map(({ text }) => text)).toEqual([
      'association in use again',
      'C-FIND-RQ Modality Worklist',
      'C-FIND-RSP after 3 that were pending',
    ]);
    expect(first.steps).toHaveLength(3);
  });

  test('an MPPS is named by its command', async () => {
    const upstream = await classic();
    const { steps, context } = traced();
    await upstream.createMpps('1.2.3', dataSetOf({ '00400252': attribute('CS', 'IN PROGRESS') }), context);
    expect(steps.slice(1)).toEqual([
      { direction: 'out', text: 'N-CREATE-RQ Modality Performed Procedure Step' },
      { direction: 'in', text: 'N-CREATE-RSP', status: '0000H' },
    ]);
  });

  test('who is not there is told by what became of the association', async () => {
    const upstream = await classic();
    const gone = createUpstream(1);
    closing.push(() => gone.close());
    const { steps, context } = traced();
    await expect(gone.verify(context)).rejects.toMatchObject({ code: 'UPSTREAM_UNREACHABLE' });
    expect(steps).toEqual([{ direction: 'in', text: 'no association', status: 'ASSOCIATION_ABORTED' }]);
    await upstream.verify(createContext());
  });
});

describe('on the web', () => {
  test('method, path, names of parameters and status are told, values are not', async () => {
    const { stub, upstream } = await web(() => jsonAnswer([entryOf('P1')]));
    const { steps, context } = traced();
    await collect(upstream.search(queryOf(IDENTIFIER), context));
    const { pathname } = new URL(stub.baseUrl);
    expect(steps).toEqual([
      {
        direction: 'out',
        text: `GET ${pathname}/modality-scheduled-procedure-steps?00100020=…&00400100.00080060=…`,
      },
      { direction: 'in', text: 'HTTP', status: '200' },
    ]);
    expect(JSON.stringify(steps)).not.toContain('MARKED-ID');
  });

  test('where a redirect leads is told by its origin alone: path and names are words of the far end', async () => {
    const Location = '/MARKED-ID/JANE?MARKED-ID=1';
    const { stub, upstream } = await web(({ path }) =>
      path.startsWith('/MARKED') ? { status: 204 } : { status: 302, headers: { Location } },
    );
    const { steps, context } = traced();
    await collect(upstream.search(queryOf(IDENTIFIER), context));
    expect(steps.map(({ text, status }) => status ?? text).slice(1)).toEqual([
      '302',
      `GET redirected to ${new URL(stub.baseUrl).origin}`,
      '204',
    ]);
    expect(JSON.stringify(steps)).not.toContain('MARKED-ID');
  });

  test('an answer of another status, and none at all', async () => {
    const { stub, upstream } = await web(() => ({ status: 503 }));
    const failed = traced();
    await expect(upstream.verify(failed.context)).rejects.toThrow();
    expect(failed.steps.at(-1)).toEqual({ direction: 'in', text: 'HTTP', status: '503' });
    await stub.close();
    const lost = traced();
    await expect(upstream.verify(lost.context)).rejects.toThrow();
    expect(lost.steps.at(-1)).toEqual({ direction: 'in', text: 'no answer', status: 'UPSTREAM_UNREACHABLE' });
  });
});
