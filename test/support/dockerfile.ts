/** Reads a Dockerfile and a .dockerignore: as much of both formats as ours use, and an error for the rest. */

/** One instruction; `json` where its arguments are in exec form. */
export interface Instruction {
  readonly keyword: string;
  /** `--from=build`: `from` to `build`. */
  readonly flags: ReadonlyMap<string, string>;
  /** Arguments as written, without the flags. */
  readonly text: string;
  readonly json: readonly string[] | undefined;
  readonly line: number;
}

const FLAG = /^--([a-z-]+)(?:=(\S+))?\s+/;

export function parseDockerfile(source: string): Instruction[] {
  const instructions: Instruction[] = [];
  let pending = '';
  let begin = 0;
  source.split('\n').forEach((raw, index) => {
    if (/^\s*(#|$)/.test(raw)) return;
    if (pending === '') begin = index + 1;
    pending += raw.replace(/\\$/, '').trim() + (raw.endsWith('\\') ? ' ' : '');
    if (raw.endsWith('\\')) return;
    instructions.push(instructionOf(pending, begin));
    pending = '';
  });
  if (pending !== '') throw new Error(`line ${begin}: the last instruction goes on after the end`);
  return instructions;
}

function instructionOf(text: string, line: number): Instruction {
  const [, keyword, rest] = /^([A-Z]+)\s+(.*)$/.exec(text) ?? [];
  if (keyword === undefined || rest === undefined) throw new Error(`line ${line}: no instruction: ${text}`);
  const flags = new Map<string, string>();
  let args = rest;
  for (let flag = FLAG.exec(args); flag !== null; flag = FLAG.exec(args)) {
    flags.set(flag[1] ?? '', flag[2] ?? '');
    args = args.slice(flag[0].length);
  }
  return { keyword, flags, text: args, json: jsonOf(args.replace(/^(CMD|NONE)\s+/, '')), line };
}

function jsonOf(text: string): string[] | undefined {
  if (!text.startsWith('[')) return undefined;
  const parsed: unknown = JSON.parse(text);
  if (!Array.isArray(parsed) || !parsed.every((each) => typeof each === 'string'))
    throw new Error(`not a list: ${text}`);
  return parsed;
}

export interface Stage {
  readonly base: string;
  readonly name: string | undefined;
  readonly instructions: readonly Instruction[];
}

/** The stages in order, each with what follows its FROM. */
export function stagesOf(instructions: readonly Instruction[]): Stage[] {
  const stages: { base: string; name: string | undefined; instructions: Instruction[] }[] = [];
  for (const instruction of instructions) {
    if (instruction.keyword === 'FROM') {
      const [base = '', as, name] = instruction.text.split(/\s+/);
      stages.push({ base, name: as === 'AS' ? name : undefined, instructions: [] });
    } else {
      const stage = stages.at(-1);
      if (stage === undefined) throw new Error(`line ${instruction.line}: ${instruction.keyword} before FROM`);
      stage.instructions.push(instruction);
    }
  }
  return stages;
}

/** `NAME=value` pairs of an ENV. */
export function environmentOf({ text, line }: Instruction): [string, string][] {
  return text.split(/\s+/).map((pair) => {
    const [, name, value] = /^(\w+)=([^"'\\\s]*)$/.exec(pair) ?? [];
    if (name === undefined || value === undefined) throw new Error(`line ${line}: not read here: ${pair}`);
    return [name, value];
  });
}

/** Whether a path of the build context is kept from the build. Patterns are `*`, names, and `!` before a name. */
export function ignoredBy(source: string): (path: string) => boolean {
  const patterns = source.split('\n').filter((line) => !/^\s*(#|$)/.test(line));
  const odd = patterns.find((pattern) => !/^(\*|!?[\w./-]+)$/.test(pattern));
  if (odd !== undefined) throw new Error(`not read here: ${odd}`);
  return (path) => {
    let isIgnored = false;
    for (const pattern of patterns) {
      const name = pattern.replace(/^!/, '');
      if (name === '*' || path === name || path.startsWith(`${name}/`)) isIgnored = !pattern.startsWith('!');
    }
    return isIgnored;
  };
}
