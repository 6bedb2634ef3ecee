/** The query components of a request about one resource (PS3.18 13, 15): few, and case sensitive. */
import type { AttributeSelection, ServiceWarning } from '../services/port.ts';
import {
  badParameter,
  decoded,
  includedFields,
  NEGOTIATION_PARAMETERS,
  splitParameters,
} from '../services/query-parameters.ts';
import type { Parameter } from '../services/query-parameters.ts';
import { parameterIgnored } from '../services/worklist/warnings.ts';

export const UPDATE_PARAMETER = 'update';

export interface SortedParameters {
  /** Those of the transaction itself. */
  readonly own: readonly Parameter[];
  /** Decoded value of `accept` (PS3.18 8.3.3.1). */
  readonly accept?: string;
  /** Decoded value of `charset` (8.3.3.2). */
  readonly charset?: string;
  readonly warnings: readonly ServiceWarning[];
}

export interface RequestParameters extends Omit<SortedParameters, 'own'> {
  /** `all` where nothing is selected. */
  readonly selection: AttributeSelection;
}

/**
 * Parameters of a transaction apart from those of content negotiation.
 * @param isOwn whether the transaction knows it
 * @param strictParameters unknown parameters are errors instead of being ignored with a warning
 * @throws ServiceFailure BAD_REQUEST that tells the label of the parameter, never its value
 */
export function sortedParameters(
  rawQuery: string,
  isOwn: (parameter: Parameter) => boolean,
  strictParameters: boolean,
): SortedParameters {
  const negotiation = new Map<string, string>();
  const own: Parameter[] = [];
  const warnings: ServiceWarning[] = [];
  for (const parameter of splitParameters(rawQuery)) {
    const { name, raw, label } = parameter;
    const known = NEGOTIATION_PARAMETERS.get(name);
    if (known !== undefined) {
      if (negotiation.has(known)) throw badParameter(label, 'occurs more than once');
      negotiation.set(known, decoded(raw ?? '', label));
    } else if (isOwn(parameter)) own.push(parameter);
    else if (strictParameters) throw badParameter(label, 'is not known');
    else warnings.push(parameterIgnored(label));
  }
  const accept = negotiation.get('accept');
  const charset = negotiation.get('charset');
  return { own, ...(accept !== undefined && { accept }), ...(charset !== undefined && { charset }), warnings };
}

/**
 * @param names parameters of the transaction besides those of content negotiation
 * @param strictParameters unknown parameters are errors instead of being ignored with a warning
 * @throws ServiceFailure BAD_REQUEST that tells the label of the parameter, never its value
 */
export function requestParameters(
  rawQuery: string,
  names: readonly ('includefield' | typeof UPDATE_PARAMETER)[],
  strictParameters: boolean,
): RequestParameters {
  const isOwn = ({ name }: Parameter): boolean => names.some((one) => one === name);
  const { own, ...rest } = sortedParameters(rawQuery, isOwn, strictParameters);
  const included = own.filter(({ name }) => name === 'includefield');
  for (const { name, raw } of own) if (name === UPDATE_PARAMETER) checkUpdate(raw ?? '');
  return { selection: included.length === 0 ? 'all' : includedFields(included), ...rest };
}

/** It has no value; what clients write instead is the same. */
function checkUpdate(raw: string): void {
  if (raw !== '' && raw !== 'true') throw badParameter(UPDATE_PARAMETER, 'takes no value');
}
