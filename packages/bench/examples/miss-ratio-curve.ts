/** How far the sampled miss-ratio curve of the block cache is from exact replays of recordings. */
import { loadKeys } from '@hotpath/bench';
import { MissRatioCurve, replayKeys } from '@hotpath/blockcache';

const TRACES = ['io-cc-open', 'io-git-open', 'io-pg-open', 'io-sqlite-open', 'io-sqltar-open'];
/** Cache sizes as parts of the pages that a recording touches. */
const PARTS = [0.01, 0.05, 0.1, 0.3];

for (const sampleLimit of [4096, 8192]) {
  const errors = TRACES.flatMap((trace) => {
    const { keys, uniqueCount } = loadKeys(trace);
    const curve = new MissRatioCurve({ maximum: uniqueCount, sampleLimit });
    for (const key of keys) curve.access(key);
    return PARTS.map((part) => {
      const capacity = Math.ceil(uniqueCount * part);
      const exact = replayKeys('lru', capacity, keys).misses / keys.length;
      return Math.abs(curve.missRatio(capacity) - exact);
    });
  });
  const mean = errors.reduce((sum, error) => sum + error, 0) / errors.length;
  const largest = Math.max(...errors);
  console.log(
    `${sampleLimit} keys followed: mean error ${mean.toFixed(4)}, largest ${largest.toFixed(4)}`,
  );
}
