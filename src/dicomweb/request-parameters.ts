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

export interface RequestParameters {
  /** `all` where nothing is selected. */
  readonly selection: AttributeSelection;
  /** Decoded value of `accept` (PS3.18 8.3.3.1). */
  readonly accept?: string;
  /** Decoded value of `charset` (8.3.3.2). */
  readonly charset?: string;
  readonly warnings: readonly ServiceWarning[];
}

/**
 * @param own parameters of the transaction besides those of content negotiation
 * @param strictParameters unknown parameters are errors instead of being ignored with a warning
 * @throws ServiceFailure BAD_REQUEST that tells the label of the parameter, never its value
 */
export function requestParameters(
  rawQuery: string,
  own: readonly ('includefield' | typeof UPDATE_PARAMETER)[],
  strictParameters: boolean,
): RequestParameters {
  const parameters = splitParameters(rawQuery);
  const negotiation = new Map<string, string>();
  const included: Parameter[] = [];
  const warnings: ServiceWarning[] = [];
  for (const parameter of parameters) {
    const { name, raw, label } = parameter;
    const known = NEGOTIATION_PARAMETERS.get(name);
    if (known !== undefined) {
      if (negotiation.has(known)) throw badParameter(label, 'occurs more than once');
      negotiation.set(known, decoded(raw ?? '', label));
    } else if (name === 'includefield' && own.includes(name)) included.push(parameter);
    else if (name === UPDATE_PARAMETER && own.includes(name)) checkUpdate(raw ?? '');
    else if (strictParameters) throw badParameter(label, 'is not known');
    else warnings.push(parameterIgnored(label));
  }
  const accept = negotiation.get('accept');
  const charset = negotiation.get('charset');
  return {
    selection: included.length === 0 ? 'all' : includedFields(included),
    ...(accept !== undefined && { accept }),
    ...(charset !== undefined && { charset }),
    warnings,
  };
}

/** It has no value; what clients write instead is the same. */
function checkUpdate(raw: string): void {
  if (raw !== '' && raw !== 'true') throw badParameter(UPDATE_PARAMETER, 'takes no value');
}
