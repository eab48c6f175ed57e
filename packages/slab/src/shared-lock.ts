import { assert } from '@hotpath/hw-x86';

/** Tries before a waiter sleeps: a refill takes about as long. */
const SPINS = 200;

/*
 * A mutex in one word of shared memory (Drepper, "Futexes Are Tricky", mutex 3):
 * 0 free, 1 taken, 2 taken and somebody may sleep.
 */

/** Takes the lock; true when it had to wait. A thread that must not sleep (a page's) spins. */
export function lock(words: Int32Array, at: number): boolean {
  if (Atomics.compareExchange(words, at, 0, 1) === 0) return false;
  for (let spin = 0; spin < SPINS; spin += 1) {
    if (Atomics.load(words, at) === 0 && Atomics.compareExchange(words, at, 0, 1) === 0)
      return true;
  }
  while (Atomics.exchange(words, at, 2) !== 0) sleep(words, at);
  return true;
}

/** Gives the lock back and wakes one sleeper. */
export function unlock(words: Int32Array, at: number): void {
  const before = Atomics.exchange(words, at, 0);
  assert(before !== 0, 'only a lock that is held is given back');
  if (before === 2) Atomics.notify(words, at, 1);
}

function sleep(words: Int32Array, at: number): void {
  try {
    Atomics.wait(words, at, 2, 10);
  } catch {
    // A browser's main thread may not sleep: it goes on trying.
  }
}
