/** "Did you mean …?" for names, keys and words. */

/** ` Did you mean "aeTitle"?` with a leading space, or nothing when no candidate is near. */
export function didYouMean(word: string, candidates: readonly string[]): string {
  const nearest = candidates
    .map((candidate) => ({ candidate, distance: distance(word.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance)[0];
  const tolerance = Math.min(Math.max(1, Math.floor(word.length / 3)), word.length - 1);
  return nearest !== undefined && nearest.distance <= tolerance ? ` Did you mean "${nearest.candidate}"?` : '';
}

/** Insertions, deletions, replacements and swaps of neighbours that make one word the other. */
function distance(a: string, b: string): number {
  // Long garbage is near nothing; the table would be a waste.
  if (a.length > 64 || b.length > 64) return Infinity;
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = at(previous, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row.push(
        Math.min(at(previous, j) + 1, at(row, j - 1) + 1, replaced, swapped ? at(beforePrevious, j - 2) + 1 : Infinity),
      );
    }
    [beforePrevious, previous] = [previous, row];
  }
  return at(previous, b.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Infinity;
}
