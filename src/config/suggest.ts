/** "Did you mean …?" for names, keys and words. */

/** ` Did you mean "aeTitle"?` with a leading space, or nothing when no candidate is near. */
export function didYouMean(word: string, candidates: readonly string[]): string {
  const wanted = word.toLowerCase();
  let most = Math.min(Math.max(1, Math.floor(word.length / 3)), word.length - 1);
  let nearest: string | undefined;
  for (const candidate of candidates) {
    const distance = distanceWithin(wanted, candidate.toLowerCase(), most);
    if (distance === undefined) continue;
    nearest = candidate;
    // Another must be nearer.
    most = distance - 1;
  }
  return nearest === undefined ? '' : ` Did you mean "${nearest}"?`;
}

/**
 * Insertions, deletions, replacements and swaps of neighbours that make one word the other; undefined for more than
 * `most`, which is told early: a list of keywords is thousands long, and is gone through for every one that is not known.
 */
function distanceWithin(a: string, b: string, most: number): number | undefined {
  if (Math.abs(a.length - b.length) > most) return undefined;
  // Long garbage is near nothing; the table would be a waste.
  if (a.length > 64 || b.length > 64) return undefined;
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  let leastOfPrevious = 0;
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    let least = i;
    for (let j = 1; j <= b.length; j++) {
      const replaced = at(previous, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      let fewest = lesser(lesser(at(previous, j), at(row, j - 1)) + 1, replaced);
      if (swapped) fewest = lesser(fewest, at(beforePrevious, j - 2) + 1);
      row.push(fewest);
      least = lesser(least, fewest);
    }
    // A swap goes back two rows; what comes is no less than the least of both.
    if (least > most && leastOfPrevious > most) return undefined;
    leastOfPrevious = least;
    [beforePrevious, previous] = [previous, row];
  }
  const distance = at(previous, b.length);
  return distance <= most ? distance : undefined;
}

function lesser(a: number, b: number): number {
  return a < b ? a : b;
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Infinity;
}
