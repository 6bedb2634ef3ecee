/** The picture of the README: the messages that a run of `dimseway demo` printed, as two sequence diagrams side by side. */

interface Message {
  readonly from: string;
  readonly to: string;
  readonly name: string;
  /** What the run said of it: the resource that is asked, or the status. */
  readonly detail: string;
}

interface Step {
  readonly title: string;
  readonly messages: Message[];
}

const HEADING = /^═+ (\d+\. .*?) ═*$/;
const MESSAGE = /^[▶◀] (.+?) {3}(.+?) → (.+)$/;
const GATEWAY = 'gateway';

const WIDTH = 620;
const LIFELINES = [82, WIDTH / 2, WIDTH - 82] as const;
const ROW = 34;
const STEP_HEIGHT = 30;
const TOP = 56;

/** @param output of `dimseway demo`. @throws Error when there is nothing to draw */
export function demoPicture(output: string): string {
  const steps = stepsOf(output);
  const halves = [halfOf(steps, 'classic modality'), halfOf(steps, 'web modality')];
  const height = Math.max(...halves.map(heightOf));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${2 * WIDTH}" height="${height}" viewBox="0 0 ${2 * WIDTH} ${height}" role="img">`,
    '<title>What crosses the sockets in dimseway demo</title>',
    `<style>text{font:13px ui-monospace,Menlo,Consolas,monospace;fill:#1f2328}.who{font-weight:bold}.step{font-weight:bold;fill:#0550ae}.detail{font-size:11px;fill:#59636e}line,path{stroke:#59636e;fill:none}.life{stroke:#d1d9e0}.half{fill:#f6f8fa}`,
    '@media (prefers-color-scheme:dark){text{fill:#f0f6fc}.step{fill:#79c0ff}.detail{fill:#9198a1}line,path{stroke:#9198a1}.life{stroke:#3d444d}.half{fill:#151b23}}</style>',
    '<defs><marker id="tip" markerWidth="8" markerHeight="8" refX="7" refY="4" orient="auto"><path d="M1,1 L7,4 L1,7"/></marker></defs>',
    ...halves.map((half, i) => `<g transform="translate(${i * WIDTH},0)">${drawHalf(half, height)}</g>`),
    '</svg>',
    '',
  ].join('\n');
}

function stepsOf(output: string): Step[] {
  const steps: Step[] = [];
  const lines = output.split('\n');
  lines.forEach((line, i) => {
    const title = HEADING.exec(line)?.[1];
    if (title !== undefined) steps.push({ title, messages: [] });
    const [, name, from, to] = MESSAGE.exec(line) ?? [];
    if (name !== undefined && from !== undefined && to !== undefined) {
      steps.at(-1)?.messages.push({ name, from, to, detail: detailOf(lines.slice(i + 1)) });
    }
  });
  if (steps.length === 0) throw new Error('no steps in what the demonstration printed');
  return steps;
}

function detailOf(lines: readonly string[]): string {
  const end = lines.findIndex((line) => /^[▶◀═]/.test(line));
  const block = lines.slice(0, end === -1 ? undefined : end).map((line) => line.trim());
  const request = block.find((line) => /^(GET|POST) \//.test(line));
  if (request !== undefined) return request.replace(/^\w+ \/\w+\//, '').replace(/\d+(\.\d+)+/, '{uid}');
  const status = block.find((line) => line.startsWith('status ')) ?? '';
  return status.replaceAll('status ', '').replaceAll(/ \(\w+\)/g, '');
}

function halfOf(steps: readonly Step[], who: string): Step[] {
  return steps.filter(({ messages }) => messages.some(({ from }) => from === who));
}

function heightOf(steps: readonly Step[]): number {
  return TOP + steps.reduce((sum, { messages }) => sum + STEP_HEIGHT + messages.length * ROW, 0) + 16;
}

function drawHalf(steps: readonly Step[], height: number): string {
  const [first] = steps[0]?.messages ?? [];
  const far = steps[0]?.messages[1]?.to;
  if (first === undefined || far === undefined) throw new Error('a half of the demonstration is missing');
  const who = [first.from, GATEWAY, far];
  const parts = [`<rect class="half" x="8" y="8" width="${WIDTH - 16}" height="${height - 16}" rx="8"/>`];
  who.forEach((name, i) => {
    const x = LIFELINES[i] ?? 0;
    parts.push(`<text class="who" x="${x}" y="36" text-anchor="middle">${escaped(name)}</text>`);
    parts.push(`<line class="life" x1="${x}" y1="46" x2="${x}" y2="${height - 20}"/>`);
  });
  let y = TOP;
  for (const { title, messages } of steps) {
    y += STEP_HEIGHT;
    parts.push(`<text class="step" x="24" y="${y - 10}">${escaped(title)}</text>`);
    for (const message of messages) {
      y += ROW;
      const [from = 0, to = 0] = [message.from, message.to].map((name) => LIFELINES[who.indexOf(name)]);
      const middle = (from + to) / 2;
      parts.push(`<text x="${middle}" y="${y - 18}" text-anchor="middle">${escaped(message.name)}</text>`);
      parts.push(`<line x1="${from}" y1="${y - 13}" x2="${to}" y2="${y - 13}" marker-end="url(#tip)"/>`);
      parts.push(
        `<text class="detail" x="${middle}" y="${y - 1}" text-anchor="middle">${escaped(shortened(message.detail))}</text>`,
      );
    }
  }
  return parts.join('\n');
}

const MAXIMUM_DETAIL = 34;

/** The end of a resource says more than its begin. */
function shortened(text: string): string {
  return text.length <= MAXIMUM_DETAIL ? text : `…${text.slice(1 - MAXIMUM_DETAIL)}`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
