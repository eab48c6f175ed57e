import { oneRing } from './one-ring.js';

export const contestant = oneRing(
  'one ring, plain head++',
  'one-ring-plain',
  'two threads take the same slot, and one of the events is gone',
);
