import { INSTRUCTIONS, TSC } from '@hotpath/hw-x86';
import { createMachine } from '@hotpath/hw-x86/model';
import { describe, expect, it } from 'vitest';
import { measureCosts } from '../examples/costs.js';
import { bootCurrent } from '../src/current.js';
import { boot } from '../src/index.js';
import { KernelPaths, PATH_FORK, PATH_SYSCALL } from '../src/kernel-paths.js';

describe('the kernel’s own instructions', () => {
  it('are charged by the functions of a path, as operations and as stalls', () => {
    const machine = createMachine({ cpus: 1 });
    const { cells } = machine.cpus[0]!;
    const paths = new KernelPaths(bootCurrent(machine.cpus[0]!), machine.meter);
    paths.pass(10);
    expect(cells[INSTRUCTIONS]).toBe(400);
    expect(cells[TSC]).toBe(10 * (40 / 4 + 25));
    paths.enterCall(9999);
    expect(cells[INSTRUCTIONS]).toBe(400 + PATH_SYSCALL * 40);
    expect(PATH_FORK).toBeGreaterThan(80);
  });

  it('are in the time of the kernel, not of the program', () => {
    const kernel = boot();
    const report = kernel.spawn('caller', function* (sys) {
      for (let i = 0; i < 1000; i++) yield* sys.getpid();
    });
    kernel.run();
    expect(report.time[1]).toBeGreaterThan(1000 * PATH_SYSCALL * 35);
    expect(report.time[0]).toBe(0);
  });
});

describe('simulated time against real machines', () => {
  it('lies within 2x of the range of the literature, at the points that nothing was fitted to', () => {
    const fitted = 'pread of 4 KiB, cached';
    const seen: string[] = [];
    for (const { name, real, simulatedNs } of measureCosts(1)) {
      if (!OF_THE_ISSUE.includes(name)) continue;
      seen.push(name);
      expect(simulatedNs, name).toBeGreaterThan(real[0] / 2);
      expect(simulatedNs, name).toBeLessThan(real[1] * 2);
    }
    expect(seen).toEqual(OF_THE_ISSUE);
    expect(seen).toContain(fitted);
    expect(seen.length).toBe(6);
  });
});

const OF_THE_ISSUE = [
  'null syscall (getpid)',
  'pread of 4 KiB, cached',
  'pipe ping-pong, one CPU',
  'anonymous page fault',
  'fault on a cached file page',
  'fork + exit + wait, 128 pages',
];
