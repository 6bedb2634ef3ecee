/** Queries made of DCMTK's thirteen sample queries. */
export interface QueryVariant {
  readonly title: string;
  /** Number of the sample. */
  readonly query: number;
  /** Keys set in it, by path: `PatientName=VIV*`. */
  readonly keys: readonly string[];
}

export const STEP = 'ScheduledProcedureStepSequence[0]';
/** The queries that find nothing, with keys that the records have; then kinds of matching the sample leaves out. */
export const VARIANTS: readonly QueryVariant[] = [
  ...(
    [
      [2, { ScheduledStationAETitle: 'AB45', ScheduledStationName: 'STNAB89' }],
      [4, { Modality: 'CT' }],
      [6, { ScheduledStationAETitle: 'NN77' }],
      [7, { ScheduledStationAETitle: 'AA67' }],
      [8, { ScheduledStationAETitle: 'CC56', ScheduledStationName: 'STN899' }],
      [9, { ScheduledStationAETitle: 'TT67', ScheduledStationName: 'STN94594' }],
      [12, { ScheduledStationAETitle: 'AZ01', ScheduledStationName: 'STN9483' }],
    ] as const
  ).map(([query, keys]) => ({
    title: `query ${query} with keys that match`,
    query,
    keys: Object.entries(keys).map(([keyword, value]) => `${STEP}.${keyword}=${value}`),
  })),
  { title: 'a wildcard in a person name', query: 11, keys: ['PatientName=VIV*'] },
  { title: 'a single-character wildcard', query: 11, keys: ['PatientName=HAYDN^FRANZ^JOSEP?'] },
  { title: 'a date range', query: 11, keys: [`${STEP}.ScheduledProcedureStepStartDate=19960101-19960430`] },
  { title: 'an open date range', query: 11, keys: [`${STEP}.ScheduledProcedureStepStartDate=-19951231`] },
  {
    title: 'a date and a time range as one interval',
    query: 11,
    keys: [
      `${STEP}.ScheduledProcedureStepStartDate=19951201-19960430`,
      `${STEP}.ScheduledProcedureStepStartTime=100000-170000`,
    ],
  },
  { title: 'keys at both levels', query: 11, keys: ['PatientName=*WOLF*', `${STEP}.Modality=CT`] },
  { title: 'a patient id', query: 11, keys: ['PatientID=AV35674'] },
];
