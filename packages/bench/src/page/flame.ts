/** A flame graph that is clicked into: width is time, what is below is called by what is above. */
import { duration, element } from './element.js';
import type { FlameNode } from './span-stats.js';
import { colorOf, onTheme } from './theme.js';

const ROW = 20;
/** Narrower than this is not drawn. */
const PIXELS_MIN = 1.5;

/** The graph, and how to give it another tree. */
export interface Flame {
  readonly element: HTMLElement;
  show(root: FlameNode): void;
}

/** An empty graph. */
export function flame(): Flame {
  const place = element('div', { class: 'flame' });
  const label = element('output', {}, '');
  const back = element('button', { type: 'button' }, 'Whole graph');
  let whole: FlameNode | null = null;
  let shown: FlameNode | null = null;
  const draw = (): void => {
    if (shown === null || whole === null) return;
    place.replaceChildren();
    back.disabled = shown === whole;
    const width = place.clientWidth;
    const depth = put(shown, 0, 0, width, width / (shown.totalNs || 1));
    place.style.height = `${(depth + 1) * ROW}px`;
  };
  const put = (node: FlameNode, depth: number, x: number, width: number, scale: number): number => {
    const share = whole!.totalNs === 0 ? 0 : (node.totalNs / whole!.totalNs) * 100;
    const text = `${node.title}: ${duration(node.totalNs)}, ${share.toFixed(1)} %`;
    const block = element(
      'button',
      { type: 'button', title: text, 'aria-label': text },
      width > 24 ? node.title : '',
    );
    Object.assign(block.style, {
      left: `${x}px`,
      top: `${depth * ROW}px`,
      width: `${width}px`,
      background: colorOf(node.title),
    });
    block.addEventListener('click', () => {
      shown = node;
      label.textContent = text;
      draw();
    });
    place.append(block);
    let deepest = depth;
    let at = x;
    const children = [...node.children.values()].sort((a, b) => b.totalNs - a.totalNs);
    for (const child of children) {
      const childWidth = child.totalNs * scale;
      if (childWidth >= PIXELS_MIN)
        deepest = Math.max(deepest, put(child, depth + 1, at, childWidth, scale));
      at += childWidth;
    }
    return deepest;
  };
  back.addEventListener('click', () => {
    shown = whole;
    label.textContent = '';
    draw();
  });
  onTheme(draw);
  let width = 0;
  new ResizeObserver(() => {
    if (place.clientWidth !== width) draw();
    width = place.clientWidth;
  }).observe(place);
  return {
    element: element('div', {}, element('div', { class: 'tools' }, back, label), place),
    show(root) {
      whole = root;
      shown = root;
      label.textContent = '';
      draw();
    },
  };
}
