/** What a console might answer: a gateway between two protocols on a bad day, with invented patients. */
import type {
  ConfigView,
  ExchangeDetail,
  ExchangeSummary,
  Me,
  Overview,
  SpoolListing,
  Timeline,
  Traffic,
  TriedDataSet,
  TriedSearch,
} from '../../../src/console/api-types.ts';

const AT = '2026-03-02T09:15:07.120Z';
export const STEP_UID = '1.2.826.0.1.3680043.2.1545.1.2.1.7.20260302.91507.1';
export const TRACE = '8f14e45fceea167a';

export const ME: Me = {
  name: 'ward desk',
  role: 'values',
  version: '0.1.0',
  instance: 'a41d5f',
  startedAt: '2026-03-02T06:00:00.000Z',
  capture: { until: '2026-03-02T18:00:00.000Z' },
};

const QUIET: Traffic = { exchanges: 0, failures: 0, perMinute: 0 };
const busy = (exchanges: number, failures: number, p50Ms: number, p95Ms: number): Traffic => ({
  ...{ exchanges, failures, perMinute: exchanges / 5, p50Ms, p95Ms },
});

export const OVERVIEW: Overview = {
  status: 'ready',
  listeners: [
    {
      ...{ name: 'ward', protocol: 'dimse', address: '10.20.0.5:11112', names: ['DIMSEWAY'], tls: false },
      ...{ listening: true, open: 3, traffic: busy(212, 9, 38, 184) },
    },
    {
      ...{ name: 'web', protocol: 'dicomweb', address: '10.20.0.5:8443', names: ['/dicomweb'], tls: true },
      ...{ listening: true, open: 1, traffic: busy(31, 0, 52, 240) },
    },
  ],
  routes: [
    {
      ...{ name: 'scanners', listeners: ['ward'], conditions: 'calling CT1 or MR1' },
      services: { worklist: ['webRis'], mpps: ['webRis'], forward: ['archive'] },
      traffic: busy(212, 9, 38, 184),
    },
    {
      ...{ name: 'browsers', listeners: ['web'], conditions: '' },
      services: { worklist: ['oldRis', 'standby'], mpps: ['oldRis'] },
      traffic: busy(31, 0, 52, 240),
    },
  ],
  upstreams: [
    {
      ...{ name: 'webRis', protocol: 'dicomweb', address: 'https://ris.example/dicom-web', tls: true, state: 'ok' },
      ...{ lastSuccess: AT, traffic: busy(203, 0, 31, 150) },
    },
    {
      ...{ name: 'archive', protocol: 'dimse', address: '10.20.0.9:104 ARCHIVE', tls: false, state: 'failing' },
      ...{ lastSuccess: '2026-03-02T07:58:11.000Z', lastFailure: AT, lastFailureCode: 'UNAVAILABLE' },
      traffic: { exchanges: 9, failures: 9, perMinute: 1.8 },
    },
    {
      ...{ name: 'oldRis', protocol: 'dimse', address: '10.20.0.7:104 RIS', tls: false, state: 'ok', lastSuccess: AT },
      traffic: busy(31, 0, 47, 201),
    },
    { name: 'standby', protocol: 'dimse', address: '10.20.0.8:104 RIS2', tls: false, state: 'unknown', traffic: QUIET },
  ],
  spool: { queued: 4, dead: 1, oldestSeconds: 4_620 },
  commitments: { open: 2, oldestSeconds: 95 },
};

const FROM_CT = { listener: 'ward', protocol: 'dimse', address: '10.20.1.31', calledAeTitle: 'DIMSEWAY' } as const;

export const EXCHANGES: readonly ExchangeSummary[] = [
  {
    ...{ id: 4, traceId: 'c9f0f895fb98ab91', at: '2026-03-02T09:15:31.004Z', ...FROM_CT, callingAeTitle: 'CT1' },
    ...{
      service: 'mpps',
      transaction: 'update',
      route: 'scanners',
      upstream: 'webRis',
      uid: STEP_UID,
      status: '0110H',
    },
    ...{
      ms: 31.2,
      warnings: [],
      outcome: 'BAD_REQUEST',
      reason: 'Performed Series Sequence (0040,0340) lacks an item',
    },
  },
  {
    ...{ id: 3, traceId: TRACE, at: AT, ...FROM_CT, callingAeTitle: 'CT1', service: 'mpps', transaction: 'create' },
    ...{
      route: 'scanners',
      upstream: 'webRis',
      uid: STEP_UID,
      status: '0000H',
      ms: 44.7,
      warnings: ['VALUES_SUPPLIED'],
    },
  },
  {
    ...{ id: 2, traceId: '45c48cce2e2d7fbd', at: '2026-03-02T09:14:02.000Z', listener: 'web', protocol: 'dicomweb' },
    ...{ address: '10.20.2.8', subject: 'us-cart-2', service: 'worklist', transaction: 'search', route: 'browsers' },
    ...{ upstream: 'oldRis', status: '200', ms: 61.9, count: 7, warnings: [] },
  },
  {
    ...{ id: 1, traceId: 'd3d9446802a44259', at: '2026-03-02T09:13:40.500Z', ...FROM_CT, callingAeTitle: 'XA9' },
    ...{ service: 'worklist', transaction: 'search', status: 'A700H', ms: 0.4, warnings: [] },
    ...{ outcome: 'NOT_SUPPORTED', reason: 'No route takes a worklist search of XA9 at ward' },
  },
];

const PASSED = {
  '00081032': { vr: 'SQ', Value: [{ '00080100': { vr: 'SH', Value: ['CTHEAD'] } }] },
  '00100010': { vr: 'PN', Value: [{ Alphabetic: 'Müller^Änne' }] },
  '00100020': { vr: 'LO', Value: ['P-1001'] },
  '00400241': { vr: 'AE', Value: ['CT1'] },
  '00400252': { vr: 'CS', Value: ['IN PROGRESS'] },
  '00400253': { vr: 'SH', Value: ['PPS1'] },
  '00400270': {
    vr: 'SQ',
    Value: [{ '00080050': { vr: 'SH', Value: ['A100'] }, '0020000D': { vr: 'UI', Value: ['1.2.3'] } }],
  },
};

const RECEIVED = { '00080005': { vr: 'CS', Value: ['ISO_IR 100'] }, ...PASSED };

export const DETAIL: ExchangeDetail = {
  ...(EXCHANGES[1] as ExchangeSummary),
  hops: [
    {
      ...{ atMs: 0, side: 'requester', peer: 'CT1', direction: 'in' },
      text: 'N-CREATE-RQ Modality Performed Procedure Step',
    },
    {
      ...{ atMs: 3.1, side: 'upstream', peer: 'webRis', direction: 'out' },
      text: `POST /modality-performed-procedure-steps/${STEP_UID}`,
    },
    { atMs: 41.2, side: 'upstream', peer: 'webRis', direction: 'in', text: 'answer', status: '201' },
    { atMs: 44.6, side: 'requester', peer: 'CT1', direction: 'out', text: 'N-CREATE-RSP', status: '0000H' },
  ],
  captured: [
    { stage: 'received', atMs: 0.8, dataSet: RECEIVED, masked: false },
    {
      ...{ stage: 'sent', upstream: 'webRis', atMs: 2.9, masked: false },
      dataSet: {
        ...PASSED,

        '00400241': { vr: 'AE', Value: ['RADIOLOGY_CT'] },
        '00400242': { vr: 'SH', Value: ['CT Room 1'] },
      },
    },
    { stage: 'sent', upstream: 'archive', atMs: 3.4, dataSet: RECEIVED, masked: false },
    { stage: 'sent', upstream: 'archive', atMs: 9_003.4, dataSet: RECEIVED, masked: false },
  ],
};

export const TIMELINE: Timeline = {
  uid: STEP_UID,
  entries: [
    { at: AT, kind: 'exchange', text: 'create by CT1 at ward, passed on to webRis', status: '0000H', exchange: 3 },
    { at: AT, kind: 'record', text: 'IN PROGRESS is remembered' },
    { at: AT, kind: 'spool', text: 'create for archive is queued', status: 'queued', spool: 71, uid: STEP_UID },
    { at: '2026-03-02T09:15:31.004Z', kind: 'exchange', text: 'update by CT1 at ward', status: '0110H', exchange: 4 },
  ],
};

export const SPOOL: SpoolListing = {
  destinations: [{ route: 'scanners', upstream: 'archive', queued: 4, dead: 1, oldestSeconds: 4_620, attempts: 23 }],
  messages: [
    {
      ...{ id: 68, route: 'scanners', upstream: 'archive', uid: '1.2.826.0.1.3680043.2.1545.1.2.1.7.20260302.75811.4' },
      ...{ kind: 'update', state: 'dead', acceptedAt: '2026-03-02T07:58:11.000Z', attempts: 1, inDoubt: false },
      lastFailure: { code: 'BAD_REQUEST', problem: 'the archive answered 0106H: invalid attribute value', at: AT },
      traceId: '6512bd43d9caa6e0',
    },
    {
      ...{ id: 71, route: 'scanners', upstream: 'archive', uid: STEP_UID, kind: 'create', state: 'queued' },
      ...{ acceptedAt: AT, attempts: 6, inDoubt: true, traceId: TRACE },
      lastFailure: { code: 'UNAVAILABLE', problem: 'the association could not be opened: ECONNREFUSED', at: AT },
    },
  ],
};

const ENTRY = {
  '00080050': { vr: 'SH', Value: ['A100'] },
  '00100010': { vr: 'PN', Value: [{ Alphabetic: 'Müller^Änne' }] },
  '00100020': { vr: 'LO', Value: ['P-1001'] },
  '00400100': {
    vr: 'SQ',
    Value: [
      {
        '00080060': { vr: 'CS', Value: ['CT'] },
        '00400001': { vr: 'AE', Value: ['CT1'] },
        '00400002': { vr: 'DA', Value: ['20260302'] },
        '00400007': { vr: 'LO', Value: ['CT head'] },
      },
    ],
  },
};

export const TRIED_SEARCH: TriedSearch = {
  url: 'https://ris.example/dicom-web/modality-scheduled-procedure-steps?00400100.00080060=CT&limit=20',
  identifier: {
    '00100010': { vr: 'PN' },
    '00400100': { vr: 'SQ', Value: [{ '00080060': { vr: 'CS', Value: ['CT'] } }] },
  },
  warnings: [],
  masked: false,
};

export const FOUND: TriedSearch = { ...TRIED_SEARCH, ms: 48, results: [ENTRY] };

export const TRIED_DATA_SET: TriedDataSet = {
  json: '{"00080060":{"vr":"CS","Value":["CT"]}}',
  xml: '<NativeDicomModel><DicomAttribute tag="00080060" vr="CS" keyword="Modality"/></NativeDicomModel>',
  dump: '00080060 CS Modality: CT',
  rules: [
    {
      destination: 'webRis',
      steps: ['set Modality to MR'],
      after: { '00080060': { vr: 'CS', Value: ['MR'] } },
    },
  ],
};

export const CONFIG: ConfigView = {
  file: '/etc/dimseway/gateway.yaml',
  lines: [
    'listeners:',
    '  ward:',
    '    protocol: dimse',
    '    aeTitles: [DIMSEWAY]',
    '    port: 11112',
    'upstreams:',
    '  webRis:',
    '    protocol: dicomweb',
    '    baseUrl: https://ris.example/dicom-web',
    '    credentials: { type: bearer, token: ••• }',
    '    timeot: 5s',
    'routes: []',
  ],
  problems: [
    {
      ...{ severity: 'error', line: 11, column: 5, message: 'upstreams.webRis.timeot is not known. Is timeout meant?' },
    },
    { severity: 'warning', line: 12, column: 1, message: 'routes: no route: every request is refused' },
  ],
  changed: true,
};
