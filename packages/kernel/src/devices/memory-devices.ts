/** null, zero, full and random: the devices of Linux's drivers/char/mem.c and random.c, by their rules. */
import { ENOSPC, OK, PAGE_BYTES, type VirtAddr } from '@hotpath/hw-x86';
import type { Call } from '../syscall/call.js';
import type { UserBytes } from '../syscall/user-bytes.js';
import { type CharacterDevice, type DeviceTable, deviceNumber } from '../vfs/character-device.js';

/** Reads the end, swallows everything. */
class NullDevice implements CharacterDevice {
  read(): number {
    return 0;
  }

  write(_call: Call, _buffer: VirtAddr, count: number): number {
    return count;
  }
}

/** Bytes that a generator puts into pages. */
class SourceDevice implements CharacterDevice {
  readonly #bytes: UserBytes;
  readonly #page = new Uint8Array(PAGE_BYTES);
  readonly #fill: (page: Uint8Array) => void;
  readonly #writeStatus: number;

  /** @param writeStatus - what write answers; OK for all bytes written */
  constructor(bytes: UserBytes, fill: (page: Uint8Array) => void, writeStatus: number) {
    this.#bytes = bytes;
    this.#fill = fill;
    this.#writeStatus = writeStatus;
  }

  read(call: Call, buffer: VirtAddr, count: number): number {
    while (call.done < count) {
      const length = Math.min(count - call.done, PAGE_BYTES);
      this.#fill(this.#page);
      const status = this.#bytes.store(call, buffer + call.done, this.#page, 0, length);
      if (status !== OK) return this.#bytes.settle(call, status);
      call.done += length;
    }
    return call.done;
  }

  write(_call: Call, _buffer: VirtAddr, count: number): number {
    return this.#writeStatus === OK ? count : this.#writeStatus;
  }
}

/** Enters null, zero, full, random and urandom. The random bytes follow from the seed. */
export function addMemoryDevices(table: DeviceTable, bytes: UserBytes, seed: number): void {
  const random = new SourceDevice(bytes, seededBytes(seed), OK);
  table.set(deviceNumber(1, 3), new NullDevice());
  table.set(deviceNumber(1, 5), new SourceDevice(bytes, (page) => page.fill(0), OK));
  table.set(deviceNumber(1, 7), new SourceDevice(bytes, (page) => page.fill(0), ENOSPC));
  table.set(deviceNumber(1, 8), random);
  table.set(deviceNumber(1, 9), random);
}

/** SplitMix32 (after Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014). */
function seededBytes(seed: number): (page: Uint8Array) => void {
  let state = seed >>> 0;
  return (page) => {
    const view = new DataView(page.buffer, page.byteOffset, page.byteLength);
    for (let at = 0; at < page.length; at += 4) {
      state = (state + 0x9e3779b9) >>> 0;
      let word = state;
      word = Math.imul(word ^ (word >>> 16), 0x21f0aaad);
      word = Math.imul(word ^ (word >>> 15), 0x735a2d97);
      view.setUint32(at, (word ^ (word >>> 15)) >>> 0, true);
    }
  };
}
