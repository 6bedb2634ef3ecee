/**
 * Attribute paths: keywords or tags joined by dots (PS3.18 8.3.4.1), e.g. `ScheduledProcedureStepSequence.Modality`,
 * `00400100.00080060` or a mix of both.
 */
import { GatewayError } from '../errors.ts';
import { lookupKeyword, lookupTag, similarKeyword } from './dictionary.ts';
import type { Tag } from './model.ts';
import { MAXIMUM_SEQUENCE_DEPTH } from './values.ts';

/** Tags from the outermost sequence to the attribute: `['00400100', '00080060']`; never empty. */
export type AttributePath = readonly Tag[];

const TAG = /^[0-9A-Fa-f]{8}$/;

/** Groups of command sets, file headers and item delimiters, and group lengths: no data set holds them. */
const NOT_IN_DATA_SETS = /^(?:0000|0002|FFFE)|0000$/;

/**
 * Unknown attributes are allowed as tags. Every step but the last must be able to be a sequence; there are no more of them
 * than a data set may nest.
 * @throws GatewayError ATTRIBUTE_PATH_INVALID
 */
export function parsePath(text: string): AttributePath {
  const steps = text.split('.');
  if (steps.length > MAXIMUM_SEQUENCE_DEPTH + 1) {
    const problem = `An attribute path goes through more than ${MAXIMUM_SEQUENCE_DEPTH} sequences`;
    throw new GatewayError('ATTRIBUTE_PATH_INVALID', problem);
  }
  const tags = steps.map((step) => parseStep(step, text));
  for (const tag of tags.slice(0, -1)) {
    const entry = lookupTag(tag);
    if (entry !== undefined && !entry.vrs.includes('SQ')) {
      throw invalid(text, `${entry.keyword} (${tag}) is not a sequence`);
    }
  }
  return tags;
}

function parseStep(step: string, path: string): Tag {
  const entry = lookupKeyword(step);
  const tag = entry?.tag ?? (TAG.test(step) ? step.toUpperCase() : undefined);
  if (tag === undefined) {
    const similar = similarKeyword(step);
    throw invalid(path, `"${step}" is neither a keyword nor eight hex digits`, similar && `Did you mean ${similar}?`);
  }
  if (NOT_IN_DATA_SETS.test(tag)) throw invalid(path, `${step} cannot be in a data set`);
  return tag;
}

function invalid(path: string, problem: string, fix?: string): GatewayError {
  return new GatewayError('ATTRIBUTE_PATH_INVALID', `Attribute path "${path}": ${problem}`, fix ? { fix } : {});
}

/** The path in one style; `keyword` falls back to the tag where there is no keyword. */
export function pathToText(path: AttributePath, style: 'tag' | 'keyword'): string {
  if (style === 'tag') return path.join('.');
  return path.map((tag) => keywordOf(tag)).join('.');
}

/** A private creator has no keyword of its own: it would not lead back to the tag. */
function keywordOf(tag: Tag): string {
  const keyword = lookupTag(tag)?.keyword;
  return keyword !== undefined && lookupKeyword(keyword)?.tag === tag ? keyword : tag;
}
