import { type Completion, type FrameSource, NIL, type PhysicalMemory } from '@hotpath/hw-x86';
import { COPY_FAULT, PageCache, type PageCacheOptions, PageIo } from '../src/index.js';
import { ArrayStore } from './array-store.js';

/** Flat memory for tests: address = offset in one array. */
export class FlatMemory implements PhysicalMemory {
  readonly byteCount: number;
  readonly chunkBytes: number;
  readonly all: Uint8Array;
  private readonly allWords: Int32Array;

  constructor(byteCount: number) {
    this.byteCount = byteCount;
    this.chunkBytes = byteCount;
    this.all = new Uint8Array(byteCount);
    this.allWords = new Int32Array(this.all.buffer);
  }
  bytes(): Uint8Array {
    return this.all;
  }
  words(): Int32Array {
    return this.allWords;
  }
  load8(address: number): number {
    return this.all[address];
  }
  load32(address: number): number {
    return this.allWords[address / 4] >>> 0;
  }
  store8(address: number, value: number): void {
    this.all[address] = value;
  }
  store32(address: number, value: number): void {
    this.allWords[address / 4] = value;
  }
  copy(to: number, from: number, byteCount: number): void {
    this.all.copyWithin(to, from, from + byteCount);
  }
  fill(address: number, byteCount: number, value: number): void {
    this.all.fill(value, address, address + byteCount);
  }
  read(from: number, target: Uint8Array, offset: number, byteCount: number): void {
    target.set(this.all.subarray(from, from + byteCount), offset);
  }
  write(to: number, source: Uint8Array, offset: number, byteCount: number): void {
    this.all.set(source.subarray(offset, offset + byteCount), to);
  }
}

/** Frames 1 .. count of a memory, poisoned when they are handed out. */
export class ArrayFrames implements FrameSource {
  readonly free_: number[] = [];
  readonly memory: FlatMemory;
  constructor(memory: FlatMemory) {
    this.memory = memory;
    for (let a = memory.byteCount - 4096; a >= 4096; a -= 4096) this.free_.push(a);
  }
  allocate(): number {
    const frame = this.free_.pop();
    if (frame === undefined) return NIL;
    this.memory.fill(frame, 4096, 0xdb);
    return frame;
  }
  free(frame: number): void {
    if (this.free_.includes(frame)) throw new Error('a frame is freed twice');
    this.memory.fill(frame, 4096, 0xdd);
    this.free_.push(frame);
  }
}

/** Collects wake-ups. */
export class Inbox implements Completion {
  readonly got: { tag: number; result: number }[] = [];
  completed(tag: number, result: number): void {
    this.got.push({ tag, result });
  }
  /** The result for a tag, or undefined if it has not come. */
  of(tag: number): number | undefined {
    return this.got.find((g) => g.tag === tag)?.result;
  }
}

/** A cache over an array store, with the loops that a kernel or an event loop would run. */
export class Rig {
  readonly memory: FlatMemory;
  readonly frames: ArrayFrames;
  readonly store: ArrayStore;
  readonly cache: PageCache;
  readonly inbox = new Inbox();

  constructor(slotLimit: number, options: Partial<PageCacheOptions> = {}, frameCount = slotLimit) {
    this.memory = new FlatMemory((frameCount + 1) * 4096);
    this.frames = new ArrayFrames(this.memory);
    this.store = new ArrayStore(this.memory);
    this.cache = new PageCache({
      memory: this.memory,
      frames: this.frames,
      store: this.store,
      slotLimit,
      ...options,
    });
  }

  /** Registers a file with these contents. */
  file(bytes: Uint8Array): number {
    const file = this.cache.openFile(bytes.length);
    this.store.put(file, bytes.slice());
    return file;
  }

  /** Runs store and cache until nothing is left to do. */
  settle(): void {
    this.cache.reap();
    while (this.store.run()) this.cache.reap();
  }

  /** Waits for a result: returns it if it is there, else settles and takes it from the inbox. */
  wait(result: number, tag: number): number {
    if (result !== -4097) return result;
    this.settle();
    const got = this.inbox.got.findIndex((g) => g.tag === tag);
    if (got < 0) throw new Error(`nothing came for ${tag}`);
    return this.inbox.got.splice(got, 1)[0].result;
  }

  get(file: number, page: number): number {
    return this.wait(this.cache.get(file, page, this.inbox, 7001), 7001);
  }

  sync(handle: number): number {
    return this.wait(this.cache.fsync(handle, this.inbox, 7002), 7002);
  }

  truncate(file: number, size: number): number {
    return this.wait(this.cache.truncate(file, size, this.inbox, 7003), 7003);
  }

  punch(file: number, offset: number, count: number): number {
    return this.wait(this.cache.punch(file, offset, count, this.inbox, 7004), 7004);
  }

  read(file: number, offset: number, count: number, handle = NIL): Uint8Array {
    const io = new PageIo(this.cache);
    const target = new Uint8Array(count);
    io.read(file, handle, offset, count);
    this.runIo(io, target);
    return target.subarray(0, io.done);
  }

  write(file: number, offset: number, bytes: Uint8Array, handle = NIL): number {
    const io = new PageIo(this.cache);
    io.write(file, handle, offset, bytes.length);
    const status = this.runIo(io, bytes);
    return status < 0 ? status : io.done;
  }

  runIo(io: PageIo, buffer: Uint8Array): number {
    const copy = new BufferCopy(this.memory, buffer);
    for (;;) {
      const status = io.step(copy, this.inbox, 7005);
      if (status === COPY_FAULT) continue;
      if (status !== -4097) return status;
      this.wait(status, 7005);
    }
  }
}

/** Copies to and from one buffer; `limit` says how many bytes the next copy may move. */
export class BufferCopy {
  private readonly memory: PhysicalMemory;
  private readonly buffer: Uint8Array;
  private readonly limit: () => number;
  constructor(memory: PhysicalMemory, buffer: Uint8Array, limit: () => number = () => 4096) {
    this.memory = memory;
    this.buffer = buffer;
    this.limit = limit;
  }
  copyOut(from: number, at: number, count: number): number {
    const length = Math.min(count, this.limit());
    this.memory.read(from, this.buffer, at, length);
    return length;
  }
  copyIn(to: number, at: number, count: number): number {
    const length = Math.min(count, this.limit());
    this.memory.write(to, this.buffer, at, length);
    return length;
  }
}

/** Bytes that tell where they are from. */
export function pattern(length: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(length);
  let x = seed * 2654435761;
  for (let i = 0; i < length; i++) {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
    bytes[i] = x >>> 24;
  }
  return bytes;
}

/** Byte arrays are equal; toEqual would take seconds over a few pages. */
export function expectSame(got: Uint8Array | undefined, expected: Uint8Array): void {
  if (got === undefined) throw new Error('there are no bytes');
  if (got.length !== expected.length) {
    throw new Error(`${got.length} bytes, expected ${expected.length}`);
  }
  for (let i = 0; i < got.length; i++) {
    if (got[i] !== expected[i]) throw new Error(`byte ${i} is ${got[i]}, expected ${expected[i]}`);
  }
}
