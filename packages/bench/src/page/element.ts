/** What an element may be given. */
export interface Attributes {
  readonly [name: string]: string | number | ((event: Event) => void);
}

/** An element with attributes and children; text is text, never markup. */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') made.addEventListener(name, value);
    else made.setAttribute(name, `${value}`);
  }
  made.append(...children);
  return made;
}

/** The same for SVG. */
export function svg(
  tag: string,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): SVGElement {
  const made = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, `${value}`);
  made.append(...children);
  return made;
}

/** A table; cells that look like numbers are set flush right. */
export function table(heads: readonly string[], rows: readonly (readonly string[])[]): HTMLElement {
  const isNumber = (text: string): boolean =>
    /^$|^[-+]?[\d,.]+( ?[%x]| (ns|us|ms|s|MB\/s))?$/.test(text);
  const cell = (tag: 'td' | 'th', text: string, numeric: boolean): HTMLElement =>
    element(tag, numeric ? { class: 'number' } : {}, text);
  const numeric = heads.map(
    (_, index) => rows.length > 0 && rows.every((row) => isNumber(row[index] ?? '')),
  );
  const head = element('tr', {}, ...heads.map((text, index) => cell('th', text, numeric[index]!)));
  const body = rows.map((row) =>
    element('tr', {}, ...row.map((text, index) => cell('td', text, numeric[index]!))),
  );
  const made = element('table', {}, element('thead', {}, head), element('tbody', {}, ...body));
  return element('div', { class: 'scroll' }, made);
}

/** 12,345 */
export const count = (value: number): string => Math.round(value).toLocaleString('en-US');

/** Nanoseconds in the unit that suits them. */
export function duration(ns: number): string {
  const size = Math.abs(ns);
  if (size >= 1e9) return `${(ns / 1e9).toFixed(3)} s`;
  if (size >= 1e6) return `${(ns / 1e6).toFixed(3)} ms`;
  if (size >= 1e3) return `${(ns / 1e3).toFixed(3)} us`;
  return `${ns.toFixed(0)} ns`;
}

/** Bytes in binary units. */
export function bytes(value: number): string {
  for (const [unit, scale] of [
    ['GiB', 2 ** 30],
    ['MiB', 2 ** 20],
    ['KiB', 2 ** 10],
  ] as const) {
    if (value >= scale) return `${+(value / scale).toFixed(1)} ${unit}`;
  }
  return `${value} B`;
}
