/**
 * What the disk profiles come to under load: simulated figures, the same on every machine.
 *
 * Run it: node --import tsx --conditions @hotpath/source packages/hw-x86/examples/disk-figures.ts
 */

import { createRequest, FLUSH, READ, TSC, WRITE } from '@hotpath/hw-x86';
import { createMachine, createModelDisk, DISK_PROFILES } from '@hotpath/hw-x86/model';

const BLOCKS = 1 << 28;

/** One load: what is asked, how many requests are in flight, how many are made. */
interface Load {
  readonly op: number;
  readonly depth: number;
  readonly count: number;
  readonly blockCount: number;
  /** First block of the i-th request. */
  readonly place: (i: number) => number;
}

/** Seconds of virtual time that a load takes on a disk of the named profile. */
export function secondsOf(name: string, load: Load): number {
  const machine = createMachine({ memoryBytes: 2 ** 22 });
  const disk = createModelDisk({
    profile: DISK_PROFILES[name],
    events: machine.events,
    clock: machine,
    frequencyHz: machine.frequencyHz,
    line: machine.interruptLine(0, 0x40),
    blockCount: BLOCKS,
  });
  let made = 0;
  const submit = (): void => {
    if (made === load.count) return;
    const { op, blockCount, place } = load;
    const request = createRequest(machine.memory, { completed: submit }, blockCount);
    const block = place(made++);
    Object.assign(request, { op, block, blockCount, segmentBytes: 4096 });
    request.segmentCount = op === FLUSH ? 0 : blockCount;
    for (let i = 0; i < blockCount; i++) request.segmentAddress[i] = i * 4096;
    disk.submit(request);
  };
  for (let i = 0; i < load.depth; i++) submit();
  machine.attach({
    step: (cpu) => void (cpu.halted = true),
    interrupt: () => void disk.reap(),
  });
  machine.run();
  return machine.cpus[0].cells[TSC] / machine.frequencyHz;
}

/** Scattered over the disk, the same in every run. */
function scattered(i: number): number {
  // Triangular numbers visit every remainder of a power of two; squares would miss most.
  return (((i * (i + 1)) / 2) * 179_424_673) % BLOCKS;
}

/** A line a profile: scattered 4 KiB reads and writes a second by depth, and reads of 1 MiB in order. */
export function diskFigures(): string[] {
  const rows = ['profile        read/s d1  read/s d32  write/s d1  stream MB/s'];
  for (const name of Object.keys(DISK_PROFILES)) {
    const rate = (op: number, depth: number, count: number): number =>
      count / secondsOf(name, { op, depth, count, blockCount: 1, place: scattered });
    const inOrder = (i: number): number => i * 256;
    const stream = { op: READ, depth: 8, count: 200, blockCount: 256, place: inOrder };
    const bytes = stream.count * stream.blockCount * 4096;
    const cells = [
      rate(READ, 1, 400).toFixed(0).padStart(9),
      rate(READ, 32, 2000).toFixed(0).padStart(10),
      rate(WRITE, 1, 400).toFixed(0).padStart(10),
      (bytes / secondsOf(name, stream) / 1e6).toFixed(0).padStart(11),
    ];
    rows.push(`${name.padEnd(13)} ${cells.join('  ')}`);
  }
  return rows;
}

for (const row of diskFigures()) console.log(row);
