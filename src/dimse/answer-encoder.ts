/** Data sets for a calling SCU, in a character set it is likely to know (route option `characterSets`). */
import { chooseCharacterSet } from '../dataset/character-set.ts';
import { encodeDataSet } from '../dataset/binary/encode.ts';
import type { TransferSyntaxUid } from '../dataset/binary/transfer-syntax.ts';
import type { DataSet } from '../dataset/model.ts';
import { GatewayError } from '../errors.ts';
import type { Logger } from '../observe/log.ts';
import { ServiceFailure } from '../services/port.ts';
import type { RouteOptions } from '../services/port.ts';

const SPECIFIC_CHARACTER_SET = '00080005';

export interface AnswerEncoderOptions {
  readonly route: RouteOptions;
  /** Text of the 00080005 that the SCU uses itself, tried after those of the route. */
  readonly ownCharacterSet: string | undefined;
  readonly transferSyntax: TransferSyntaxUid;
  readonly logger: Logger;
  readonly traceId: string;
}

/** Throws ServiceFailure CONVERSION_FAILED; a set that the SCU is not known to have is logged once. */
export function answerEncoder(options: AnswerEncoderOptions): (answer: DataSet) => Buffer {
  const { route, ownCharacterSet, transferSyntax, logger, traceId } = options;
  const { unencodable } = route;
  const preferences = [...route.characterSets, ...(ownCharacterSet === undefined ? [] : [ownCharacterSet])];
  let told = preferences.length === 0;
  return (answer) => {
    try {
      const { terms, replaced } = chooseCharacterSet(answer, preferences, unencodable);
      if (!told && terms !== undefined && (replaced || !preferences.includes(terms.join('\\')))) {
        told = true;
        logger.warn('an answer does not fit the character sets of the SCU', {
          traceId,
          route: route.route,
          characterSet: terms.join('\\'),
          replaced,
        });
      }
      const encodeOptions = terms === undefined ? { unencodable } : { characterSet: terms, unencodable };
      return encodeDataSet(answer, transferSyntax, encodeOptions);
    } catch (cause) {
      if (!(cause instanceof GatewayError)) throw cause;
      throw new ServiceFailure('CONVERSION_FAILED', { comment: `result not convertible: ${cause.code}`, cause });
    }
  };
}

/** The text of 00080005, such as `\ISO 2022 IR 87`; undefined when it is absent or empty. */
export function characterSetText(dataSet: DataSet): string | undefined {
  const values = dataSet[SPECIFIC_CHARACTER_SET]?.Value;
  return values?.map((term) => (typeof term === 'string' ? term : '')).join('\\');
}
