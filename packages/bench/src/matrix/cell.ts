/** One cell of a matrix: a recording's page accesses under one choice of everything. */
import type { PolicyName } from '@hotpath/blockcache';
import { assert, DTLB_LOAD_WALKS, DTLB_STORE_WALKS, GIB, isErrno, MIB, NIL } from '@hotpath/hw-x86';
import { boot, directAddress, type Kernel, type Program, type SystemCalls } from '@hotpath/kernel';
import { quantile } from '../harness/statistics.js';
import { loadKeys } from '../traces/recordings.js';

/** Everything that decides a cell's result. */
export interface CellChoice {
  readonly trace: string;
  /** Page accesses that are replayed, from the start of the recording. */
  readonly accesses: number;
  readonly seed: number;
  readonly eviction: PolicyName;
  readonly scheduler: string;
  /** `4K`, `2M` or `1G`: pages of the buffer that blocks are copied to. */
  readonly page: string;
  readonly disk: string;
}

/** What came out; simulated, full mode, exact. */
export interface CellResult {
  readonly schema: 'hotpath-matrix/1';
  /** Names the cell: all of its choice. */
  readonly key: string;
  readonly choice: CellChoice;
  readonly hits: number;
  readonly misses: number;
  readonly hitRate: number;
  /** Virtual time until the last access was done. */
  readonly seconds: number;
  readonly cycles: number;
  readonly tlbMisses: number;
  readonly switches: number;
  /** From a due time of the waiting task to its first instruction, microseconds. */
  readonly wakeP50Us: number;
  readonly wakeP99Us: number;
  readonly wakeMaxUs: number;
}

const WORKERS = 4;
/** Cycles that a worker computes on each page, 50 us: about what a block takes to come from NVMe. */
const COMPUTE_CYCLES = 200_000;
const FIRST_BLOCK = 4096;
/** Blocks that the mounted file layer keeps pinned. */
const PINNED_BLOCKS = 8;
const BUFFER_BYTES = 64 * MIB;
const PAGE_BYTES: Readonly<Record<string, number>> = { '4K': 4096, '2M': 2 * MIB, '1G': GIB };
/** The waiting task sleeps so long between two looks at the clock. */
const WAIT_NS = 500_000;

/** The name of a cell. */
export function cellKey(choice: CellChoice): string {
  const { trace, accesses, seed, eviction, scheduler, page, disk } = choice;
  return [trace, accesses, `seed${seed}`, eviction, scheduler, page, disk].join('/');
}

/**
 * Four workers share the recording: each takes the next access, gets its block from the block cache,
 * copies it to its place in a buffer of 64 MiB and computes on it. Beside them a task wakes every half
 * millisecond, as an interactive program does, and notes how late.
 */
export function runCell(choice: CellChoice): CellResult {
  const stream = loadKeys(choice.trace);
  const count = Math.min(choice.accesses, stream.keys.length);
  const keys = stream.keys.subarray(0, count);
  const unique = new Set(keys).size;
  const pageBytes = PAGE_BYTES[choice.page]!;
  const kernel = boot({
    ...{ seed: choice.seed, mode: 'full', disk: choice.disk, eviction: choice.eviction },
    scheduler: choice.scheduler,
    memoryBytes: pageBytes === GIB ? 4 * GIB : 512 * MIB,
    diskBytes: (FIRST_BLOCK + stream.uniqueCount) * 4096,
    blockCacheBlocks: Math.max(16, Math.floor(unique / 10)) + PINNED_BLOCKS,
  });
  const { blocks, current, machine, scheduler } = kernel.parts;
  const buffer = allocateBuffer(kernel, pageBytes);
  const before = { hits: blocks.counts.hits, misses: blocks.counts.misses };
  const started = kernel.cycles;
  const state = { next: 0, working: WORKERS, late: [] as number[] };
  const tasks = Array.from({ length: WORKERS }, (_, index) =>
    kernel.spawn(
      `worker-${index}`,
      (sys) => work(sys, kernel, { keys, writes: stream.writes, buffer, state }),
      { kernelThread: true },
    ),
  );
  tasks.push(kernel.spawn('waiter', (sys) => wait(sys, state)));
  kernel.run();
  for (const { error, status } of tasks) {
    if (error !== null) throw error;
    assert(status === 0, 'a task of the matrix did not end well');
  }
  const hits = blocks.counts.hits - before.hits;
  const misses = blocks.counts.misses - before.misses;
  const cycles = kernel.cycles - started;
  const late = (fraction: number): number => quantile(state.late, fraction) / 1000;
  const { cells } = current.cpu;
  return {
    schema: 'hotpath-matrix/1',
    key: cellKey(choice),
    choice,
    hits,
    misses,
    hitRate: hits / (hits + misses),
    seconds: cycles / machine.frequencyHz,
    cycles,
    tlbMisses: cells[DTLB_LOAD_WALKS] + cells[DTLB_STORE_WALKS],
    switches: scheduler.switches.reduce((sum, switches) => sum + switches, 0),
    wakeP50Us: late(0.5),
    wakeP99Us: late(0.99),
    wakeMaxUs: late(1),
  };
}

function allocateBuffer({ parts: { vmalloc } }: Kernel, pageBytes: number): number {
  const buffer =
    pageBytes === 4096
      ? vmalloc.vmalloc(BUFFER_BYTES)
      : vmalloc.vmallocHuge(Math.max(BUFFER_BYTES, pageBytes), pageBytes);
  assert(buffer !== NIL, 'no memory for the buffer of the matrix');
  return buffer;
}

interface Shared {
  readonly keys: Uint32Array;
  readonly writes: Uint8Array;
  readonly buffer: number;
  readonly state: { next: number; working: number; late: number[] };
}

function* work(sys: SystemCalls, kernel: Kernel, shared: Shared): Program {
  const { blocks, current, rootDevice } = kernel.parts;
  const { keys, writes, buffer, state } = shared;
  while (state.next < keys.length) {
    const index = state.next++;
    const slot = yield* sys.getBlock(rootDevice, FIRST_BLOCK + keys[index]);
    assert(!isErrno(slot), 'a block of the recording cannot be read');
    const place = buffer + ((keys[index] * 4096) % BUFFER_BYTES);
    const { mmu } = current.cpu;
    const from = mmu.translate(directAddress(blocks.address(slot)), 0);
    assert(mmu.copyTo(place, from, 4096) === 4096, 'the buffer of the matrix is not mapped');
    if (writes[index] === 1) blocks.markDirty(slot);
    blocks.release(slot);
    yield* sys.compute(COMPUTE_CYCLES);
  }
  state.working -= 1;
}

function* wait(sys: SystemCalls, state: Shared['state']): Program {
  while (state.working > 0 || state.late.length === 0) {
    const due = (yield* sys.clock()) + WAIT_NS;
    yield* sys.sleep(WAIT_NS);
    state.late.push((yield* sys.clock()) - due);
  }
}
