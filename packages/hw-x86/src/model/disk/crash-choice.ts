import { assert } from '../../errors.js';
import type { PendingWrite } from './pending-writes.js';

/** The whole write is lost. */
export const LOST = 0;
/** The whole write is on the medium. */
export const KEPT = 1;

/** What becomes of one pending write: LOST, KEPT, or, torn, one byte an atomic unit (1 is kept). */
export type Fate = typeof LOST | typeof KEPT | Uint8Array;

/** One fate for each pending write, in the order of application. */
export type Choice = readonly Fate[];

/**
 * Blocks that differ from what was durable, were this choice made, and a key: equal keys mean equal
 * disks, since it names for each atomic unit the write that won it. Arrays in the map may belong to the log and must not be changed.
 */
export interface CrashBlocks {
  readonly over: Map<number, Uint8Array>;
  readonly key: string;
}

/** Applies the kept parts in order over `readBase`. */
export function applyChoice(
  writes: readonly PendingWrite[],
  choice: Choice,
  blockBytes: number,
  atomicBytes: number,
  readBase: (block: number, target: Uint8Array) => void,
): CrashBlocks {
  assert(choice.length === writes.length, 'a choice has a fate for each pending write');
  const over = new Map<number, Uint8Array>();
  // For each block the write that won each of its units, or one number for all.
  const winners = new Map<number, number | number[]>();
  for (let w = 0; w < writes.length; w++) {
    const fate = choice[w];
    if (fate === LOST) continue;
    const { block, blockCount, live, data } = writes[w];
    for (let i = 0; i < blockCount; i++) {
      if (live[i] === 0) continue;
      const number = block + i;
      const source = data.subarray(i * blockBytes, (i + 1) * blockBytes);
      if (fate === KEPT) {
        over.set(number, source);
        winners.set(number, w);
        continue;
      }
      const units = fate.subarray(
        (i * blockBytes) / atomicBytes,
        ((i + 1) * blockBytes) / atomicBytes,
      );
      assert(units.length * atomicBytes === blockBytes, 'a torn fate covers whole blocks');
      if (units.every((kept) => kept === 0)) continue;
      const mixed = new Uint8Array(blockBytes);
      const under = over.get(number);
      if (under === undefined) readBase(number, mixed);
      else mixed.set(under);
      for (let u = 0; u < units.length; u++) {
        const from = u * atomicBytes;
        if (units[u] === 1) mixed.set(source.subarray(from, from + atomicBytes), from);
      }
      over.set(number, mixed);
      winners.set(number, mixWinners(winners.get(number) ?? BASE, units, w));
    }
  }
  const key = [...winners].sort((a, b) => a[0] - b[0]).join(';');
  return { over, key };
}

/** Winner of a unit that no pending write has reached. */
const BASE = -1;

/** Winners after write `w` has put its kept units over what was there. */
function mixWinners(under: number | number[], units: Uint8Array, w: number): number | number[] {
  const mixed = Array.from(units, (kept, u) => {
    if (kept === 1) return w;
    return typeof under === 'number' ? under : under[u];
  });
  return mixed.every((winner) => winner === mixed[0]) ? mixed[0] : mixed;
}

/** Whether some of the write survives. */
export function survives(fate: Fate): boolean {
  return typeof fate === 'number' ? fate === KEPT : fate.includes(1);
}
