import { statusToHex } from '../services/answer.ts';
import type { ServiceWarning } from '../services/port.ts';
import { toWarningHeader } from '../services/worklist/warnings.ts';

/** A header section must not grow with the number of things worth a warning. */
const MAXIMUM_WARNINGS = 20;

/** The Warning header fields of an answer that succeeded, each once; a DIMSE status stands in front of its text. */
export function warningFields(baseUri: string, warnings: readonly ServiceWarning[]): { Warning?: readonly string[] } {
  const fields = new Set(warnings.map((warning) => toWarningHeader(baseUri, withStatus(warning))));
  return fields.size === 0 ? {} : { Warning: [...fields].slice(0, MAXIMUM_WARNINGS) };
}

function withStatus(warning: ServiceWarning): ServiceWarning {
  const { dimseStatus, text } = warning;
  if (dimseStatus === undefined || text.toUpperCase().startsWith(statusToHex(dimseStatus))) return warning;
  return { ...warning, text: `${statusToHex(dimseStatus)}: ${text}` };
}
