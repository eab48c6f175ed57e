/** What a user's page would do: all four subsystems, imported by name, and their results as JSON. */

import { AwaitFront } from '@hotpath/blockcache';
import { createArenaMemory, createMemoryDisk } from '@hotpath/hw-x86/model';
import { ByteCollector, checkTrace, Tracer, writePerfetto } from '@hotpath/pmc-trace';
import { FairLoop, hog, periodic, roundRobin, simulate } from '@hotpath/sched';
import { Arena, struct } from '@hotpath/slab';

const BLOCK_BYTES = 4096;
const MS = 1e6;

async function cached(): Promise<object> {
  const memory = createArenaMemory(8 * BLOCK_BYTES);
  const front = new AwaitFront({ memory, base: 0, blockBytes: BLOCK_BYTES, capacity: 8 });
  const disk = createMemoryDisk({ blockCount: 64 });
  const device = front.cache.addDevice(disk);
  const source = new Uint8Array(BLOCK_BYTES);
  for (let block = 0; block < 64; block++) {
    source.fill(block + 1);
    await front.writeBytes(device, block * BLOCK_BYTES, source);
  }
  await front.flush(device);
  const target = new Uint8Array(BLOCK_BYTES);
  let right = 0;
  for (let block = 0; block < 64; block++) {
    await front.readBytes(device, block * BLOCK_BYTES, target);
    if (target.every((byte) => byte === block + 1)) right += 1;
  }
  front.cache.checkInvariants();
  return { right, dirty: front.cache.dirtyCount, onDisk: disk.bytes[63 * BLOCK_BYTES] };
}

async function scheduled(): Promise<object> {
  const { tasks } = simulate({
    tasks: [periodic(33 * MS, 4 * MS, 60), hog(3000 * MS), hog(3000 * MS), hog(3000 * MS)],
    policy: roundRobin(),
  });
  const loop = new FairLoop();
  const order: string[] = [];
  for (let i = 0; i < 50; i++) void loop.add('batch', () => order.push('batch'));
  await loop.add('typing', () => order.push('typing'));
  await loop.idle();
  return { latestMs: Math.max(...tasks[0]!.delays) / MS, ran: order.length };
}

function allocated(): object {
  const arena = new Arena(new ArrayBuffer(1 << 20));
  const tasks = arena.pool(struct({ pid: 'u32', vruntime: 'f64' }), 'task');
  const addresses = Array.from({ length: 1000 }, () => tasks.create());
  for (const [pid, address] of addresses.entries()) tasks.set.pid(address, pid);
  const sum = addresses.reduce((total, address) => total + tasks.get.pid(address), 0);
  tasks.free(addresses[0]!);
  let code = '';
  try {
    tasks.free(addresses[0]!);
  } catch (error) {
    code = (error as { code: string }).code;
  }
  return { sum, distinct: new Set(addresses).size, code };
}

function traced(): object {
  const tracer = new Tracer();
  let last = 0;
  const now = () => (last = Math.max(last + 1, Math.floor(performance.now() * 1e6)));
  const emitter = tracer.emitter({ now });
  const draw = tracer.registry.register({ name: 'draw', category: 'page', a: 'pixels' });
  for (let pixels = 0; pixels < 100; pixels++) {
    emitter.begin(draw, pixels);
    emitter.end(draw);
  }
  const file = new ByteCollector();
  writePerfetto(tracer.snapshot(), file);
  const { eventCount, findings, valid } = checkTrace(file.bytes());
  return { eventCount, findings: findings.length, valid };
}

async function run(): Promise<object> {
  return {
    cache: await cached(),
    sched: await scheduled(),
    slab: allocated(),
    trace: traced(),
  };
}

run().then(
  (results) => Reflect.set(globalThis, 'results', results),
  (error: unknown) => Reflect.set(globalThis, 'results', { failed: String(error) }),
);
