/**
 * Entities of a game in a SharedArrayBuffer: two workers make, move and remove them; each frees
 * entities that the other made. Run: `npx tsx -C @hotpath/source examples/shared-entities.ts`
 */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { SharedArena, struct } from '@hotpath/slab';

const Entity = struct({ x: 'f64', y: 'f64', next: 'u32', owner: 'u32' });
const ENTITY_COUNT = 5000;

interface Task {
  readonly buffer: SharedArrayBuffer;
  /** Offsets of entities to remove. */
  readonly remove: readonly number[];
}

/** A worker: removes what it was told to, makes as many of its own, and sends their offsets. */
function work({ buffer, remove }: Task): number[] {
  const arena = SharedArena.attach(buffer);
  const entities = arena.pool(Entity, 'entity');
  for (const offset of remove) entities.free(offset);
  const made: number[] = [];
  for (let i = 0; i < ENTITY_COUNT; i += 1) {
    const entity = entities.create();
    entities.set.x(entity, i);
    entities.set.owner(entity, arena.worker);
    made.push(entity);
  }
  arena.detach();
  return made;
}

function start(file: URL, task: Task): Promise<number[]> {
  return new Promise((resolve, reject) => {
    // Node 20 loads no TypeScript in a worker; a compiled program writes `new Worker(file, ...)`.
    const load = `import('tsx/esm/api').then((tsx) => (tsx.register(), import('${file.href}')))`;
    const worker = new Worker(load, { eval: true, workerData: task });
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}

/** What the example prints. `file` is the module that the workers run. */
export async function main(file: URL): Promise<string[]> {
  const buffer = new SharedArrayBuffer(4 * 1024 * 1024);
  const arena = SharedArena.format(buffer, {
    caches: [{ name: 'entity', objectBytes: Entity.byteCount }],
  });
  const cache = arena.cache('entity');
  const none = { buffer, remove: [] };
  const [a, b] = await Promise.all([start(file, none), start(file, none)]);
  const lines = [`after round 1: ${cache.liveObjects} entities`];
  // Each now removes what the other made.
  const [c, d] = await Promise.all([
    start(file, { buffer, remove: b }),
    start(file, { buffer, remove: a }),
  ]);
  lines.push(`after round 2: ${cache.liveObjects} entities`);
  const entities = arena.pool(Entity, 'entity');
  const cursor = entities.at(c[0]);
  let sum = 0;
  for (const offset of [...c, ...d]) sum += cursor.move(offset).x;
  lines.push(`sum of x: ${sum}`);
  for (const offset of [...c, ...d]) entities.free(offset);
  arena.shrink();
  arena.checkInvariants();
  lines.push(`after all: ${cache.liveObjects} entities, ${cache.footprintBytes} bytes held`);
  return lines;
}

if (!isMainThread && workerData !== null && 'remove' in workerData) {
  parentPort?.postMessage(work(workerData as Task));
} else if (isMainThread && process.argv[1]?.endsWith('shared-entities.ts')) {
  for (const line of await main(new URL(import.meta.url))) console.log(line);
}
