import { oneRing } from './one-ring.js';

export const contestant = oneRing('one ring, Atomics.add on its head', 'one-ring-atomic');
