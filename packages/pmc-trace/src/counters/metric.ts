import { ArgumentError } from '@hotpath/hw-x86';
import type { CounterEventName } from './event-table.js';

/**
 * Names a user asks for: an event, or a sum of events that the manuals list apart. `dtlb-misses` is
 * load plus store walks.
 */
export type CounterName = CounterEventName | 'dtlb-misses';

/** The five of every profile: cycles, instructions, LLC misses, branch misses, dTLB misses. */
export const FIVE_COUNTERS: readonly CounterName[] = [
  'cycles',
  'instructions',
  'llc-misses',
  'branch-misses',
  'dtlb-misses',
];

/** The events whose sum a name stands for. */
export function eventsOf(name: CounterName): readonly CounterEventName[] {
  return name === 'dtlb-misses' ? ['dtlb-load-walks', 'dtlb-store-walks'] : [name];
}

function quotient(over: string, under: string, factor: number) {
  return (names: readonly string[], values: ArrayLike<number>): number => {
    const top = names.indexOf(over);
    const bottom = names.indexOf(under);
    if (top < 0 || bottom < 0) {
      throw new ArgumentError(
        'ERR_COUNTER_GROUP',
        `counters are ${names.join(', ')}; needed: ${over}, ${under}`,
      );
    }
    return values[bottom] === 0 ? 0 : (values[top] / values[bottom]) * factor;
  };
}

/**
 * Instructions per cycle of a reading; 0 where no cycle was counted.
 * @throws ArgumentError ERR_COUNTER_GROUP unless both are among the names
 */
export const instructionsPerCycle = quotient('instructions', 'cycles', 1);
/** LLC misses per thousand instructions of a reading. @throws ArgumentError ERR_COUNTER_GROUP */
export const llcMissesPerThousand = quotient('llc-misses', 'instructions', 1000);
/** Branch misses per thousand instructions of a reading. @throws ArgumentError ERR_COUNTER_GROUP */
export const branchMissesPerThousand = quotient('branch-misses', 'instructions', 1000);
/** dTLB misses per thousand instructions of a reading. @throws ArgumentError ERR_COUNTER_GROUP */
export const dtlbMissesPerThousand = quotient('dtlb-misses', 'instructions', 1000);
