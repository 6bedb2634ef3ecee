/** The lines of the overview: from each listener over its routes to their upstreams, where the three columns stand side by side. */
import type { Overview } from '../api-types.ts';

const NAMESPACE = 'http://www.w3.org/2000/svg';

/** @param picture holds the cards and the SVG that is drawn into; it is emptied where the columns stand below each other */
export function drawWays(picture: HTMLElement, { routes, upstreams }: Overview): void {
  const drawing = picture.querySelector<SVGSVGElement>('svg.ways');
  if (drawing === null) return;
  const frame = picture.getBoundingClientRect();
  const columns = [...picture.querySelectorAll('.column')].map((column) => column.getBoundingClientRect().left);
  const isWide = new Set(columns).size === columns.length;
  drawing.setAttribute('viewBox', `0 0 ${frame.width} ${frame.height}`);
  const card = (kind: string, name: string): DOMRect | undefined =>
    picture.querySelector(`[data-${kind}="${CSS.escape(name)}"]`)?.getBoundingClientRect();
  const failing = new Set(upstreams.filter(({ state }) => state === 'failing').map(({ name }) => name));
  const lines: SVGPathElement[] = [];
  const draw = (from: DOMRect | undefined, to: DOMRect | undefined, state: string): void => {
    if (from === undefined || to === undefined) return;
    const [x1, y1] = [from.right - frame.left, from.top - frame.top + 24];
    const [x2, y2] = [to.left - frame.left, to.top - frame.top + 24];
    const middle = (x1 + x2) / 2;
    const line = document.createElementNS(NAMESPACE, 'path');
    line.setAttribute('d', `M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`);
    line.setAttribute('class', state);
    lines.push(line);
  };
  if (isWide) {
    for (const route of routes) {
      const here = card('route', route.name);
      const state = route.traffic.exchanges === 0 ? 'quiet' : 'busy';
      for (const name of route.listeners) draw(card('listener', name), here, state);
      for (const name of new Set(Object.values(route.services).flat())) {
        draw(here, card('upstream', name), failing.has(name) ? 'failing' : state);
      }
    }
  }
  drawing.replaceChildren(...lines);
}
