/** Requests and results that name 10,000 instances, with the limits that hold unless something else is said. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { DicomwebUpstream } from '../../../src/dicomweb/upstream.ts';
import { responseModule, toldIn } from '../../../src/services/storage-commitment/modules.ts';
import { failAll } from '../../../src/services/storage-commitment/settle.ts';
import { FORMS, manyReferences, TRANSACTION } from '../../support/commitments.ts';
import { call } from '../../support/http-client.ts';
import { LISTENER_OPTIONS, startCommitmentListener } from '../../support/http-listener.ts';
import { acceptOf, bodyIn, MEDIA_TYPES, readBody } from '../../support/media-bodies.ts';
import { contextOf, keepingLogger } from '../../support/requests.ts';
import { StubOriginServer } from '../../support/stub-origin-server.ts';

const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const REFERENCES = manyReferences(10_000);
const FAILED = failAll(REFERENCES);
const RESOURCE = `/dicomweb/commitment-requests/${TRANSACTION}`;
const UNTIL_DONE = { ...LISTENER_OPTIONS, requestTimeoutMs: 60_000 };

describe.each(Object.entries(FORMS))('10,000 instances, %s', (_form, formOf) => {
  const module = formOf(REFERENCES);
  const answer = responseModule(module, FAILED);

  test.each(MEDIA_TYPES)('in %s at the origin server: both ways whole, in their order (PS3.18 13.4)', async (mediaType) => {
    const { port, calls, close } = await startCommitmentListener(() => ({ state: 'done', module: answer }), UNTIL_DONE);
    closing.push(close);
    const { contentType, body } = bodyIn(mediaType, module);
    const headers = { 'Content-Type': contentType, Accept: acceptOf(mediaType) };
    const reply = await call(port, RESOURCE, { method: 'POST', body, headers });
    // Compared as text: a difference in 10,000 items would take minutes to print.
    expect(JSON.stringify(calls[0]?.module) === JSON.stringify(module)).toBe(true);
    const read = readBody(reply.headers['content-type'] ?? '', reply.body);
    expect([reply.status, read.mediaType]).toEqual([200, mediaType]);
    expect(JSON.stringify(read.dataSet) === JSON.stringify(answer)).toBe(true);
  }); // prettier-ignore

  test.each(['json', 'multipart-xml'] as const)('in %s as a user agent: the request flat, the result in either form', async (mediaType) => {
    const stub = await StubOriginServer.start(() => {
      const { contentType, body } = bodyIn(mediaType, answer);
      return { headers: { 'Content-Type': contentType }, body };
    });
    const upstream = new DicomwebUpstream({ name: 'archive', baseUrl: stub.baseUrl, mediaType }, keepingLogger());
    closing.push(
      () => stub.close(),
      () => upstream.close(),
    );
    const context = { ...contextOf(), deadline: performance.now() + 60_000 };
    const status = await upstream.requestCommitment(TRANSACTION, REFERENCES, context);
    expect(JSON.stringify(status) === JSON.stringify({ state: 'done', told: toldIn(answer) })).toBe(true);
    const { headers, body } = stub.requests[0] ?? { headers: {}, body: Buffer.alloc(0) };
    const read = readBody(headers['content-type'] ?? '', body);
    expect(read.mediaType).toBe(mediaType);
    expect(JSON.stringify(read.dataSet) === JSON.stringify(FORMS.flat(REFERENCES))).toBe(true);
  }); // prettier-ignore
});
