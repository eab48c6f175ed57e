/**
 * Where time comes from: model cycles, or nanoseconds on the host. Cores never look at a wall
 * clock; who needs time is given one of these.
 */
export interface Clock {
  /** Never goes backwards. */
  now(): number;
}
