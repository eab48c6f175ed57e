import {
  type BlockDevice,
  type BlockRequest,
  checkRequest,
  OK,
  PENDING,
  READ,
  WRITE,
} from '@hotpath/hw-x86';
import { describe, expect, test, vi } from 'vitest';
import { createArenaMemory } from '../../src/arena/arena-memory.js';
import { createMemoryDisk } from '../../src/arena/memory-disk.js';
import { blockDeviceConformance } from '../../src/conformance/block-device.js';
import { clockConformance } from '../../src/conformance/clock.js';
import { memoryConformance } from '../../src/conformance/memory.js';

test('the third model of the example passes every case', async () => {
  const lines: string[] = [];
  const log = vi.spyOn(console, 'log').mockImplementation((line: string) => void lines.push(line));
  const { thirdModelSuite } = await import('../../examples/third-model.js');
  log.mockRestore();
  expect(lines).toEqual([
    `${thirdModelSuite().length} of ${thirdModelSuite().length} promises hold`,
  ]);
  for (const { run } of thirdModelSuite()) await run();
});

/** Titles of the cases that a device with a defect fails. */
async function failures(make: (raise: () => void) => BlockDevice): Promise<string[]> {
  let raised = 0;
  const suite = blockDeviceConformance(() => ({
    device: make(() => void raised++),
    memory: createArenaMemory(2 ** 22),
    raised: () => raised,
    progress: () => Promise.resolve(),
  }));
  const failed: string[] = [];
  for (const { name, run } of suite) {
    await run().catch(() => void failed.push(name));
  }
  return failed;
}

/** A disk that is right but for what is overridden. */
function brokenDisk(
  change: (disk: BlockDevice, done: BlockRequest[]) => Partial<BlockDevice>,
): BlockDevice {
  const inner = createMemoryDisk({ blockCount: 64 });
  const done: BlockRequest[] = [];
  const base: BlockDevice = {
    blockBytes: 4096,
    blockCount: 64,
    volatileCache: false,
    readOnly: false,
    submit(request) {
      const status = checkRequest(this, request);
      if (status !== OK) return status;
      inner.submit(request);
      done.push(request);
      return PENDING;
    },
    reap() {
      let count = 0;
      for (let next = done.shift(); next !== undefined; next = done.shift()) {
        count++;
        next.sink.completed(next.tag, OK);
      }
      return count;
    },
  };
  return Object.assign(base, change({ ...base }, done));
}

describe('the suite finds', () => {
  const cases: [string, Parameters<typeof brokenDisk>[0], RegExp][] = [
    [
      'a sink called from inside submit',
      (disk) => ({
        submit(request) {
          const status = disk.submit(request);
          this.reap?.();
          return status;
        },
      }),
      /never called from inside submit/,
    ],
    [
      'a sink called twice',
      (_, done) => ({
        reap() {
          const all = done.splice(0);
          for (const r of [...all, ...all]) r.sink.completed(r.tag, OK);
          return all.length * 2;
        },
      }),
      /exactly once/,
    ],
    [
      'a reap that miscounts',
      (disk) => ({ reap: () => disk.reap() + 1 }),
      /nothing finished calls nobody/,
    ],
    [
      'a sink called for what submit has answered',
      (disk) => ({
        submit: (request) => (disk.submit(request) === PENDING ? OK : PENDING),
      }),
      /what submit has answered/,
    ],
    [
      'a device that is full',
      (disk, done) => ({ submit: (r) => (done.length > 100 ? -16 : disk.submit(r)) }),
      /never full/,
    ],
    [
      'a device that loses requests',
      (disk) => {
        let count = 0;
        return { submit: (r) => (++count % 7 === 0 ? PENDING : disk.submit(r)) };
      },
      /exactly once/,
    ],
    [
      'an off-by-one at the end',
      (disk) => ({
        submit(r) {
          return r.block === 63 && r.blockCount === 1 ? -6 : disk.submit(r);
        },
      }),
      /first and the last block/,
    ],
    [
      'a device that ignores all but the first segment',
      (disk) => ({
        submit(r) {
          if (r.op !== READ || r.segmentCount < 2 || r.block > 60) return disk.submit(r);
          const short = { ...r, segmentCount: 1, blockCount: 1 };
          return r.segmentBytes === 4096 ? disk.submit(short) : disk.submit(r);
        },
      }),
      /segments may lie apart/,
    ],
    [
      'a device that changes the request',
      (disk) => ({
        submit(r) {
          const status = disk.submit(r);
          if (r.op === READ && r.tag === 77) r.block++;
          return status;
        },
      }),
      /not changed by the device/,
    ],
    [
      'a write that spills over its neighbour',
      (disk) => ({
        submit(r) {
          if (r.op === WRITE && r.blockCount === 2) disk.submit({ ...r, block: r.block + 1 });
          return disk.submit(r);
        },
      }),
      /leaves its neighbours alone/,
    ],
  ];
  test.each(cases)('%s', async (_, change, title) => {
    const failed = await failures(() => brokenDisk(change));
    expect(
      failed.some((name) => title.test(name)),
      failed.join('; '),
    ).toBe(true);
  });

  test('nothing in the disk that is right but for the line, save the line', async () => {
    expect(await failures(() => brokenDisk(() => ({})))).toEqual([
      'the line is raised when reap has work',
    ]);
  });

  test('a clock that goes back or stands still', async () => {
    let time = 1e6;
    const back = clockConformance(() => ({
      clock: { now: () => --time },
      advance: (): void => {},
    }));
    const still = clockConformance(() => ({ clock: { now: () => 5 }, advance: (): void => {} }));
    const failed = async (suite: typeof back): Promise<string[]> => {
      const names: string[] = [];
      for (const { name, run } of suite) await run().catch(() => void names.push(name));
      return names;
    };
    expect(await failed(back)).toContain('time never goes backwards');
    expect(await failed(still)).toEqual(['time goes on when time passes']);
  });

  test('a memory whose copy does not mind overlap, or whose words are signed', async () => {
    const naive = memoryConformance(() => {
      const memory = createArenaMemory(2 ** 17);
      memory.copy = (to, from, byteCount) => {
        for (let i = 0; i < byteCount; i++) memory.store8(to + i, memory.load8(from + i));
      };
      return memory;
    });
    const signed = memoryConformance(() => {
      const memory = createArenaMemory(2 ** 17);
      const load32 = memory.load32.bind(memory);
      memory.load32 = (address) => load32(address) | 0;
      return memory;
    });
    const failed = async (suite: typeof naive): Promise<string> => {
      const names: string[] = [];
      for (const { name, run } of suite) await run().catch(() => void names.push(name));
      return names.join('; ');
    };
    expect(await failed(naive)).toContain('overlap');
    expect(await failed(signed)).toContain('unsigned');
  });
});
