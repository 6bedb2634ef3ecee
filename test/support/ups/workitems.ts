/** Workitems as a scheduler makes them. */
import { attribute, dataSetOf } from '../../../src/dataset/model.ts';
import type { DataSet } from '../../../src/dataset/model.ts';

/** A workitem as a scheduler makes it, complete by Table CC.2.5-3. */
export function scheduledWorkitem(patientId = 'PID-1', more: DataSet = {}): DataSet {
  const code = (value: string, scheme: string, meaning: string): DataSet =>
    dataSetOf({
      '00080100': attribute('SH', value),
      '00080102': attribute('SH', scheme),
      '00080104': attribute('LO', meaning),
    });
  return dataSetOf({
    '00081080': attribute('LO'),
    '00081084': attribute('SQ'),
    '00100010': attribute('PN', { Alphabetic: 'Yamada^Tarou', Ideographic: '山田^太郎' }),
    '00100020': attribute('LO', patientId),
    '00100030': attribute('DA', '19780304'),
    '00100040': attribute('CS', 'M'),
    '0020000D': attribute('UI', '1.2.3.4'),
    '00380010': attribute('LO'),
    '00404005': attribute('DT', '20260301081500'),
    '00404018': attribute('SQ', code('CTTHORAX', '99LOCAL', 'CT of the thorax')),
    '00404021': attribute('SQ'),
    '00404025': attribute('SQ', code('CT1', '99AET', 'CT1')),
    '00404026': attribute('SQ', code('CT', 'DCM', 'Computed Tomography')),
    '00404027': attribute('SQ'),
    '00404041': attribute('CS', 'READY'),
    '0040A370': attribute(
      'SQ',
      dataSetOf({
        '00080050': attribute('SH', 'ACC-1'),
        '0020000D': attribute('UI', '1.2.3.4'),
        '00321060': attribute('LO', 'CT of the thorax'),
        '00401001': attribute('SH', 'RP1'),
      }),
    ),
    '00741000': attribute('CS', 'SCHEDULED'),
    '00741002': attribute('SQ'),
    '00741200': attribute('CS', 'MEDIUM'),
    '00741202': attribute('LO'),
    '00741204': attribute('LO', 'CT of the thorax'),
    '00741210': attribute('SQ'),
    '00741216': attribute('SQ'),
    ...more,
  });
}
