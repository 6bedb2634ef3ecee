/** A data set that somebody has pasted: in each of its forms, and what the rules of a route make of it. */
import { runRules, SERVICES_WITH_RULES } from '../config/rule-runs.ts';
import type { RouteConfig } from '../config/schema.ts';
import { dump } from '../dataset/dump.ts';
import { parseJsonDataSets, toJson } from '../dataset/json.ts';
import type { DataSet } from '../dataset/model.ts';
import { fromXml, toXml } from '../dataset/xml.ts';
import { GatewayError } from '../errors.ts';
import type { ServiceName } from '../services/port.ts';
import type { TriedDataSet } from './api-types.ts';
import { Refusal } from './refusal.ts';

/** What is absent is not asked about. */
export interface Narrowed {
  readonly service?: ServiceName | undefined;
  readonly direction?: 'request' | 'response' | undefined;
}

/** @param text DICOM JSON or the Native DICOM Model @throws Refusal DATA_SET_INVALID and the like */
export function lookAtDataSet(text: string, route: RouteConfig | undefined, narrowed: Narrowed): TriedDataSet {
  const dataSet = dataSetOf(text);
  const { service, direction } = narrowed;
  const services = service === undefined ? SERVICES_WITH_RULES : [service];
  const runs = route && runRules(route, services, dataSet);
  const wanted = runs?.filter((run) => direction === undefined || run.direction === direction);
  return {
    json: JSON.stringify(JSON.parse(toJson(dataSet)), undefined, 2),
    xml: toXml(dataSet),
    dump: dump(dataSet),
    ...(wanted && {
      rules: wanted.map(({ title, steps, after, failure }) => ({
        destination: title,
        steps,
        after,
        ...(failure !== undefined && { failure }),
      })),
    }),
  };
}

function dataSetOf(text: string): DataSet {
  const fix = 'Paste one data set in DICOM JSON, or in XML as the Native DICOM Model has it.';
  try {
    if (/^\uFEFF?\s*</.test(text)) return fromXml(text);
    const [dataSet, ...others] = parseJsonDataSets(text);
    if (dataSet !== undefined && others.length === 0) return dataSet;
    throw new Refusal(
      422,
      'DATA_SET_INVALID',
      `The text has ${others.length + (dataSet ? 1 : 0)} data sets, not one`,
      fix,
    );
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    throw new Refusal(422, error.code, error.message, fix);
  }
}
