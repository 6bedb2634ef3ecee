/** The shortest input that still ends the same way, as far as a bounded number of tries finds it. */
import type { Finding } from './finding.ts';
import type { Prober } from './hunter.ts';

const MAXIMUM_PROBES = 400;

/** Undefined when the input by itself does not end that way: then it was what came before. */
export async function minimise(
  prober: Prober,
  input: Buffer,
  finding: Finding,
  ms: number,
): Promise<Buffer | undefined> {
  const end = performance.now() + ms;
  let probes = 0;
  const isSame = async (candidate: Buffer): Promise<boolean> => {
    probes++;
    const again = await prober.probe(candidate);
    return again !== undefined && classOf(again) === classOf(finding);
  };
  if (!(await isSame(input))) return undefined;
  let shortest = input;
  for (let size = Math.ceil(shortest.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at < shortest.length;) {
      if (probes >= MAXIMUM_PROBES || performance.now() > end) return shortest;
      const candidate = Buffer.concat([shortest.subarray(0, at), shortest.subarray(at + size)]);
      if (await isSame(candidate)) shortest = candidate;
      else at += size;
    }
  }
  return shortest;
}

/** What takes too long is slow or hangs, as the machine has it. */
function classOf({ kind, sameAs }: Finding): string {
  return kind === 'slow' || kind === 'hang' ? 'time' : sameAs;
}
