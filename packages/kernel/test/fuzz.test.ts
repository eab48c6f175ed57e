// biome-ignore-all lint/correctness/useYield: a handler may just end
import { PAGE_BYTES } from '@hotpath/hw-x86';
import { slabInfoText } from '@hotpath/slab';
import { describe, expect, it } from 'vitest';
import {
  boot,
  type Kernel,
  type Program,
  SIGALRM,
  SIGKILL,
  type SystemCalls,
} from '../src/index.js';
import { SYS_EXIT, SYS_EXIT_GROUP, SYS_LIMIT } from '../src/syscall/numbers.js';
import { TASK_FREE, TASK_ZOMBIE } from '../src/task/tasks.js';

/**
 * The campaign is a million calls. HOTPATH_PIECE=n of ten runs the n-th tenth alone (each has a seed of
 * its own), for machines on which a command may not take long.
 */
const CAMPAIGN = process.env['HOTPATH_CAMPAIGN'] !== undefined;
const PIECE = Number(process.env['HOTPATH_PIECE'] ?? Number.NaN);
const PIECE_CALLS = CAMPAIGN ? 100_000 : 5000;
const PIECES =
  CAMPAIGN && Number.isNaN(PIECE) ? Array.from({ length: 10 }, (_, i) => i) : [PIECE || 0];

/** xorshift32: the fuzzer's own chance, by seed. */
function chance(seed: number): (limit: number) => number {
  let state = seed >>> 0 || 1;
  return (limit) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
}

const ODD = [
  0,
  1,
  2,
  3,
  7,
  8,
  64,
  255,
  4095,
  4096,
  65_537,
  -1,
  -2,
  -4096,
  0.5,
  -0.5,
  Number.NaN,
  Infinity,
  -Infinity,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 47 - 1,
  2 ** 47,
  -(2 ** 47),
  2 ** 53,
  1e300,
];

function argument(random: (limit: number) => number, heap: number): number {
  const kind = random(8);
  if (kind < 3) return ODD[random(ODD.length)]!;
  if (kind === 3) return heap + random(4 * PAGE_BYTES);
  if (kind === 4) return heap + random(64) * PAGE_BYTES;
  if (kind === 5) return random(16);
  if (kind === 6) return random(70_000);
  return random(2 ** 32) - 2 ** 31;
}

/** One process of random calls; whatever it does to itself, the next takes its place. */
function* victim(sys: SystemCalls, random: (limit: number) => number, numbers: number[]): Program {
  const heap = yield* sys.brk(0);
  yield* sys.brk(heap + 4 * PAGE_BYTES);
  yield* sys.open('fuzzed', 0o102);
  yield* sys.sigaction(SIGALRM, function* () {});
  yield* sys.setitimer(200_000, 200_000);
  for (let i = 0; i < 200; i++) {
    const drawn = random(20) === 0 ? ODD[random(ODD.length)]! : numbers[random(numbers.length)]!;
    // Each end costs a new process: most of them are left out.
    const ends = drawn === SYS_EXIT || drawn === SYS_EXIT_GROUP;
    const number = ends && random(10) > 0 ? numbers[0]! : drawn;
    const [a, b, c] = [argument(random, heap), argument(random, heap), argument(random, heap)];
    yield* sys.raw(number, a, b, c, argument(random, heap), argument(random, heap));
  }
}

function killAll(kernel: Kernel): void {
  const { signals, tasks } = kernel.parts;
  for (let round = 0; round < 50 && tasks.liveCount > 0; round++) {
    for (let task = 1; task < tasks.state.length; task++) {
      const gone = tasks.state[task] === TASK_FREE || tasks.state[task] === TASK_ZOMBIE;
      if (!gone && tasks.leader[task] === task) signals.sendToProcess(task, SIGKILL);
    }
    // Longer than a flush of the disk: a sync under way is not killed, but waited for.
    kernel.run({ cycles: 5e7 });
  }
}

/** Objects in use by cache: what of slabinfo has to come back to its start. */
function objectsInUse(kernel: Kernel): string[] {
  kernel.dropCaches();
  const lines = slabInfoText(kernel.parts.slabs).split('\n').slice(2);
  return lines.map((line) => line.trim().split(/\s+/).slice(0, 2).join(' '));
}

/** Takes away every name that the calls have left behind. */
function* sweep(sys: SystemCalls): Program {
  for (const directory of ['/tmp', '/']) {
    const fd = yield* sys.open(directory);
    const names: string[] = [];
    while ((yield* sys.readdir(fd)) === 1) names.push(sys.entry.name);
    yield* sys.close(fd);
    for (const name of names) {
      if (name === '.' || name === '..') continue;
      const path = `${directory === '/' ? '' : directory}/${name}`;
      if ((yield* sys.unlink(path)) < 0) yield* sys.rmdir(path);
    }
  }
  yield* sys.sync();
}

describe('random system calls', () => {
  it.each(PIECES)(
    'neither panic nor leak, whatever their numbers, pointers and lengths; piece %i',
    (piece) => {
      const kernel = boot({
        cpus: 2,
        strict: !CAMPAIGN,
        seed: 5 + piece,
        pageCachePages: 64,
        blockCacheBlocks: 64,
      });
      const { entry, open, spaces, tasks, userFrames, vmalloc } = kernel.parts;
      const random = chance(12345 + piece);
      const numbers = Array.from({ length: SYS_LIMIT }, (_, number) => number).filter((number) =>
        kernel.parts.entry.knows(number),
      );
      expect(numbers.length).toBeGreaterThan(35);
      const objects = objectsInUse(kernel);
      const start = entry.count;
      let rounds = 0;
      while (entry.count - start < PIECE_CALLS && rounds < PIECE_CALLS) {
        rounds += 1;
        const reports = [0, 1, 2].map((id) =>
          kernel.spawn(`fuzz ${id}`, (sys) => victim(sys, random, numbers)),
        );
        kernel.run({ cycles: 1e7 });
        killAll(kernel);
        for (const { error } of reports) if (error !== null) throw error;
        if (tasks.liveCount > 0) {
          const left = tasks.state.findIndex((state) => state !== TASK_FREE);
          throw new Error(`left alive: state ${tasks.state[left]}, ${tasks.describe(left)}`);
        }
        expect(open.liveCount).toBe(0);
        expect(spaces.liveCount).toBe(0);
        expect(userFrames.liveCount).toBe(0);
        expect(vmalloc.mappedBytes).toBe(0);
        if (rounds % 20 === 1) kernel.checkInvariants();
      }
      expect(entry.count - start).toBeGreaterThanOrEqual(PIECE_CALLS);
      kernel.spawn('sweep', sweep);
      kernel.run();
      expect(objectsInUse(kernel)).toEqual(objects);
      expect(objects.length).toBeGreaterThan(10);
      if (CAMPAIGN) console.log(`piece ${piece}: ${entry.count - start} calls, ${rounds} rounds`);
    },
    3_600_000,
  );
});
