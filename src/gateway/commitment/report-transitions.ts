/** What becomes of a storage commitment whose result is to be reported to its SCU (status mapping 7.3). Pure. */
import { nextAfterReport } from '../../services/storage-commitment/answers.ts';
import type { ServiceFailure } from '../../services/port.ts';
import type { CommitmentRecord } from '../../store/commitment-records.ts';
import { reportDelayMs } from './delays.ts';
import { problemOf } from './outcome.ts';
import { failureNotes } from './transitions.ts';
import type { Decision } from './transitions.ts';

/** So often an SCU is told that takes the report and answers that it cannot use it. */
const REPORTS_TO_ONE_THAT_REFUSES = 3;

/** @param failure undefined: the SCU has taken the report */
export function afterReport(
  record: CommitmentRecord,
  failure: ServiceFailure | undefined,
  random: () => number,
): Decision | undefined {
  if (record.phase !== 'reporting') return undefined;
  if (failure === undefined) {
    const fields = { attempts: record.attempts + 1 };
    return {
      change: { phase: 'done', failure: null },
      due: null,
      durability: 'disk',
      notes: [{ level: 'info', text: 'storage commitment was reported', fields }],
    };
  }
  const problem = problemOf(failure);
  const next = nextAfterReport(failure);
  const wasRefusal = REFUSALS.has(record.lastFailure?.code ?? '');
  // An SCU that was away and refuses now has refused once.
  const attempts = next === 'few-times' && !wasRefusal ? 1 : record.attempts + 1;
  if (next === 'never' || (next === 'few-times' && attempts >= REPORTS_TO_ONE_THAT_REFUSES)) {
    const text = 'the report of a storage commitment was refused for good';
    return {
      change: { phase: 'done', failure: problem },
      due: null,
      durability: 'disk',
      notes: [{ level: 'warn', text, fields: { outcome: failure.code, problem: problem.problem } }],
    };
  }
  const text = 'a storage commitment could not be reported, and will be again';
  return {
    change: { attempts, failure: problem },
    due: reportDelayMs(random, attempts - 1, failure),
    durability: 'process',
    notes: failureNotes(record, failure, text),
  };
}

/** The codes of 0110H and 0115H, the answers of an SCU that cannot use a report. */
const REFUSALS: ReadonlySet<string> = new Set(['UPSTREAM_ERROR', 'INVALID_VALUE']);
