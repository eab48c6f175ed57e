import { ByteCollector, type Profile, writeCollapsed } from '@hotpath/pmc-trace';
import { describe, expect, it } from 'vitest';
import { ext2Root } from '../../src/ext2/index.js';
import type { ProgramFactory } from '../../src/index.js';
import { type BootOptions, boot, type Kernel, O_CREAT, O_RDWR } from '../../src/index.js';
import { TIME_KINDS } from '../../src/task/cycle-accounts.js';

const PERIOD = 101;

/** A kernel that has run a program under the profiler. */
function profiled(
  program: ProgramFactory,
  options: BootOptions = {},
  waits = false,
): { kernel: Kernel; profile: Profile; time: Record<string, number>; task: number } {
  const kernel = boot({ observe: true, ...options });
  const report = kernel.spawn('program', program);
  kernel.observe.profile.begin({ period: PERIOD, task: report.task, free: true, waits });
  kernel.run();
  const profile = kernel.observe.profile.end()!;
  const time = Object.fromEntries(TIME_KINDS.map((kind, index) => [kind, report.time[index]]));
  return { kernel, profile, time, task: report.task };
}

/** Cycles that the samples of stacks which `isMeant` accepts stand for. */
function cyclesOf(profile: Profile, isMeant: (stack: readonly string[]) => boolean): number {
  const { tree } = profile;
  let sum = 0;
  for (let node = 1; node < tree.nodeCount; node++) {
    const stack = tree.stack(node).map((each) => tree.functionOf(each).name);
    if (isMeant(stack)) sum += tree.self(node);
  }
  return sum * profile.period;
}

function* mixed(sys: Parameters<ProgramFactory>[0]): ReturnType<ProgramFactory> {
  const heap = yield* sys.brk(0);
  yield* sys.brk(heap + 64 * 4096);
  for (let round = 0; round < 64; round++) {
    yield* sys.compute(5000);
    yield* sys.store32(heap + round * 4096, 1);
    for (let call = 0; call < 20; call++) {
      yield* sys.getpid();
      // The program's own time, right before it enters the kernel.
      yield* sys.compute(200);
    }
  }
}

describe('the profile of kernel functions', () => {
  it('agrees with the accounts of cycles by kind, to the period', () => {
    const { profile, time } = profiled(mixed);
    // The program's own loads and stores are its own time, but for their faults.
    const user = cyclesOf(
      profile,
      ([, ...kernel]) => kernel.length === 0 || kernel.join() === 'access_memory',
    );
    const fault = cyclesOf(profile, (stack) => stack.includes('page_fault'));
    const call = cyclesOf(profile, (stack) => stack.some((name) => /^sys_|^entry$/.test(name)));
    const near = (cycles: number, counted: number): void => {
      expect(counted).toBeGreaterThan(20 * PERIOD);
      expect(Math.abs(cycles - counted)).toBeLessThan(counted * 0.05 + 2 * PERIOD);
    };
    near(user, time['user']);
    near(fault, time['fault']);
    near(call, time['syscall']);
    // A sample for every period of the whole, no more and no fewer.
    const whole = ['user', 'fault', 'syscall', 'switch', 'interrupt', 'page walk'];
    const sum = whole.reduce((total, kind) => total + time[kind], 0);
    expect(Math.abs(cyclesOf(profile, () => true) - sum)).toBeLessThan(sum * 0.01 + 2 * PERIOD);
  });

  it('names call, operation, file system and caches of a read that misses', () => {
    const options = { root: ext2Root({ type: 'ext3' }), diskBytes: 2 ** 24 } as const;
    const { kernel, profile } = profiled(
      function* (sys) {
        const heap = yield* sys.brk(0);
        yield* sys.brk(heap + 65_536);
        const fd = yield* sys.open('/file', O_CREAT | O_RDWR, 0o644);
        for (let i = 0; i < 20; i++) yield* sys.write(fd, heap, 65_536);
        yield* sys.fsync(fd);
      },
      options,
      true,
    );
    const bytes = new ByteCollector();
    writeCollapsed(profile, bytes);
    const stacks = bytes.text();
    expect(stacks).toMatch(/^program;sys_fsync;.*write_pages;ext3/m);
    expect(stacks).toMatch(/^program;sys_fsync;.*ext3;block_cache \d+$/m);
    expect(stacks).toMatch(/^program;sys_write;.*page_cache \d+$/m);
    expect(stacks).toMatch(/^program;sys_fsync;.*\[wait: disk\] \d+$/m);
    kernel.checkInvariants();
  });

  it('shows what a task sleeps for, as long as the accounts say', () => {
    const { profile, time } = profiled(
      function* (sys) {
        yield* sys.compute(10_000);
        yield* sys.sleep(1_000_000);
      },
      {},
      true,
    );
    const slept = cyclesOf(profile, (stack) => stack.includes('[wait: sleep]'));
    expect(time['sleep']).toBeGreaterThan(3e6);
    expect(Math.abs(slept - time['sleep'])).toBeLessThan(2 * PERIOD);
    expect(cyclesOf(profile, (stack) => stack[1] === 'sys_nanosleep')).toBeGreaterThanOrEqual(
      slept,
    );
  });

  it('samples each CPU for as long as it works, and idle ones not', () => {
    const kernel = boot({ observe: true, cpus: 2 });
    for (const [name, cycles] of [
      ['long', 3_000_000],
      ['short', 1_000_000],
    ] as const) {
      kernel.spawn(name, function* (sys) {
        yield* sys.compute(cycles);
      });
    }
    kernel.observe.profile.begin({ period: PERIOD, free: true });
    kernel.run();
    const profile = kernel.observe.profile.end()!;
    const long = cyclesOf(profile, ([name]) => name === 'long');
    const short = cyclesOf(profile, ([name]) => name === 'short');
    expect(Math.abs(long - 3_000_000)).toBeLessThan(30_000);
    expect(Math.abs(short - 1_000_000)).toBeLessThan(30_000);
    expect(cyclesOf(profile, ([name]) => name === '[idle]')).toBeLessThan(60_000);
  });

  it('changes nothing when it is free, and costs an interrupt a sample when it is not', () => {
    const run = (free: boolean | null): Kernel => {
      const kernel = boot({ observe: true });
      kernel.spawn('program', mixed);
      if (free !== null) kernel.observe.profile.begin({ period: 10_000, free });
      kernel.run();
      return kernel;
    };
    const [without, free, charged] = [run(null), run(true), run(false)];
    expect(free.cycles).toBe(without.cycles);
    expect(free.parts.machine.hash()).toBe(without.parts.machine.hash());
    const samples = charged.observe.profile.end()!.tree.total;
    const { interruptCycles } = charged.parts.machine.numbers;
    const cost = charged.cycles - without.cycles;
    expect(samples).toBeGreaterThan(30);
    expect(cost).toBeGreaterThan((samples - 3) * interruptCycles);
    expect(cost).toBeLessThan((samples + 3) * interruptCycles * 1.1);
  });

  it('refuses a second profile and periods out of range', () => {
    const { profile } = boot({ observe: true }).observe;
    expect(() => profile.begin({ period: 99 })).toThrow('allowed');
    profile.begin();
    expect(() => profile.begin()).toThrow('one at a time');
    expect(profile.end()?.tree.total).toBe(0);
    expect(profile.end()).toBe(null);
  });
});
