import { TSC } from '@hotpath/hw-x86';
import { createMachine, type Profile } from '@hotpath/hw-x86/model';
import { PageTables } from './page-tables.js';

const BASE = 2 ** 32;

/**
 * Nanoseconds a hop of a random cyclic chase over one line of each of `pages` pages of 4 KiB, as
 * the measurement was made: lines spread over the L1 sets, frames where a long-running system has
 * them (in no order), warm-up rounds, then whole rounds.
 */
export function chaseNs(profile: Profile, pages: number): number {
  const machine = createMachine({ memoryBytes: 2 ** 28, profile, mode: 'full' });
  const { mmu, cells } = machine.cpus[0];
  const tables = new PageTables(machine.memory, 0x10_0000);
  const frames = cycle(pages, 54_321);
  for (let i = 0; i < pages; i++) tables.map(BASE + i * 4096, 0x200_0000 + frames[i] * 4096);
  mmu.setRoot(tables.root);
  const addressOf = (page: number): number => BASE + page * 4096 + (page % 64) * 64;
  const order = cycle(pages, 12_345);
  order.forEach((page, i) => {
    mmu.store32(addressOf(page), order[(i + 1) % pages]);
  });
  let page = order[0];
  const hop = (count: number): void => {
    for (let i = 0; i < count; i++) page = mmu.load32(addressOf(page));
  };
  hop(2 * pages);
  const before = cells[TSC];
  hop(10 * pages);
  return ((cells[TSC] - before) / (10 * pages)) * (1e9 / machine.frequencyHz);
}

/** The pages in one random cycle (Sattolo's algorithm). Seeded, so every figure is exact. */
function cycle(pages: number, seed: number): number[] {
  const order = Array.from({ length: pages }, (_, i) => i);
  let state = seed;
  for (let i = pages - 1; i > 0; i--) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const j = Math.floor((state / 2 ** 32) * i);
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}
