/** A video and someone who types, beside big file copies, under each scheduler. */

import { assert, isErrno } from '@hotpath/hw-x86';
import {
  boot,
  type Kernel,
  O_CREAT,
  O_RDWR,
  type Program,
  SEEK_SET,
  type SystemCalls,
} from '@hotpath/kernel';
import { Random } from '../../harness/random.js';
import { quantile } from '../../harness/statistics.js';
import { SMALL_MEMORY } from './small-memory.js';

const MS = 1e6;
const FRAMES = 14;
const FRAME_MS = 33;
const FRAME_WORK_MS = 4;
const KEYS = 10;
const KEY_WORK_MS = 1;
const COPIES = 3;
const FILE_BYTES = 512 * 1024;
const CHUNK_BYTES = 16 * 1024;
/** Checksum and compression of a chunk: what makes a copy hungry for the CPU. */
const CHUNK_WORK_MS = 2;

/** Schedulers that are compared. */
export const DESKTOP_SCHEDULERS = ['rr', 'mlfq', 'cfs', 'eevdf'] as const;

/** What a scheduler made of it; milliseconds of virtual time. */
export interface DesktopResult {
  readonly scheduler: string;
  readonly frames: number;
  /** Frames that were not ready when the next was due. */
  readonly framesMissed: number;
  readonly frameLateMaxMs: number;
  readonly keys: number;
  /** From a key to the end of its work. */
  readonly keyMedianMs: number;
  readonly keyMaxMs: number;
  readonly copiedMegabytesPerSecond: number;
  readonly switches: number;
}

/** One CPU, flat mode: a video of 4 ms a frame, keys every 20 to 80 ms, three copies of a file. */
export function measureDesktop(seed: number): DesktopResult[] {
  return DESKTOP_SCHEDULERS.map((scheduler) => run(seed, scheduler));
}

interface Desk {
  readonly late: number[];
  readonly answers: number[];
  watching: boolean;
  copiedBytes: number;
}

function run(seed: number, scheduler: string): DesktopResult {
  const kernel = boot({ memoryBytes: SMALL_MEMORY, seed, scheduler });
  const desk: Desk = { late: [], answers: [], watching: true, copiedBytes: 0 };
  const cyclesOfMs = kernel.parts.machine.frequencyHz / 1000;
  const tasks = [
    ...Array.from({ length: COPIES }, (_, index) =>
      kernel.spawn(`copy-${index}`, (sys) => copy(sys, index, desk, CHUNK_WORK_MS * cyclesOfMs)),
    ),
    kernel.spawn('video', (sys) => video(sys, desk, FRAME_WORK_MS * cyclesOfMs)),
    kernel.spawn('typing', (sys) => typing(sys, desk, KEY_WORK_MS * cyclesOfMs, seed)),
  ];
  kernel.run();
  for (const { error, status } of tasks) {
    if (error !== null) throw error;
    assert(status === 0, 'a program of the desktop did not end well');
  }
  return resultOf(kernel, scheduler, desk);
}

function resultOf(kernel: Kernel, scheduler: string, desk: Desk): DesktopResult {
  const { late, answers, copiedBytes } = desk;
  const seconds = kernel.cycles / kernel.parts.machine.frequencyHz;
  return {
    scheduler,
    frames: late.length,
    framesMissed: late.filter((ns) => ns > 0).length,
    frameLateMaxMs: Math.max(0, ...late) / MS,
    keys: answers.length,
    keyMedianMs: quantile(answers, 0.5) / MS,
    keyMaxMs: quantile(answers, 1) / MS,
    copiedMegabytesPerSecond: copiedBytes / 1e6 / seconds,
    switches: kernel.parts.scheduler.switches.reduce((sum, count) => sum + count, 0),
  };
}

function* video(sys: SystemCalls, desk: Desk, work: number): Program {
  let due = (yield* sys.clock()) + FRAME_MS * MS;
  for (let frame = 0; frame < FRAMES; frame++) {
    yield* sys.compute(work);
    const now = yield* sys.clock();
    desk.late.push(now - due);
    if (now < due) yield* sys.sleep(due - now);
    due += FRAME_MS * MS;
  }
  desk.watching = false;
}

function* typing(sys: SystemCalls, desk: Desk, work: number, seed: number): Program {
  const random = new Random(seed);
  for (let key = 0; key < KEYS; key++) {
    const pause = (20 + random.below(61)) * MS;
    const pressed = (yield* sys.clock()) + pause;
    yield* sys.sleep(pause);
    yield* sys.compute(work);
    desk.answers.push((yield* sys.clock()) - pressed);
  }
}

/** Reads a file chunk by chunk, works on the chunk, writes it to another, until the film is over. */
function* copy(sys: SystemCalls, index: number, desk: Desk, work: number): Program {
  const buffer = yield* sys.brk(0);
  yield* sys.brk(buffer + CHUNK_BYTES);
  const from = yield* sys.open(`from-${index}`, O_CREAT | O_RDWR);
  const to = yield* sys.open(`to-${index}`, O_CREAT | O_RDWR);
  assert(!isErrno(from) && !isErrno(to), 'a copy cannot open its files');
  for (let at = 0; at < FILE_BYTES; at += CHUNK_BYTES) yield* sys.write(from, buffer, CHUNK_BYTES);
  while (desk.watching) {
    yield* sys.lseek(from, 0, SEEK_SET);
    yield* sys.lseek(to, 0, SEEK_SET);
    for (let at = 0; at < FILE_BYTES && desk.watching; at += CHUNK_BYTES) {
      yield* sys.read(from, buffer, CHUNK_BYTES);
      yield* sys.compute(work);
      yield* sys.write(to, buffer, CHUNK_BYTES);
      desk.copiedBytes += CHUNK_BYTES;
    }
    yield* sys.fsync(to);
  }
}
