import { describe, expect, test } from '@jest/globals';
import { HttpRefusal } from '../../../src/dicomweb/http-refusal.ts';
import { negotiate } from '../../../src/dicomweb/negotiation.ts';
import type { NegotiationRequest } from '../../../src/dicomweb/negotiation.ts';

const JSON_TYPE = 'application/dicom+json';
const XML = 'application/dicom+xml';
const MULTI_JSON = 'multipart/related; type="application/dicom+json"';
const MULTI_XML = 'multipart/related; type="application/dicom+xml"';

function formats(request: Partial<NegotiationRequest>): string[] {
  return negotiate({ strictAccept: false, ...request }).map(({ format }) => format.text);
}

function best(request: Partial<NegotiationRequest>): string | undefined {
  return formats(request)[0];
}

function refusal(request: Partial<NegotiationRequest>): HttpRefusal {
  try {
    negotiate({ strictAccept: false, ...request });
  } catch (error) {
    if (error instanceof HttpRefusal) return error;
  }
  throw new Error('not refused');
}

describe('the Accept header (PS3.18 8.7.5, 8.7.8)', () => {
  test.each([
    [undefined, JSON_TYPE],
    ['', JSON_TYPE],
    ['*/*', JSON_TYPE],
    ['application/*', JSON_TYPE],
    [JSON_TYPE, JSON_TYPE],
    [XML, XML],
    [MULTI_JSON, MULTI_JSON],
    [MULTI_XML, MULTI_XML],
    ['multipart/related; type=application/dicom+xml', MULTI_XML],
    ['multipart/related', MULTI_JSON],
    ['multipart/*', MULTI_JSON],
    ['application/json', 'application/json'],
    ['application/json, text/plain, */*', 'application/json'],
    ['text/html, */*;q=0.8', JSON_TYPE],
    [`${JSON_TYPE};q=0.5, ${XML}`, XML],
    [`${XML}, ${JSON_TYPE}`, XML],
    [`*/*, ${XML}`, XML],
    [`${JSON_TYPE};q=0, */*`, XML],
    ['application/pdf;q=0.9, application/dicom+xml;q=0.1', '400'],
    [`application/vnd.unknown, ${XML}`, XML],
    [`${XML}; transfer-syntax=*`, XML],
    [`${XML}; transfer-syntax=1.2.840.10008.1.2.1`, XML],
    [`${XML}; transfer-syntax=1.2.840.10008.1.2.4.50, ${JSON_TYPE};q=0.1`, JSON_TYPE],
  ])('%s gives %s', (accept, expected) => {
    if (expected === '400') expect(refusal({ accept }).status).toBe(400);
    else expect(best({ accept })).toBe(expected);
  });

  test('the most exact range gives the weight of a type', () => {
    expect(formats({ accept: `application/*;q=0.2, ${XML};q=0.9, */*;q=0.5` })).toEqual([
      XML,
      MULTI_JSON,
      MULTI_XML,
      JSON_TYPE,
    ]);
  });

  test.each(['application/dicom', 'image/png', 'text/html', `${JSON_TYPE};q=0`, '*/*;q=0'])('%s is 406', (accept) => {
    expect(refusal({ accept }).status).toBe(406);
  });

  test('406 lists what there is', () => {
    for (const type of [JSON_TYPE, XML, MULTI_JSON, MULTI_XML]) {
      expect(refusal({ accept: 'text/css' }).message).toContain(type);
    }
  });

  test('a mixture of DICOM and rendered types is 400', () => {
    expect(refusal({ accept: `${JSON_TYPE}, image/jpeg` }).status).toBe(400);
    expect(refusal({ accept: `${MULTI_XML}, application/pdf` }).status).toBe(400);
  });

  test('a header without any media range is 400', () => {
    expect(refusal({ accept: 'json please' }).status).toBe(400);
  });

  test('without the header everything is taken, or nothing under strictAccept', () => {
    expect(best({})).toBe(JSON_TYPE);
    expect(refusal({ strictAccept: true }).status).toBe(406);
  });
});

describe('the accept parameter (PS3.18 8.3.3.1)', () => {
  test('goes before the header', () => {
    expect(best({ accept: '*/*', acceptParameter: XML })).toBe(XML);
    expect(formats({ accept: '*/*', acceptParameter: `${MULTI_XML},${XML};q=0.5` })).toEqual([MULTI_XML, XML]);
  });

  test('does not replace the header under strictAccept', () => {
    expect(refusal({ strictAccept: true, acceptParameter: XML }).status).toBe(406);
  });

  test('with nothing that is supported leaves the choice to the header', () => {
    expect(best({ accept: '*/*', acceptParameter: 'application/unknown' })).toBe(JSON_TYPE);
  });

  test.each([
    ['a wildcard', 'application/*', '*/*'],
    ['no media type', 'json', '*/*'],
    ['nothing', '', '*/*'],
    ['a mixture of DICOM and rendered types', `${XML},image/png`, '*/*'],
    ['a type that the header excludes', XML, JSON_TYPE],
  ])('with %s is 400 and named', (_what, acceptParameter, accept) => {
    const { status, message } = refusal({ accept, acceptParameter });
    expect(status).toBe(400);
    expect(message).toContain('parameter accept ');
  });
});

describe('character sets (PS3.18 8.8)', () => {
  const charsets = (request: Partial<NegotiationRequest>): string[] | undefined =>
    negotiate({ strictAccept: false, ...request })[0]?.charsets.map(({ name }) => name);

  test.each([
    ['nothing', {}, ['utf-8']],
    ['Accept-Charset', { acceptCharset: 'iso-8859-1;q=0.5, iso-8859-7' }, ['iso-8859-7', 'iso-8859-1']],
    ['a wildcard', { acceptCharset: 'iso-8859-1, *;q=0.1' }, ['iso-8859-1', 'utf-8']],
    [
      'the charset parameter before Accept-Charset',
      { charsetParameter: 'gb18030', acceptCharset: 'utf-8' },
      ['gb18030'],
    ],
    [
      'the parameter of the chosen type before all',
      { accept: `${XML};charset=ISO-8859-5`, charsetParameter: 'gbk' },
      ['iso-8859-5'],
    ],
    ['a DICOM defined term', { charsetParameter: '"ISO_IR 100"' }, ['iso-8859-1']],
    ['what is not supported is ignored', { charsetParameter: 'ebcdic', acceptCharset: 'koi8-x, gbk' }, ['gbk']],
    ['only what is not supported', { acceptCharset: 'iso-2022-jp' }, ['utf-8']],
  ] as const)('%s', (_what, request, expected) => {
    expect(charsets(request)).toEqual(expected);
  });
});
