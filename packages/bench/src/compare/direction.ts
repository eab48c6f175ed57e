/** What is better: less, more, or neither (a parameter, a size of the work). */
export type Direction = 'less' | 'more' | 'neither';

/** Words of a camel-case name, in lower case: `wakeP99Ms` is wake, p99, ms. */
function wordsOf(name: string): string[] {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/);
}

const MORE = ['second', 'hits', 'utilization', 'speedup', 'faster', 'saved', 'fps'];
const RATES = ['rate', 'ratio'];
const LESS = [
  ...['cycles', 'ns', 'us', 'ms', 'seconds', 'latency', 'wait', 'waited', 'makespan'],
  ...['misses', 'miss', 'walks', 'switches', 'preemptions', 'migrations', 'faults', 'errors'],
  ...['footprint', 'instructions', 'late', 'missed', 'overhead', 'evictions', 'lost'],
  ...['average', 'mean', 'min', 'max', 'median', 'p25', 'p50', 'p75', 'p90', 'p95', 'p99', 'p999'],
];

/**
 * By the words of the last name of a path, then of the names before it: `hitRate` more, `missRatio`
 * and `warm.cycles` less, `operations` neither.
 */
export function directionOf(path: string): Direction {
  const names = path.replace(/\[[^\]]*\]/g, '').split('.');
  for (const name of names.reverse()) {
    const words = wordsOf(name);
    const has = (list: readonly string[]): boolean => words.some((word) => list.includes(word));
    if (has(['seed', 'schema', 'bytes', 'capacity', 'version'])) return 'neither';
    if (has(['hit'])) return 'more';
    if (has(RATES)) return has(['miss', 'footprint']) ? 'less' : 'more';
    if (has(MORE)) return 'more';
    if (has(LESS)) return 'less';
  }
  return 'neither';
}
