import { NIL } from '@hotpath/hw-x86';
import { describe, expect, it } from 'vitest';
import { boot, type Kernel, O_CREAT, O_RDONLY, O_RDWR, type SystemCalls } from '../../src/index.js';
import type { LockClasses } from '../../src/locks/lock-classes.js';
import { type SleepLockPorts, SleepLocks } from '../../src/locks/sleep-locks.js';
import { Wait } from '../../src/vfs/file-system.js';

/** Locks of a kernel that does not run, and operations that are stepped by hand. */
function locksOf(kernel: Kernel, name = 'test', nests = false) {
  const { current, inheritance, locks, machine } = kernel.parts;
  let clock = 0;
  const ports: SleepLockPorts = {
    classes: locks.classes,
    inheritance,
    waits: { completed: () => {}, begin: () => 0 },
    now: () => clock,
    cpu: () => current.cpu.id,
  };
  expect(machine.cpus.length).toBeGreaterThan(0);
  return {
    locks: new SleepLocks(4, name, ports, nests),
    at: (time: number) => {
      clock = time;
    },
  };
}

function asker(locks: SleepLocks, log: string[], name: string, task: number = NIL) {
  const wait = new Wait({ completed: () => void operation.next() }, 0, task);
  let exclusive = false;
  const operation = (function* (): Generator<undefined, void, undefined> {
    yield* locks.acquire(wait, 0, exclusive);
    log.push(name);
  })();
  return (asExclusive: boolean) => {
    exclusive = asExclusive;
    operation.next();
  };
}

describe('a sleeping reader-writer lock', () => {
  it('lets a writer in before readers that come after it, and those in together', () => {
    const { locks, at } = locksOf(boot());
    const log: string[] = [];
    asker(locks, log, 'first reader')(false);
    asker(locks, log, 'writer')(true);
    asker(locks, log, 'second reader')(false);
    asker(locks, log, 'third reader')(false);
    expect(log).toEqual(['first reader']);
    expect(locks.waitingFor(0)).toBe(3);
    at(100);
    locks.release(0, NIL);
    expect(log).toEqual(['first reader', 'writer']);
    at(350);
    locks.release(0, NIL);
    expect(log).toEqual(['first reader', 'writer', 'second reader', 'third reader']);
    expect(locks.heldCount).toBe(2);
    locks.release(0, NIL);
    locks.release(0, NIL);
    expect(locks.heldCount).toBe(0);
    expect(() => locks.release(0, NIL)).toThrow(/nobody holds/);
  });

  it('counts who waited and how long it was held', () => {
    const kernel = boot();
    const { locks, at } = locksOf(kernel);
    const log: string[] = [];
    asker(locks, log, 'first')(true);
    at(40);
    asker(locks, log, 'second')(true);
    at(100);
    locks.release(0, NIL);
    at(130);
    locks.release(0, NIL);
    const known = kernel.parts.locks.classes.statistics().find(({ name }) => name === 'test');
    expect(known).toEqual({
      name: 'test',
      acquisitions: 2,
      contended: 1,
      waitCycles: 60,
      waitCyclesMax: 60,
      holdCycles: 130,
      holdCyclesMax: 100,
    });
  });

  it('is refused in an order that could deadlock, and under a spin lock', () => {
    const kernel = boot();
    const first = locksOf(kernel, 'first').locks;
    const second = locksOf(kernel, 'second').locks;
    const take = (locks: SleepLocks, task: number) => asker(locks, [], 'x', task)(true);
    take(first, 7);
    take(second, 7);
    first.release(0, 7);
    second.release(0, 7);
    take(second, 8);
    expect(() => take(first, 8)).toThrow(/possible deadlock: first before second, and now first/);
    const { current, locks } = kernel.parts;
    locks.taskList.acquire(current.cpu);
    expect(() => take(first, 9)).toThrow(/under a spin lock/);
    locks.taskList.release(current.cpu);
  });

  it('nests in itself only where its class says so', () => {
    const kernel = boot();
    const twice = (locks: SleepLocks) => {
      const operation = locks.acquire(new Wait({ completed: () => {} }, 0, 5), 0, true);
      operation.next();
      locks.acquire(new Wait({ completed: () => {} }, 0, 5), 1, true).next();
    };
    expect(() => twice(locksOf(kernel, 'flat').locks)).toThrow(/possible deadlock: flat/);
    twice(locksOf(kernel, 'tree of', true).locks);
  });
});

/** A low task in the middle of a long write, middling tasks that compute, a high one that wants in. */
function pathfinder(inherits: boolean, high: object, scheduler: string): number {
  const kernel = boot({ scheduler, pageCachePages: 64, disk: 'ssd' });
  if (!inherits) kernel.parts.inheritance.waits = () => {};
  let over = false;
  let waited = 0;
  const error = (report: { error: unknown; status: number | null }) => {
    if (report.error !== null) throw report.error;
    expect(report.status).toBe(0);
  };
  const low = kernel.spawn(
    'weather',
    function* (sys) {
      const heap = yield* sys.brk(0);
      yield* sys.brk(heap + 2 ** 23);
      const fd = yield* sys.open('bus', O_CREAT | O_RDWR);
      yield* sys.write(fd, heap, 2 ** 23);
    },
    { nice: 19 },
  );
  const hogs = [1, 2, 3].map((i) =>
    kernel.spawn(`communications ${i}`, function* (sys) {
      yield* sys.sleep(1_000_000);
      while (!over) yield* sys.compute(100_000);
    }),
  );
  const bus = kernel.spawn(
    'bus',
    function* (sys) {
      const heap = yield* sys.brk(0);
      yield* sys.brk(heap + 4096);
      const fd = yield* sys.open('bus', O_CREAT | O_RDWR);
      yield* sys.sleep(2_000_000);
      const start = yield* sys.clock();
      yield* sys.pwrite(fd, heap, 16, 0);
      waited = (yield* sys.clock()) - start;
      over = true;
    },
    high,
  );
  kernel.run();
  for (const report of [low, bus, ...hogs]) error(report);
  const { classes } = kernel.parts.locks;
  const contents = classes.statistics().find(({ name }) => name === 'file contents');
  expect(contents!.contended).toBe(1);
  if (inherits) expect(kernel.parts.inheritance.lendCount).toBeGreaterThan(0);
  expect(kernel.parts.inheritance.heldBy(low.task)).toBe(0);
  return waited;
}

describe('priority inheritance', () => {
  it.each<[string, object, string]>([
    ['a task of nice -20', { nice: -20 }, 'eevdf'],
    ['a task with a deadline', { reservation: { runtimeNs: 1e6, periodNs: 1e7 } }, 'deadline'],
  ])('keeps middling tasks from keeping %s waiting (Mars Pathfinder)', (_, high, scheduler) => {
    const with_ = pathfinder(true, high, scheduler);
    const without = pathfinder(false, high, scheduler);
    expect(with_).toBeGreaterThan(0);
    expect(without).toBeGreaterThan(4 * with_);
  });

  it('is passed on along a chain, taken back at the release, and leaves own nice values alone', () => {
    const kernel = boot();
    const { inheritance, scheduler, tasks } = kernel.parts;
    const idle = function* (sys: SystemCalls) {
      yield* sys.pause();
    };
    const [low, middle, high] = [19, 10, -15].map(
      (nice) => kernel.spawn(`nice ${nice}`, idle, { nice }).task,
    ) as [number, number, number];
    const nices = () => [low, middle, high].map((task) => scheduler.tasks.nice[task]);
    const { locks } = locksOf(kernel, 'chain', true);
    const take = (lock: number, task: number) => {
      const wait = new Wait({ completed: () => {} }, 0, task);
      locks.acquire(wait, lock, true).next();
    };
    take(0, low);
    take(1, middle);
    take(0, middle);
    expect(nices()).toEqual([10, 10, -15]);
    take(1, high);
    expect(nices()).toEqual([-15, -15, -15]);
    inheritance.setNice(low, 5);
    tasks.nice[low] = 5;
    expect(nices()).toEqual([-15, -15, -15]);
    locks.release(0, low);
    expect(nices()).toEqual([5, -15, -15]);
    expect(locks.ownerOf(0)).toBe(middle);
    locks.release(0, middle);
    locks.release(1, middle);
    expect(nices()).toEqual([5, 10, -15]);
    locks.release(1, high);
    expect(nices()).toEqual([5, 10, -15]);
  });
});

function classNamed(classes: LockClasses, name: string) {
  return classes.statistics().find((each) => each.name === name)!;
}

describe('the locks of files', () => {
  it('never give two threads that read through one descriptor the same bytes', () => {
    const kernel = boot({ pageCachePages: 32, cpus: 2 });
    const seen: number[] = [];
    const pages = 64;
    kernel.spawn('readers', function* (sys) {
      const heap = yield* sys.brk(0);
      yield* sys.brk(heap + 16 * 4096);
      const fd = yield* sys.open('numbers', O_CREAT | O_RDWR);
      for (let page = 0; page < pages; page++) {
        yield* sys.store32(heap, page);
        yield* sys.pwrite(fd, heap, 4096, page * 4096);
      }
      yield* sys.fsync(fd);
      const reader = (buffer: number) =>
        function* (own: SystemCalls) {
          while ((yield* own.read(fd, buffer, 4096)) === 4096) {
            seen.push(yield* own.load32(buffer));
          }
          yield* own.exitThread(0);
        };
      for (let i = 1; i <= 3; i++) yield* sys.thread(reader(heap + i * 4096));
      yield* sys.sleep(1e9);
    });
    kernel.run();
    expect(seen.length).toBe(pages);
    expect(new Set(seen).size).toBe(pages);
    expect(classNamed(kernel.parts.locks.classes, 'file position').contended).toBeGreaterThan(0);
  });

  it('keep one large write from mixing with another, and procfs tells of them', () => {
    const kernel = boot({ pageCachePages: 48 });
    const bytes = 100 * 4096;
    let text = '';
    const same: boolean[] = [];
    const writer = (value: number) =>
      function* (sys: SystemCalls) {
        const heap = yield* sys.brk(0);
        yield* sys.brk(heap + bytes);
        for (let at = 0; at < bytes; at += 4096) yield* sys.store32(heap + at, value);
        const fd = yield* sys.open('both', O_CREAT | O_RDWR);
        for (let i = 0; i < 3; i++) yield* sys.pwrite(fd, heap, bytes, 0);
      };
    kernel.spawn('ones', writer(1));
    kernel.spawn('twos', writer(2));
    kernel.run();
    const reader = kernel.spawn('reader', function* (sys) {
      const heap = yield* sys.brk(0);
      yield* sys.brk(heap + bytes);
      const fd = yield* sys.open('both', O_RDONLY);
      yield* sys.pread(fd, heap, bytes, 0);
      const first = yield* sys.load32(heap);
      for (let at = 0; at < bytes; at += 4096) same.push((yield* sys.load32(heap + at)) === first);
      const stat = yield* sys.open('/proc/lock_stat');
      const count = yield* sys.read(stat, heap, 8192);
      const into = new Uint8Array(count);
      yield* sys.loadBytes(heap, into);
      text = new TextDecoder().decode(into);
    });
    kernel.run();
    expect(reader.error).toBe(null);
    expect(same.every(Boolean)).toBe(true);
    const known = classNamed(kernel.parts.locks.classes, 'file contents');
    expect(known.contended).toBeGreaterThan(0);
    expect(text).toMatch(/^class name +contentions +waittime-max +waittime-total +acquisitions/);
    for (const name of ['run queue', 'task list', 'tree', 'directory', 'file position']) {
      expect(text).toContain(`\n${name} `);
    }
    expect(text).toMatch(
      new RegExp(`\nfile contents +${known.contended} +${known.waitCyclesMax} `),
    );
  });
});
