import { EIO, isErrno, NIL, OK, PENDING } from '@hotpath/hw-x86';
import { COPY_FAULT, PageIo } from '../src/index.js';
import { Random } from './random.js';
import { BufferCopy, Rig } from './rig.js';
import { SoftMmu } from './soft-mmu.js';

/** Kinds of operation, so that shrinking can leave some out. */
export const KINDS = [
  'read',
  'write',
  'append',
  'load',
  'store',
  'truncate',
  'punch',
  'fsync',
  'msync',
  'reclaim',
  'invalidate',
  'age',
  'munmap',
  'advise',
] as const;

export interface TortureOptions {
  seed: number;
  operations: number;
  slots?: number;
  tasks?: number;
  /** Per cent of transfers that fail. */
  readErrors?: number;
  writeErrors?: number;
  /** Per cent chance of a power cut check after an operation. */
  cuts?: number;
  without?: readonly string[];
  async?: boolean;
}

const SIZE_MAX = 9 * 4096 + 777;

/** One file with its plain model: what it holds, and what fsync has promised. */
class Subject {
  readonly file: number;
  readonly handle: number;
  model: Uint8Array = new Uint8Array(0);
  /** Contents at the start of the last fsync that succeeded, and what has changed since. */
  durable: Uint8Array = new Uint8Array(0);
  touched = new Uint8Array(SIZE_MAX + 1);
  target: Uint8Array | null = null;
  touchedSinceTarget = new Uint8Array(SIZE_MAX + 1);
  truncatedSince = false;
  truncatedSinceTarget = false;

  constructor(file: number, handle: number) {
    this.file = file;
    this.handle = handle;
  }
  change(from: number, to: number): void {
    this.touched.fill(1, from, to);
    this.touchedSinceTarget.fill(1, from, to);
  }
  resize(size: number): void {
    this.change(Math.min(size, this.model.length), SIZE_MAX);
    if (size < this.model.length) {
      this.truncatedSince = true;
      this.truncatedSinceTarget = true;
    }
    const next = new Uint8Array(size);
    next.set(this.model.subarray(0, size));
    this.model = next;
  }
  beginSync(): void {
    this.target = this.model.slice();
    this.touchedSinceTarget.fill(0);
    this.truncatedSinceTarget = false;
  }
  endSync(): void {
    this.durable = this.target!;
    this.touched.set(this.touchedSinceTarget);
    this.truncatedSince = this.truncatedSinceTarget;
  }
}

/** A task: at most one operation under way. */
interface Task {
  subject: Subject;
  io: PageIo;
  busy: boolean;
  /** Goes on after a wake-up with this result; returns true when the operation is over. */
  resume: (result: number) => boolean;
  what: string;
}

/**
 * Random operations of several tasks, each on a file of its own, over one small cache and a store
 * that finishes transfers in any order and sometimes fails them; each result is compared with a plain
 * array. Throws on the first difference.
 */
export class Torture {
  readonly rig: Rig;
  readonly mmu = new SoftMmu();
  done = 0;
  cutChecks = 0;
  errorsSeen = 0;
  readonly trail: string[] = [];
  private readonly random: Random;
  private readonly tasks: Task[] = [];
  private readonly kinds: string[];
  private readonly options: Required<TortureOptions>;

  constructor(options: TortureOptions) {
    this.options = {
      slots: 6,
      tasks: 2,
      readErrors: 0,
      writeErrors: 0,
      cuts: 0,
      without: [],
      async: true,
      ...options,
    };
    const { seed, slots, tasks } = this.options;
    this.random = new Random(seed);
    this.kinds = KINDS.filter((kind) => !this.options.without.includes(kind));
    this.rig = new Rig(slots, { mappings: this.mmu, runPages: 4 });
    this.rig.store.async = this.options.async;
    this.rig.store.fault = (what) => {
      const { readErrors, writeErrors } = this.options;
      if (what === 'read' && this.random.chance(readErrors)) return EIO;
      if ((what === 'write' || what === 'sync') && this.random.chance(writeErrors)) return EIO;
      return OK;
    };
    for (let i = 0; i < tasks; i++) {
      const file = this.rig.file(new Uint8Array(0));
      const subject = new Subject(file, this.rig.cache.openHandle(file));
      const io = new PageIo(this.rig.cache);
      this.tasks.push({ subject, io, busy: false, resume: () => true, what: '' });
    }
  }

  run(): void {
    const { cache, store } = this.rig;
    let idle = 0;
    while (this.done < this.options.operations) {
      const choice = this.random.below(3);
      if (choice === 0) {
        const task = this.tasks[this.random.below(this.tasks.length)];
        if (!task.busy) {
          this.begin(task);
          idle = 0;
        }
      } else if (choice === 1 && store.jobs.length > 0) {
        store.run(this.random.below(store.jobs.length));
        idle = 0;
      } else if (this.reap() > 0) {
        idle = 0;
      }
      if (++idle > 10000) throw new Error(`nothing moves: ${this.tasks.map((t) => t.what)}`);
      if (this.random.chance(2)) cache.checkInvariants();
      if (this.random.chance(this.options.cuts)) this.powerCut();
    }
    this.finish();
  }

  /** Everything to the store without errors: it must then hold the model. */
  private finish(): void {
    const { rig, options } = this;
    options.readErrors = 0;
    options.writeErrors = 0;
    for (let guard = 0; this.tasks.some((t) => t.busy); guard++) {
      while (rig.store.run()) this.reap();
      this.reap();
      if (guard > 1000) throw new Error(`never ends: ${this.tasks.map((t) => t.what)}`);
    }
    for (const { subject } of this.tasks) {
      rig.sync(subject.handle);
      const result = rig.sync(subject.handle);
      if (result !== OK) throw new Error(`the second fsync answers ${result}`);
      const { model } = subject;
      this.compare(rig.store.bytesOf(subject.file).subarray(0, model.length), model, 'store');
      rig.cache.closeHandle(subject.handle);
    }
    rig.cache.checkInvariants();
    if (rig.cache.pendingCount !== 0) throw new Error('waits leak');
    if (rig.cache.transferCount !== 0) throw new Error('transfers leak');
    for (let slot = 0; slot < rig.cache.slotLimit; slot++) {
      if (rig.cache.pins(slot) !== 0) throw new Error('pins leak');
    }
  }

  private reap(): number {
    const told = this.rig.cache.reap();
    const got = this.rig.inbox.got.splice(0);
    for (const { tag, result } of got) {
      const task = this.tasks[tag];
      if (task.resume(result)) this.end(task);
    }
    return told;
  }

  private end(task: Task): void {
    task.busy = false;
    this.done++;
  }

  private begin(task: Task): void {
    const kind = this.kinds[this.random.below(this.kinds.length)];
    task.busy = true;
    const { model } = task.subject;
    const offset = this.random.below(Math.max(1, model.length + 1));
    const count = this.random.below(3 * 4096) + 1;
    task.what = `${kind} ${offset}+${count} of ${model.length}`;
    this.trail.push(`${this.tasks.indexOf(task)}: ${task.what}`);
    if (this.trail.length > 60) this.trail.shift();
    if (this.start(task, kind, offset, count)) this.end(task);
  }

  private start(task: Task, kind: string, offset: number, count: number): boolean {
    const { cache, inbox } = this.rig;
    const { subject } = task;
    const tag = this.tasks.indexOf(task);
    switch (kind) {
      case 'read':
        return this.startRead(task, offset, count);
      case 'write':
        return this.startWrite(task, this.random.below(SIZE_MAX - count), count, false);
      case 'append':
        if (subject.model.length + count > SIZE_MAX) return true;
        return this.startWrite(task, subject.model.length, count, true);
      case 'load':
      case 'store':
        return this.startMapped(task, offset, kind === 'store');
      case 'truncate': {
        const size = this.random.below(SIZE_MAX);
        const after = (result: number): boolean => {
          if (result === OK) subject.resize(size);
          else this.expectError(result);
          return true;
        };
        // From now on either content may be found, so nothing there is promised.
        subject.change(Math.min(size, subject.model.length), SIZE_MAX);
        task.resume = after;
        const result = cache.truncate(subject.file, size, inbox, tag);
        return result === PENDING ? false : after(result);
      }
      case 'punch': {
        const from = offset;
        const to = Math.min(offset + count, subject.model.length);
        const after = (result: number): boolean => {
          if (result === OK) subject.model.fill(0, from, Math.max(from, to));
          else this.expectError(result);
          // A punch that failed may have zeroed its edges: take what is there.
          if (result !== OK) this.relearn(subject, from, to);
          return true;
        };
        subject.change(from, Math.max(from, to));
        task.resume = after;
        const result = cache.punch(subject.file, offset, count, inbox, tag);
        return result === PENDING ? false : after(result);
      }
      default:
        return this.startOther(task, kind, offset, count);
    }
  }

  private startOther(task: Task, kind: string, offset: number, count: number): boolean {
    const { cache, inbox } = this.rig;
    const { subject } = task;
    const tag = this.tasks.indexOf(task);
    switch (kind) {
      case 'fsync': {
        subject.beginSync();
        const after = (result: number): boolean => {
          if (result === OK) subject.endSync();
          else this.expectError(result);
          return true;
        };
        task.resume = after;
        const result = cache.fsync(subject.handle, inbox, tag);
        return result === PENDING ? false : after(result);
      }
      case 'msync': {
        task.resume = () => true;
        return cache.syncRange(subject.handle, offset, count, false, inbox, tag) !== PENDING;
      }
      case 'reclaim':
        cache.reclaim(this.random.below(4));
        return true;
      case 'invalidate':
        cache.invalidate(subject.file, Math.floor(offset / 4096), Math.floor(offset / 4096) + 2);
        return true;
      case 'age':
        cache.writeBackOlder(0, 0);
        return true;
      case 'munmap': {
        const entry = this.mmu.drop(subject.file, Math.floor(offset / 4096));
        if (entry !== undefined) cache.unmapped(entry.slot, entry.dirty);
        return true;
      }
      default:
        cache.advise(subject.handle, this.random.below(3));
        return true;
    }
  }

  private expectError(result: number): void {
    const { readErrors, writeErrors } = this.options;
    if (result !== EIO || (readErrors === 0 && writeErrors === 0)) {
      throw new Error(`unexpected status ${result}`);
    }
    this.errorsSeen++;
  }

  private startRead(task: Task, offset: number, count: number): boolean {
    const { subject, io } = task;
    const buffer = new Uint8Array(count);
    io.read(subject.file, this.random.chance(70) ? subject.handle : NIL, offset, count);
    task.resume = () => {
      const status = io.step(
        new BufferCopy(this.rig.memory, buffer),
        this.rig.inbox,
        this.tag(task),
      );
      if (status === PENDING) return false;
      if (isErrno(status)) this.expectError(status);
      const expected = subject.model.subarray(offset, offset + count);
      if (io.done < expected.length) this.expectShort();
      this.compare(buffer.subarray(0, io.done), expected.subarray(0, io.done), 'read');
      return true;
    };
    return task.resume(OK);
  }

  private startWrite(task: Task, offset: number, count: number, append: boolean): boolean {
    const { subject, io } = task;
    const buffer = new Uint8Array(count);
    for (let i = 0; i < count; i++) buffer[i] = this.random.next() | 1;
    if (append) io.append(subject.file, subject.handle, count);
    else io.write(subject.file, subject.handle, offset, count);
    const end = offset + count;
    subject.change(Math.min(offset, subject.model.length), Math.max(end, subject.model.length));
    // Short copies now and then, as if the caller's memory faulted.
    const copy = new BufferCopy(this.rig.memory, buffer, () =>
      this.random.chance(15) ? this.random.below(4096) : 4096,
    );
    task.resume = () => {
      let status: number;
      do status = io.step(copy, this.rig.inbox, this.tag(task));
      while (status === COPY_FAULT);
      if (status === PENDING) return false;
      if (isErrno(status)) this.expectError(status);
      if (io.done < count) this.expectShort();
      if (io.done > 0 && offset + io.done > subject.model.length) subject.resize(offset + io.done);
      if (io.done > 0) subject.model.set(buffer.subarray(0, io.done), offset);
      return true;
    };
    return task.resume(OK);
  }

  private startMapped(task: Task, offset: number, store: boolean): boolean {
    const { subject } = task;
    const { cache, inbox } = this.rig;
    if (offset >= subject.model.length) return true;
    const page = Math.floor(offset / 4096);
    const access = (): boolean => {
      const entry = this.mmu.entry(subject.file, page)!;
      entry.accessed = true;
      const inside = offset % 4096;
      const end = Math.min(subject.model.length - page * 4096, 4096);
      const there = this.rig.memory.bytes().subarray(entry.frame, entry.frame + end);
      this.compare(there, subject.model.subarray(page * 4096, page * 4096 + end), 'mapping');
      if (!store) return true;
      if (!entry.writable) {
        if (!cache.makeWritable(entry.slot)) throw new Error('a mapped page was truncated away');
        entry.writable = true;
      }
      const value = this.random.below(255) + 1;
      this.rig.memory.bytes()[entry.frame + inside] = value;
      entry.dirty = true;
      subject.model[offset] = value;
      subject.change(offset, offset + 1);
      // Beyond the end of the file a store is lost, and must not come back when it grows.
      if (end < 4096) this.rig.memory.bytes()[entry.frame + 4095] = 0xbb;
      return true;
    };
    if (this.mmu.entry(subject.file, page) !== undefined) return access();
    const arrived = (result: number): boolean => {
      if (result < 0) {
        this.expectError(result);
        return true;
      }
      if (!cache.mapped(result)) throw new Error('our own page was truncated away');
      this.mmu.map(subject.file, page, result, cache.frame(result));
      cache.release(result);
      return access();
    };
    task.resume = arrived;
    const result = cache.get(subject.file, page, inbox, this.tag(task));
    return result === PENDING ? false : arrived(result);
  }

  /** Power fails now: the medium holds the synced state plus some of the later writes. */
  private powerCut(): void {
    this.cutChecks++;
    for (const { subject } of this.tasks) {
      const { store } = this.rig;
      const image = store.afterPowerCut(subject.file, () => this.random.chance(50));
      const { durable, touched } = subject;
      for (let i = 0; i < durable.length; i++) {
        if (touched[i] === 0 && image[i] !== durable[i]) {
          throw new Error(`byte ${i} of file ${subject.file} was lost in a power cut after fsync`);
        }
      }
    }
  }

  private expectShort(): void {
    const { readErrors, writeErrors } = this.options;
    if (readErrors === 0 && writeErrors === 0) throw new Error('a short result without an error');
    this.errorsSeen++;
  }

  private relearn(subject: Subject, from: number, to: number): void {
    const { cache, memory, store } = this.rig;
    for (let i = from; i < to; i++) {
      const slot = cache.peek(subject.file, Math.floor(i / 4096));
      const value =
        slot === NIL
          ? store.bytesOf(subject.file)[i]
          : memory.bytes()[cache.frame(slot) + (i % 4096)];
      if (slot !== NIL) cache.release(slot);
      if (value !== 0 && value !== undefined && value !== subject.model[i]) {
        throw new Error('a failed punch left something else than zeros');
      }
      subject.model[i] = value ?? 0;
    }
  }

  private tag(task: Task): number {
    return this.tasks.indexOf(task);
  }

  private compare(got: Uint8Array, expected: Uint8Array, where: string): void {
    if (got.length !== expected.length) {
      throw new Error(`${where}: ${got.length} bytes, expected ${expected.length}`);
    }
    for (let i = 0; i < got.length; i++) {
      if (got[i] !== expected[i]) {
        throw new Error(`${where}: byte ${i} is ${got[i]}, expected ${expected[i]}`);
      }
    }
  }
}

/** Runs a torture; on failure looks for fewer operations and kinds that still fail, then throws. */
export function torture(options: TortureOptions): Torture {
  const run = new Torture(options);
  try {
    run.run();
    return run;
  } catch (error) {
    const small = shrink(options, run.done + 1);
    throw new Error(
      `${(error as Error).message}\nrepeat with ${JSON.stringify(small.options)}: ${small.message}\n` +
        small.trail.join('\n'),
      { cause: error },
    );
  }
}

interface Small {
  options: TortureOptions;
  message: string;
  trail: string[];
}

function shrink(options: TortureOptions, operations: number): Small {
  let best: Small = { options: { ...options, operations }, message: '', trail: [] };
  let budget = 150_000;
  const fails = (candidate: TortureOptions): boolean => {
    budget -= candidate.operations;
    if (budget < 0) return false;
    const run = new Torture(candidate);
    try {
      run.run();
      return false;
    } catch (error) {
      best = {
        options: { ...candidate, operations: Math.min(candidate.operations, run.done + 1) },
        message: (error as Error).message,
        trail: run.trail.slice(-25),
      };
      return true;
    }
  };
  // Short runs of other seeds first: most faults show within a few hundred operations.
  for (let seed = 1; seed <= 60; seed++) {
    if (fails({ ...options, seed, operations: 500 })) break;
  }
  for (const kind of KINDS) {
    const without = [...(best.options.without ?? []), kind];
    for (let seed = 1; seed <= 12; seed++) {
      if (fails({ ...best.options, without, seed, operations: best.options.operations * 2 })) break;
    }
  }
  for (let seed = 1; seed <= 40; seed++) fails({ ...best.options, seed });
  return best;
}
