/**
 * The stack of kernel functions that are under way: what a panic prints, and what a sampling profiler
 * reads when a charge crosses its deadline. Keeping it is a store and an increment for each function,
 * and no simulated cycle.
 */
import { assert } from '@hotpath/hw-x86';
import { SYS_LIMIT, systemCallName } from '../syscall/numbers.js';

/** Functions that may be under way at once, interrupts on top of them included. */
const DEPTH_LIMIT = 64;

/** Frames from here on are interrupt handlers: FRAME_INTERRUPT + vector. Below are system calls. */
export const FRAME_INTERRUPT = 1024;
/** Frames from here on are the functions of {@link NAMES}. */
const FRAME_NAMED = 1280;

const NAMES = [
  'schedule',
  'page_fault',
  'deliver_signals',
  'exit_task',
  'access_memory',
  'operation',
  'background_operation',
  'walk_path',
  'lookup_name',
  'rename',
  'page_transfer',
  'read_pages',
  'write_pages',
  'sync_pages',
  'truncate_pages',
  'punch_pages',
  'fork_space',
  'destroy_space',
  'reclaim',
  'page_cache',
  'block_cache',
  'page_allocator',
  'slab_allocator',
  'run_queue',
  'file_system',
  'ext2',
  'ext3',
  'extents',
  'tmpfs',
  'proc',
] as const;

/** Name of a kernel function that has a frame of its own. */
export type FrameName = (typeof NAMES)[number];

/** Frame of a function by its name; look it up once. */
export function frameNamed(name: FrameName): number {
  return FRAME_NAMED + NAMES.indexOf(name);
}

/** Frame of a file system by its type. */
export function fileSystemFrame(typeName: string): number {
  const name = NAMES.find((each) => each === typeName) ?? 'file_system';
  return frameNamed(name);
}

/** A frame as text: `sys_read`, `interrupt 33`, or the function's name. */
export function frameName(frame: number): string {
  if (frame >= FRAME_NAMED) return NAMES[frame - FRAME_NAMED] ?? `frame ${frame}`;
  if (frame >= FRAME_INTERRUPT) return `interrupt ${frame - FRAME_INTERRUPT}`;
  return `sys_${frame < SYS_LIMIT ? systemCallName(frame) : frame}`;
}

/** Frames of what does not run: kept by an operation that waits. */
export type ParkedFrames = Uint16Array;

const NOTHING: ParkedFrames = new Uint16Array(0);

/**
 * One per kernel: the model runs one processor at a time, and an interrupt or another processor's
 * handler comes on top of whoever caused it.
 *
 *   frames[0 .. depth - 1], outermost first; depth === 0 in a program's own code
 */
export class CallStack {
  /** Functions under way, outermost first; what lies at `depth` and above is old. */
  readonly frames = new Uint16Array(DEPTH_LIMIT);
  /** How many there are. */
  depth = 0;
  /** Called before each change, while a profiler runs: what time has passed belongs to what is there. */
  probe: (() => void) | null = null;

  /** A function begins: the depth before, for {@link CallStack.cut}. */
  push(frame: number): number {
    const { depth } = this;
    assert(depth < DEPTH_LIMIT, 'the stack of kernel functions is too deep');
    if (this.probe !== null) this.probe();
    this.frames[depth] = frame;
    this.depth = depth + 1;
    return depth;
  }

  /** The function that began at this depth has ended, and all that it called. */
  cut(depth: number): void {
    assert(depth >= 0 && depth <= this.depth, 'a function ends that is not under way');
    if (this.probe !== null) this.probe();
    this.depth = depth;
  }

  /** The function that began last has ended: for generators, whose depth changes while they wait. */
  pop(): void {
    this.cut(this.depth - 1);
  }

  /** Takes away the frames above a depth, of an operation that waits now. */
  park(depth: number): ParkedFrames {
    if (this.probe !== null) this.probe();
    const parked = this.depth === depth ? NOTHING : this.frames.slice(depth, this.depth);
    this.depth = depth;
    return parked;
  }

  /** Puts them back: the operation goes on. */
  resume(parked: ParkedFrames): void {
    for (let i = 0; i < parked.length; i++) this.push(parked[i]);
  }

  /** The functions under way by name, innermost first. */
  names(): string[] {
    return namesOf(this.frames.subarray(0, this.depth));
  }
}

/** Frames by name, innermost first. */
export function namesOf(frames: Uint16Array): string[] {
  return Array.from(frames, frameName).reverse();
}
