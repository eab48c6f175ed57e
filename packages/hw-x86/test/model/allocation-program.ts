/**
 * Run by allocation.test.ts in a process of its own, with a young generation of 1 MiB: accesses of
 * every kind, and how many collections and bytes they brought.
 */

import { PerformanceObserver } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import { createMachine, SKYLAKE_CLIENT, ZEN_4 } from '@hotpath/hw-x86/model';
import { PageTables } from './page-tables.js';

const COUNT = 40_000;
const BASE = 2 ** 40;
let kept: unknown = null;

/** Prints what COUNT accesses took from the heap, once compiled: collections put none back unseen. */
async function measure(name: string, addresses: Addresses, access: Access): Promise<void> {
  const run = (count: number) => {
    for (let i = 0; i < count; i++) access(addresses[1 + (i & 4095)] as number, i);
  };
  run(COUNT);
  await new Promise((resolve) => setTimeout(resolve, 20));
  run(COUNT / 10);
  let collections = 0;
  const observer = new PerformanceObserver((list) => {
    collections += list.getEntries().length;
  });
  observer.observe({ entryTypes: ['gc'] });
  const before = getHeapStatistics().used_heap_size;
  run(COUNT);
  const bytes = getHeapStatistics().used_heap_size - before;
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
  observer.disconnect();
  console.log(JSON.stringify({ name, collections, bytes }));
}

type Access = (address: number, i: number) => void;
/** Boxed once and for all, so that no address is boxed by the loop: null first keeps it so. */
type Addresses = readonly (number | null)[];

function among(pages: number, offset = 0, base = BASE, pageBytes = 4096): Addresses {
  const list: (number | null)[] = [null];
  for (let i = 0; i < 4096; i++) list.push(base + ((i * 7919) % pages) * pageBytes + offset);
  return list;
}

const MACHINES = [
  [SKYLAKE_CLIENT, 'flat'],
  [SKYLAKE_CLIENT, 'full'],
  [ZEN_4, 'full'],
] as const;
for (const [profile, mode] of MACHINES) {
  const machine = createMachine({ profile, mode, memoryBytes: 2 ** 25 });
  const tables = new PageTables(machine.memory);
  const pages = 4096;
  for (let page = 0; page < pages; page++) {
    tables.map(BASE + page * 4096, 2 ** 24 + (page % 512) * 4096);
  }
  const { mmu } = machine.cpus[0];
  mmu.setRoot(tables.root);
  const { meter } = machine;
  const region = meter.region('columns', 2 ** 20);
  const name = `${profile.name} ${mode}`;
  await measure(`${name}: first-level hits`, among(32), (at) => void mmu.load32(at));
  await measure(`${name}: second-level hits`, among(1024), (at) => void mmu.load32(at));
  await measure(`${name}: walks`, among(pages), (at) => void mmu.load32(at));
  await measure(`${name}: stores`, among(1024), (at, i) => void mmu.store64(at, i, i));
  await measure(`${name}: fetches`, among(1024), (at) => void mmu.fetch32(at));
  await measure(`${name}: across pages`, among(1024, 4092), (at) => void mmu.load64(at));
  await measure(`${name}: copies`, among(64, 100), (at) => void mmu.copyTo(at, 2 ** 23, 64));
  await measure(`${name}: metered`, among(4096, 0, region, 64), (at) => meter.load(at));
  await measure(`${name}: MOV to CR3`, among(1), () => mmu.setRoot(tables.root));
}
await measure('control', among(1), (_at, i) => {
  kept = { i, before: null };
});
if (kept === null) console.log('never');
