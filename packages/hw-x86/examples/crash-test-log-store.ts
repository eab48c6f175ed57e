/**
 * Crash-tests a small log-structured store: the store runs once on a recorded disk, and the crash
 * explorer then restarts it from every disk that a power cut could have left.
 *
 * Run it: node --import tsx --conditions @hotpath/source packages/hw-x86/examples/crash-test-log-store.ts
 */

import { type BlockDevice, createRequest, FLUSH, OK, READ, WRITE } from '@hotpath/hw-x86';
import {
  type CrashState,
  createArenaMemory,
  createMemoryDisk,
  createRecordingDevice,
  exploreCrashes,
  WriteLog,
} from '@hotpath/hw-x86/model';

const BLOCKS = 16;
const MAGIC = 0x106_570;

/** Which safety a store has; each is needed, as the explorer shows. */
export interface Safety {
  /** Flush before a put is acknowledged. */
  readonly flush: boolean;
  /** A checksum in every record, so that a torn one is not believed. */
  readonly checksum: boolean;
}

/**
 * One record a block, appended: magic and key in its first words, value and checksum in its last. The
 * last record of a key wins.
 */
export class LogStore {
  readonly #device: BlockDevice;
  readonly #safety: Safety;
  readonly #memory = createArenaMemory(4096);
  readonly #request = createRequest(this.#memory, { completed(): void {} }, 1);
  readonly #values = new Map<number, number>();
  #next = 0;

  /** Recovers: reads records until one is not valid. */
  constructor(device: BlockDevice, safety: Safety) {
    this.#device = device;
    this.#safety = safety;
    for (; this.#next < BLOCKS; this.#next++) {
      this.#transfer(READ, this.#next);
      const [magic, key, value, sum] = [0, 4, 4088, 4092].map((at) => this.#memory.load32(at));
      if (magic !== MAGIC || (safety.checksum && sum !== checksum(key, value))) break;
      this.#values.set(key, value);
    }
  }

  get(key: number): number | undefined {
    return this.#values.get(key);
  }

  put(key: number, value: number): void {
    this.#memory.store32(0, MAGIC);
    this.#memory.store32(4, key);
    this.#memory.store32(4088, value);
    this.#memory.store32(4092, checksum(key, value));
    this.#transfer(WRITE, this.#next++);
    if (this.#safety.flush) this.#transfer(FLUSH, 0);
    this.#values.set(key, value);
  }

  #transfer(op: number, block: number): void {
    const segmentCount = op === FLUSH ? 0 : 1;
    Object.assign(this.#request, { op, block, blockCount: 1, segmentCount, segmentBytes: 4096 });
    if (this.#device.submit(this.#request) !== OK) throw new Error('the disk failed');
  }
}

function checksum(key: number, value: number): number {
  return (Math.imul(key ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(value, 0xc2b2ae35)) >>> 0;
}

/** Runs the store once and explores what power cuts do to it. */
export function crashTest(safety: Safety): ReturnType<typeof exploreCrashes> {
  const log = new WriteLog(4096);
  const disk = createRecordingDevice(createMemoryDisk({ blockCount: BLOCKS }), log);
  const store = new LogStore(disk, safety);
  for (let i = 1; i <= 8; i++) {
    store.put(i % 3, 100 + i);
    log.mark(`${i % 3}=${100 + i}`);
  }
  const check = ({ disk: found, marks }: CrashState): string | null => {
    const recovered = new LogStore(found, safety);
    const promised = new Map(marks.map((mark) => mark.split('=').map(Number) as [number, number]));
    for (const [key, value] of promised) {
      const seen = recovered.get(key);
      // The put after the last mark may have happened: its value is allowed, an older one is not.
      const next = marks.length + 1;
      if (seen === value || (seen === 100 + next && key === next % 3)) continue;
      return `key ${key} is ${seen}, ${value} was acknowledged`;
    }
    for (const key of [0, 1, 2]) {
      const seen = recovered.get(key);
      if (seen !== undefined && (seen < 101 || seen > 108))
        return `key ${key} is ${seen}: half a record`;
    }
    return null;
  };
  return exploreCrashes(log, check, { blockCount: BLOCKS });
}

for (const safety of [
  { flush: false, checksum: true },
  { flush: true, checksum: false },
  { flush: true, checksum: true },
]) {
  const report = crashTest(safety);
  console.log(`flush ${safety.flush}, checksum ${safety.checksum}: ${report.states} states tried`);
  console.log(report.failure === null ? 'nothing is ever lost' : report.failure.story);
}
