import { describe, expect, it } from 'vitest';
import { ext2Root } from '../../src/ext2/index.js';
import { boot, type Kernel, O_CREAT, O_RDWR } from '../../src/index.js';

/** A kernel that has written and read back a file on a disk of this kind. */
function afterIo(disk: string, observe: boolean): Kernel {
  const options = {
    root: ext2Root({ type: 'ext3' }),
    diskBytes: 2 ** 25,
    pageCachePages: 64,
  } as const;
  const kernel = boot({ ...options, disk, observe });
  kernel.spawn('io', function* (sys) {
    const heap = yield* sys.brk(0);
    yield* sys.brk(heap + 65_536);
    const fd = yield* sys.open('/file', O_CREAT | O_RDWR, 0o644);
    for (let i = 0; i < 30; i++) yield* sys.write(fd, heap, 65_536);
    yield* sys.fsync(fd);
    for (let i = 0; i < 30; i++) yield* sys.pread(fd, heap, 4096, ((i * 7) % 30) * 65_536);
  });
  kernel.run();
  return kernel;
}

describe.each(['nvme', 'hdd'])('the stages of requests of a disk (%s)', (disk) => {
  it('add up to the whole, and agree with the disk’s own totals', () => {
    const kernel = afterIo(disk, true);
    const { io } = kernel.observe;
    const totals = io.totals();
    const own = kernel.parts.disk.totals();
    const [reads, writes, flushes] = totals.requests;
    // The disk has counted from before the observer on: formatting and mounting are in both.
    expect([reads, writes, flushes]).toEqual([own.reads, own.writes, own.flushes]);
    expect(totals.blocks[0]).toBe(own.blocksRead);
    expect(totals.blocks[1]).toBe(own.blocksWritten);
    expect(totals.waitCycles).toBe(own.waitCycles);
    expect(totals.inFlight).toBe(0);
    expect(totals.busyCycles).toBeLessThanOrEqual(kernel.cycles);
    expect(totals.busyCycles).toBeLessThanOrEqual(totals.waitCycles);
    for (const operation of ['read', 'write', 'flush'] as const) {
      const stages = new Map(
        io
          .latencies()
          .filter((each) => each.operation === operation)
          .map(({ cycles, stage }) => [stage, cycles]),
      );
      const sum = (['cache', 'queue', 'device', 'wake'] as const).reduce(
        (total, stage) => total + (stages.get(stage)?.sum ?? 0),
        0,
      );
      expect(stages.get('total')!.count).toBeGreaterThan(0);
      expect(sum).toBe(stages.get('total')!.sum);
      expect(stages.get('device')!.mean).toBeGreaterThan(0);
    }
  });

  it('finds requests that wait for a head in the queue, and none on flash that has room', () => {
    const stages = afterIo(disk, true).observe.io.latencies();
    const queued = stages.find(
      ({ operation, stage }) => operation === 'read' && stage === 'queue',
    )!;
    const device = stages.find(
      ({ operation, stage }) => operation === 'read' && stage === 'device',
    )!;
    if (disk === 'nvme') expect(queued.cycles.high).toBe(0);
    else {
      // Read-ahead asks for more than one at once; one head serves one after the other.
      expect(queued.cycles.high).toBeGreaterThan(0);
      expect(device.cycles.mean).toBeGreaterThan(1e6);
    }
  });

  it('does not take a block that was made new for one that waited to be read', () => {
    const kernel = boot({
      root: ext2Root({ type: 'ext3' }),
      diskBytes: 2 ** 25,
      disk,
      observe: true,
      blockCacheBlocks: 256,
    });
    const made = kernel.spawn('make', function* (sys) {
      for (let i = 0; i < 600; i++) yield* sys.mkdir(`/${i}`, 0o755);
      yield* sys.sync();
      yield* sys.sleep(10e9);
      for (let i = 0; i < 600; i++) expect(yield* sys.rmdir(`/${i}`)).toBe(0);
    });
    kernel.run();
    expect(made.status).toBe(0);
    const cache = kernel.observe.io
      .latencies()
      .find(({ operation, stage }) => operation === 'read' && stage === 'cache')!;
    // Ten seconds lie between; a miss asks the disk within microseconds.
    expect(cache.cycles.high).toBeLessThan(1e7);
  });

  it('changes nothing of the run', () => {
    const [plain, observed] = [afterIo(disk, false), afterIo(disk, true)];
    expect(observed.cycles).toBe(plain.cycles);
    expect(observed.parts.machine.hash()).toBe(plain.parts.machine.hash());
  });
});
