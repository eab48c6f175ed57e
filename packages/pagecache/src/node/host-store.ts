import {
  closeSync,
  fsync,
  fsyncSync,
  ftruncate,
  ftruncateSync,
  read,
  readSync,
  readv,
  readvSync,
  write,
  writev,
  writevSync,
} from 'node:fs';
import { assert, type Completion, EIO, ENOSYS, OK, PENDING } from '@hotpath/hw-x86';
import type { BackingStore } from '../ports.js';
import { errnoOf } from './file-error.js';
import type { FrameArena } from './frame-arena.js';

type Done = (error: Error | null, count: number) => void;

/**
 * Backing store over host files. A transfer runs at once through Node's synchronous calls while
 * `synchronous` is set, and on Node's thread pool otherwise. Pages go straight between file and
 * frames; frames in sequence make one buffer.
 */
export class HostStore implements BackingStore {
  /** Node has no call that punches holes. */
  readonly canPunch = false;
  /** Transfers finish inside the call. */
  synchronous = false;
  private readonly arena: FrameArena;
  private readonly descriptors: Map<number, number> = new Map();
  private readonly after: () => void;

  /** @param after - called after each completion, outside any call of the cache */
  constructor(arena: FrameArena, after: () => void) {
    this.arena = arena;
    this.after = after;
  }

  /** Says which descriptor a file of the cache means. */
  attach(file: number, descriptor: number): void {
    this.descriptors.set(file, descriptor);
  }

  /** Forgets a file and closes its descriptor. */
  detach(file: number): void {
    const descriptor = this.descriptorOf(file);
    this.descriptors.delete(file);
    closeSync(descriptor);
  }

  readPages(
    file: number,
    page: number,
    frames: Float64Array,
    count: number,
    sink: Completion,
    tag: number,
  ): number {
    const descriptor = this.descriptorOf(file);
    const buffers = this.gather(frames, count, count * 4096);
    const position = page * 4096;
    if (this.synchronous) return readAllSync(descriptor, buffers, position);
    this.readAll(descriptor, buffers, position, (status) => this.tell(sink, tag, status));
    return PENDING;
  }

  /** Reads `length` bytes into `target[start ..]` past the cache; zeros beyond the end. OK or an errno. */
  readSync(
    file: number,
    target: Uint8Array,
    start: number,
    length: number,
    position: number,
  ): number {
    const descriptor = this.descriptorOf(file);
    try {
      for (let done = 0; done < length; ) {
        const left = length - done;
        const count = readSync(descriptor, target, start + done, left, position + done);
        if (count === 0) {
          target.fill(0, start + done, start + length);
          return OK;
        }
        done += count;
      }
      return OK;
    } catch (error) {
      return errnoOf(error);
    }
  }

  writePages(
    file: number,
    page: number,
    frames: Float64Array,
    count: number,
    byteCount: number,
    sink: Completion,
    tag: number,
  ): number {
    const descriptor = this.descriptorOf(file);
    const buffers = this.gather(frames, count, byteCount);
    const position = page * 4096;
    if (this.synchronous) return writeAllSync(descriptor, buffers, position);
    this.writeAll(descriptor, buffers, position, (status) => this.tell(sink, tag, status));
    return PENDING;
  }

  truncate(file: number, size: number, sink: Completion, tag: number): number {
    const descriptor = this.descriptorOf(file);
    if (this.synchronous) return attempt(() => ftruncateSync(descriptor, size));
    ftruncate(descriptor, size, (error) => this.tell(sink, tag, statusOf(error)));
    return PENDING;
  }

  punch(): number {
    return ENOSYS;
  }

  sync(file: number, sink: Completion, tag: number): number {
    const descriptor = this.descriptorOf(file);
    if (this.synchronous) return attempt(() => fsyncSync(descriptor));
    fsync(descriptor, (error) => this.tell(sink, tag, statusOf(error)));
    return PENDING;
  }

  private descriptorOf(file: number): number {
    const descriptor = this.descriptors.get(file);
    assert(descriptor !== undefined, 'a file without a descriptor is transferred');
    return descriptor;
  }

  private tell(sink: Completion, tag: number, status: number): void {
    sink.completed(tag, status);
    this.after();
  }

  /** As few buffers as the frames allow: those in sequence are one. */
  private gather(frames: Float64Array, count: number, byteCount: number): Uint8Array[] {
    const buffers: Uint8Array[] = [];
    let left = byteCount;
    for (let i = 0; i < count && left > 0; ) {
      let next = i + 1;
      while (next < count && frames[next] === frames[next - 1] + 4096) next++;
      const bytes = Math.min(left, (next - i) * 4096);
      buffers.push(this.arena.span(frames[i], bytes));
      left -= bytes;
      i = next;
    }
    return buffers;
  }

  private readAll(
    descriptor: number,
    buffers: Uint8Array[],
    position: number,
    done: (status: number) => void,
  ): void {
    const step: Done = (error, count) => {
      if (error !== null) {
        done(statusOf(error));
        return;
      }
      const rest = skip(buffers, count);
      if (count === 0 || rest.length === 0) {
        for (const buffer of rest) buffer.fill(0);
        done(OK);
        return;
      }
      this.readAll(descriptor, rest, position + count, done);
    };
    if (buffers.length === 1) {
      read(descriptor, buffers[0], 0, buffers[0].length, position, step);
    } else {
      readv(descriptor, buffers, position, step);
    }
  }

  private writeAll(
    descriptor: number,
    buffers: Uint8Array[],
    position: number,
    done: (status: number) => void,
  ): void {
    const step: Done = (error, count) => {
      const rest = error === null ? skip(buffers, count) : [];
      if (error !== null || (count === 0 && rest.length > 0)) done(statusOf(error ?? noProgress));
      else if (rest.length === 0) done(OK);
      else this.writeAll(descriptor, rest, position + count, done);
    };
    if (buffers.length === 1) {
      write(descriptor, buffers[0], 0, buffers[0].length, position, step);
    } else {
      writev(descriptor, buffers, position, step);
    }
  }
}

const noProgress = Object.assign(new Error('a write of no bytes'), { errno: EIO });

function statusOf(error: Error | null): number {
  return error === null || error === undefined ? OK : errnoOf(error);
}

function attempt(call: () => void): number {
  try {
    call();
    return OK;
  } catch (error) {
    return errnoOf(error);
  }
}

/** What is left of the buffers after `count` bytes. */
function skip(buffers: Uint8Array[], count: number): Uint8Array[] {
  const rest: Uint8Array[] = [];
  let left = count;
  for (const buffer of buffers) {
    if (left >= buffer.length) left -= buffer.length;
    else {
      rest.push(left === 0 ? buffer : buffer.subarray(left));
      left = 0;
    }
  }
  return rest;
}

/** Reads until the buffers are full or the file ends; the rest is zeros. */
function readAllSync(descriptor: number, buffers: Uint8Array[], position: number): number {
  try {
    let rest = buffers;
    let at = position;
    while (rest.length > 0) {
      const count = readvSync(descriptor, rest, at);
      rest = skip(rest, count);
      at += count;
      if (count === 0) break;
    }
    for (const buffer of rest) buffer.fill(0);
    return OK;
  } catch (error) {
    return errnoOf(error);
  }
}

function writeAllSync(descriptor: number, buffers: Uint8Array[], position: number): number {
  try {
    let rest = buffers;
    let at = position;
    while (rest.length > 0) {
      const count = writevSync(descriptor, rest, at);
      if (count === 0) return EIO;
      rest = skip(rest, count);
      at += count;
    }
    return OK;
  } catch (error) {
    return errnoOf(error);
  }
}
