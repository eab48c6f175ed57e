/** Every number of a JSON value under a path that stays the same from run to run. */

/** Keys whose value names an element of an array, the first that it has. */
const NAMES = ['key', 'id', 'workload', 'policy', 'scheduler', 'name', 'trace', 'disk', 'cpus'];

/**
 * Numbers by path: `slab.cycles`, `bursts[mlfq].switches`. Elements of arrays are called by what names
 * them (the names that differ within the array, in full), else by their index.
 */
export function numericLeaves(value: unknown): Map<string, number> {
  const leaves = new Map<string, number>();
  collect(value, '', leaves);
  return leaves;
}

function collect(value: unknown, path: string, leaves: Map<string, number>): void {
  if (typeof value === 'number') {
    leaves.set(path, value);
  } else if (Array.isArray(value)) {
    const names = elementNames(value);
    for (const [index, element] of value.entries()) {
      collect(element, `${path}[${names[index]}]`, leaves);
    }
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, inner] of Object.entries(value)) {
      collect(inner, path === '' ? key : `${path}.${key}`, leaves);
    }
  }
}

function elementNames(elements: readonly unknown[]): string[] {
  for (const key of NAMES) {
    const names = elements.map((element) => nameIn(element, key));
    if (names.includes(undefined)) continue;
    if (new Set(names).size === names.length) return names as string[];
  }
  return elements.map((_, index) => `${index}`);
}

function nameIn(element: unknown, key: string): string | undefined {
  if (typeof element !== 'object' || element === null) return undefined;
  const name = (element as Record<string, unknown>)[key];
  return typeof name === 'string' || typeof name === 'number' ? `${name}` : undefined;
}
