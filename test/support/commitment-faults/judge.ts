/**
 * The oracle: what modalities and web clients were told must be what the archive has told of exactly these instances, in one
 * of its answers, or that nothing is committed; and what was told once stays.
 */
import type { Outcome } from '../../../scripts/peers/commitment.ts';
import type { Commitment, WebArchive } from '../web-archive.ts';
import type { Keeper, Kept } from './keeper.ts';
import type { Asked } from './modalities.ts';
import { keyOf } from './transactions.ts';
import type { Requested } from './web-clients.ts';
import { meaningOf, nothingOf, textOf } from './words.ts';

/**
 * What is wrong with the reports of a transaction that crossed from DIMSE to the web.
 * @param commitments those of exactly these instances, more than one where the gateway asked again under another UID
 */
export function judgeReports(
  { uid, asked, isTaken, reports }: Asked,
  commitments: readonly Commitment[],
  archive: WebArchive,
): string[] {
  const key = keyOf(asked);
  const told = commitments.flatMap((each) => each.told);
  const texts = new Set(reports.map((each) => textOf(each.told)));
  const problems: string[] = [];
  if (isTaken && !reports.some(({ isAnswered }) => isAnswered)) problems.push('was taken and never reported');
  if (texts.size > 1) problems.push('was reported in different words');
  // Where the archive had refused it, before or after it was taken.
  const mayBeNothing = archive.refusals.has(key);
  return [...problems, ...reports.flatMap((each) => judge(each.told, asked, told, mayBeNothing))].map(
    (problem) => `${uid}: ${problem}`,
  );
}

/** What is wrong with the results of a transaction that crossed from the web to DIMSE. @param kept the same at the keeper */
export function judgeResults(
  { uid, asked, isTaken, results }: Requested,
  kept: readonly Kept[],
  keeper: Keeper,
): string[] {
  const nothing = textOf(nothingOf(asked));
  const problems: string[] = [];
  if (isTaken && results.length === 0) problems.push('was taken and has no result');
  // What nobody has told is replaced by what somebody tells after all.
  const texts = results.map(textOf);
  const firm = new Set(texts.slice(Math.max(0, texts.lastIndexOf(nothing) + 1)));
  if (firm.size > 1 || new Set(texts).size > 2) problems.push('has changing results');
  const last = results.at(-1);
  if (last === undefined) return problems.map((problem) => `${uid}: ${problem}`);
  // A report that came after one that was answered 0000H changes nothing any more.
  const told = kept.flatMap(({ reports }) => {
    const answered = reports.findIndex(({ status }) => status === 0);
    return reports.slice(0, answered < 0 ? undefined : answered + 1).map((each) => each.told);
  });
  const isAnswered = kept.some(({ reports }) => reports.some(({ status }) => status === 0));
  const mayBeNothing = !isAnswered && (kept.length === 0 || keeper.turnedAway.has(keyOf(asked)));
  const story = kept.map((each) => `${each.uid} ${each.manner} ${each.reports.map(({ status }) => status).join(' ')}`);
  return [...problems, ...judge(last, asked, told, mayBeNothing)].map(
    (problem) => `${uid}: ${problem} (${story.join('; ')})`,
  );
}

function judge(outcome: Outcome, asked: Asked['asked'], told: readonly Outcome[], mayBeNothing: boolean): string[] {
  const text = textOf(outcome);
  if (told.some((each) => textOf(meaningOf(asked, each)) === text)) return [];
  if (text === textOf(nothingOf(asked))) return mayBeNothing ? [] : ['failed though the archive had not'];
  return [`says ${text.replaceAll('\n', ', ')}, of which the archive told nothing`];
}
