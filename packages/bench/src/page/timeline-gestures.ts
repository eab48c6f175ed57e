/** Mouse, touch and keys of the timeline. */
import type { Timeline } from './timeline.js';

const DRAG_MIN = 4;
const KEY_PIXELS = 80;
const WHEEL_ZOOM = 1.0015;

interface Drag {
  readonly x: number;
  readonly pans: boolean;
  last: number;
  moved: boolean;
}

/**
 * Drag selects a range (with shift, or a finger: moves the window); click inspects; two fingers and
 * ctrl + wheel zoom; w, s, a, d and the arrows do it by keys.
 */
export function installGestures(
  canvas: HTMLCanvasElement,
  box: HTMLElement,
  timeline: Timeline,
): void {
  const fingers = new Map<number, number>();
  let drag: Drag | null = null;
  let spread = 0;
  const x = (event: MouseEvent): number => event.clientX - canvas.getBoundingClientRect().left;
  const y = (event: MouseEvent): number => event.clientY - canvas.getBoundingClientRect().top;

  canvas.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, x(event));
    const pans = event.shiftKey || event.pointerType === 'touch';
    drag = fingers.size > 1 ? null : { x: x(event), pans, last: x(event), moved: false };
    spread = spreadOf(fingers);
  });
  canvas.addEventListener('pointermove', (event) => {
    if (!fingers.has(event.pointerId)) return;
    fingers.set(event.pointerId, x(event));
    if (fingers.size === 2) {
      const [first, second] = [...fingers.values()] as [number, number];
      const now = spreadOf(fingers);
      if (spread > 0 && now > 0) timeline.zoom(spread / now, timeline.timeAt((first + second) / 2));
      spread = now;
    } else if (drag !== null) move(drag, x(event), timeline);
  });
  const up = (event: PointerEvent): void => {
    if (drag !== null && !drag.moved && event.type === 'pointerup')
      timeline.inspect(x(event), y(event));
    fingers.delete(event.pointerId);
    drag = null;
    spread = spreadOf(fingers);
  };
  canvas.addEventListener('pointerup', up);
  canvas.addEventListener('pointercancel', up);
  canvas.addEventListener('dblclick', (event) => timeline.zoom(0.4, timeline.timeAt(x(event))));
  canvas.addEventListener(
    'wheel',
    (event) => {
      const across = Math.abs(event.deltaX) > Math.abs(event.deltaY);
      if (!event.ctrlKey && !event.metaKey && !event.shiftKey && !across) return;
      event.preventDefault();
      if (event.ctrlKey || event.metaKey) {
        timeline.zoom(WHEEL_ZOOM ** event.deltaY, timeline.timeAt(x(event)));
      } else timeline.pan(across ? event.deltaX : event.deltaY);
    },
    { passive: false },
  );
  box.addEventListener('keydown', (event) => {
    const act = KEYS[event.key];
    if (act === undefined || event.target !== box) return;
    event.preventDefault();
    act(timeline);
  });
}

const KEYS: Readonly<Record<string, (timeline: Timeline) => void>> = {
  w: (timeline) => timeline.zoom(0.7),
  s: (timeline) => timeline.zoom(1 / 0.7),
  a: (timeline) => timeline.pan(-KEY_PIXELS),
  d: (timeline) => timeline.pan(KEY_PIXELS),
  ArrowLeft: (timeline) => timeline.pan(-KEY_PIXELS),
  ArrowRight: (timeline) => timeline.pan(KEY_PIXELS),
  Escape: (timeline) => timeline.select(null),
};

function move(drag: Drag, at: number, timeline: Timeline): void {
  if (!drag.moved && Math.abs(at - drag.x) < DRAG_MIN) return;
  drag.moved = true;
  if (drag.pans) timeline.pan(drag.last - at);
  else {
    const [from, to] = [timeline.timeAt(drag.x), timeline.timeAt(at)].sort((a, b) => a - b) as [
      number,
      number,
    ];
    timeline.select({ from: Math.max(0, from), to });
  }
  drag.last = at;
}

function spreadOf(fingers: ReadonlyMap<number, number>): number {
  const [first, second] = [...fingers.values()];
  return first === undefined || second === undefined ? 0 : Math.abs(first - second);
}
