import { describe, expect, it } from 'vitest';
import { deadlines } from '../../examples/deadlines.js';

describe('a periodic task beside a file copy and two programs that compute', () => {
  it('meets every deadline by reservation, and misses many under MLFQ and round robin', () => {
    const reserved = deadlines('deadline', 6);
    expect(reserved.misses).toBe(0);
    expect(reserved.worstMs).toBeLessThan(2.2);
    expect(reserved.copiedKiB).toBeGreaterThan(1000);
    expect(deadlines('rr', 8).misses).toBeGreaterThan(0);
    expect(deadlines('mlfq', 8).misses).toBeGreaterThan(0);
  });
});
