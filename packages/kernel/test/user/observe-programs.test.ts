import { describe, expect, it } from 'vitest';
import { runScript } from './support.js';

const WORK = 'dd if=/dev/zero of=f bs=64K count=20 conv=fsync 2> /dev/null';

describe('iostat', () => {
  it('shows the disk’s rates since boot, then since the last time, and stages', () => {
    const { kernel, output } = runScript(`${WORK}; iostat -l 0.1 2`, { observe: true });
    const rates = [...output.matchAll(/^root +(.*)$/gm)].map(([, cells]) =>
      cells.trim().split(/ +/).map(Number),
    );
    expect(rates.length).toBe(2);
    const [since, idle] = rates;
    expect(since[3]).toBeGreaterThan(1000);
    expect(since[6]).toBeGreaterThan(1);
    // Nothing was written between the two.
    expect(idle[3]).toBe(0);
    const own = kernel.observe.io
      .latencies()
      .find(({ operation, stage }) => operation === 'write' && stage === 'device')!;
    const row = /^write +device +(\d+) +([\d.]+)/m.exec(output)!;
    expect(Number(row[1])).toBeLessThanOrEqual(own.cycles.count);
    expect(Number(row[2])).toBeGreaterThan(1);
    for (const stage of ['queue', 'device', 'wake', 'total']) {
      expect(output).toMatch(new RegExp(`^flush +${stage} `, 'm'));
    }
  });
});

describe('lockstat and cachestat', () => {
  it('show the kernel’s own counts of locks', () => {
    const { kernel, output } = runScript('stress -c 4 -i 2 -t 0.02; lockstat', { cpus: 4 });
    const classes = kernel.parts.locks.classes.statistics();
    for (const { acquisitions, contended, holdCyclesMax, name } of classes) {
      const row = output.split('\n').find((line) => line.startsWith(`${name} `)) ?? '';
      const [taken, waited, , , , longest] = row.slice(name.length).trim().split(/ +/).map(Number);
      expect(taken).toBeLessThanOrEqual(acquisitions);
      expect(waited).toBeLessThanOrEqual(contended);
      const microseconds = (holdCyclesMax / kernel.parts.machine.frequencyHz) * 1e6;
      expect(longest).toBeLessThan(microseconds + 0.0011);
      if (name !== 'run queue') continue;
      expect(taken).toBeGreaterThan(50);
      expect(longest).toBeGreaterThan(0);
    }
  });

  it('show hits and misses of caches and the walks of each processor', () => {
    const { kernel, output } = runScript(`${WORK}; cat f | wc -c; cachestat`, {
      mode: 'full',
      cpus: 2,
    });
    const { caches, tlbs } = kernel.caches();
    const cells = (name: string): number[] =>
      output
        .split('\n')
        .find((line) => line.startsWith(name))!
        .slice(12)
        .trim()
        .split(/ +/)
        .map((cell) => Number(cell.replace('%', '')));
    for (const { hits, name } of caches) {
      const [shown, misses, ratio] = cells(name);
      expect(shown).toBeGreaterThan(0);
      expect(shown).toBeLessThanOrEqual(hits);
      expect(Math.abs(ratio - (100 * shown) / (shown + misses))).toBeLessThan(0.01);
    }
    for (const { cpu, loadWalks } of tlbs) {
      const walks = cells(`CPU ${cpu}`)[3];
      expect(walks).toBeGreaterThan(0);
      expect(walks).toBeLessThanOrEqual(loadWalks);
    }
  });
});

describe('perf why -c', () => {
  it('shows where calls spend their time', () => {
    const { output } = runScript(`${WORK}; perf why -c fsync write`, { observe: true });
    expect(output).toMatch(/^fsync: 1 calls, [\d.]+ ms, longest [\d.]+ ms\n +disk +/m);
    expect(output).toMatch(/^write: \d+ calls/m);
    expect(output).not.toMatch(/^open/m);
  });
});
