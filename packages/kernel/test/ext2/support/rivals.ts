/**
 * Tasks that change one volume at the same time. Each knows what its own files must hold; of what
 * they fight for (names of directories, files passed from hand to hand, pieces of one file) the
 * account must balance at the end.
 */
import { EEXIST, ENOENT, ENOTEMPTY } from '@hotpath/hw-x86';
import { expect } from 'vitest';
import type { Ext2Image } from '../../../src/ext2/index.js';
import { O_APPEND, O_CREAT, O_RDWR, O_TRUNC, type SystemCalls } from '../../../src/index.js';

type Steps<T = void> = Generator<void, T, void>;

/** Files that whoever moves them to his own directory may append to. */
const TOKENS = 3;
/** Directory names that all make and remove. */
const ROOMS = 2;
/** Bytes of the shared file that each task writes at once, across the borders of pages. */
const PIECE = 3000;
const BUFFER_BYTES = 16_384;

/** A seeded generator: 32 bits of Marsaglia's xorshift. */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = (Math.imul(seed + 1, 0x9e3779b1) | 1) >>> 0;
  }

  below(count: number): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x >>> 0;
    return this.#state % count;
  }
}

/** Bytes of one write: no two writes of a run are alike. */
function stamp(bytes: Uint8Array, who: number, turn: number): Uint8Array {
  for (let i = 0; i < bytes.length; i++) {
    bytes[i] = 1 + ((who * 61 + turn * 17 + i * 3 + (i >>> 9)) % 251);
  }
  return bytes;
}

/** What several tasks do to one volume, and what must be there afterwards. */
export class Rivals {
  /** Contents of each path that one task at a time changes. */
  readonly files = new Map<string, Uint8Array>();
  /** Path of the directory entry of each link: two names of one file. */
  readonly directories = new Set<string>();
  /** How often each room was made and removed. */
  readonly rooms = new Map<string, number>();
  readonly shared: Uint8Array;
  /** Claims won and lost, rooms found full: a run without any shows nothing. */
  readonly contested = { won: 0, lost: 0, full: 0 };
  readonly #turns: number;
  readonly #count: number;
  #tokensReady = 0;

  constructor(count: number, turns: number) {
    this.#count = count;
    this.#turns = turns;
    this.shared = new Uint8Array(count * turns * PIECE);
  }

  /** Makes what all share; before the rivals start. */
  *prepare(sys: SystemCalls): Steps {
    expect(yield* sys.mkdir('/shared', 0o755)).toBe(0);
    this.directories.add('/shared');
    for (let who = 0; who < this.#count; who++) {
      expect(yield* sys.mkdir(`/task-${who}`, 0o755)).toBe(0);
      this.directories.add(`/task-${who}`);
    }
    for (let token = 0; token < TOKENS; token++) {
      const fd = yield* sys.open(`/shared/token-${token}`, O_CREAT | O_RDWR);
      expect(fd).toBeGreaterThanOrEqual(0);
      yield* sys.close(fd);
      this.files.set(`/shared/token-${token}`, new Uint8Array(0));
      this.#tokensReady += 1;
    }
    const fd = yield* sys.open('/shared/board', O_CREAT | O_RDWR);
    yield* sys.close(fd);
  }

  /** The program of one task. */
  *program(sys: SystemCalls, who: number, seed: number): Steps {
    expect(this.#tokensReady).toBe(TOKENS);
    const dice = new Dice(seed * 31 + who);
    const heap = yield* sys.brk(0);
    yield* sys.brk(heap + BUFFER_BYTES);
    const self = { sys, who, heap, dice };
    for (let turn = 0; turn < this.#turns; turn++) {
      const what = dice.below(10);
      if (what < 3) yield* this.#writeOwn(self, turn);
      else if (what < 5) yield* this.#changeOwn(self, turn);
      else if (what < 7) yield* this.#passToken(self, turn);
      else if (what < 9) yield* this.#enterRoom(self, turn);
      else expect(yield* sys.sync()).toBe(0);
      yield* this.#writeBoard(self, turn);
    }
  }

  *#put(self: Self, path: string, flags: number, bytes: Uint8Array, at: number): Steps {
    const { sys, heap, dice } = self;
    const fd = yield* sys.open(path, flags | O_RDWR, 0o644);
    expect(fd, path).toBeGreaterThanOrEqual(0);
    yield* sys.storeBytes(heap, bytes);
    expect(yield* sys.pwrite(fd, heap, bytes.length, at)).toBe(bytes.length);
    if (dice.below(4) === 0) expect(yield* sys.fsync(fd)).toBe(0);
    expect(yield* sys.close(fd)).toBe(0);
  }

  *#writeOwn(self: Self, turn: number): Steps {
    const { who, dice } = self;
    const path = `/task-${who}/f${dice.below(4)}`;
    const bytes = stamp(new Uint8Array(1 + dice.below(BUFFER_BYTES)), who, turn);
    const whole = dice.below(2) === 0;
    yield* this.#put(self, path, whole ? O_CREAT | O_TRUNC : O_CREAT, bytes, 0);
    const before = whole ? undefined : this.files.get(path);
    const after = new Uint8Array(Math.max(before?.length ?? 0, bytes.length));
    if (before !== undefined) after.set(before);
    after.set(bytes);
    this.files.set(path, after);
  }

  /** Removes, moves, cuts, links in directories that the others use at the same time. */
  *#changeOwn(self: Self, turn: number): Steps {
    const { sys, who, dice } = self;
    const own = [...this.files.keys()].filter((path) => path.startsWith(`/task-${who}/f`));
    if (own.length === 0) return;
    const path = own[dice.below(own.length)];
    const bytes = this.files.get(path) as Uint8Array;
    const other = `/shared/of-${who}-${turn}`;
    const what = dice.below(4);
    if (what === 0) {
      expect(yield* sys.unlink(path)).toBe(0);
      this.files.delete(path);
    } else if (what === 1) {
      expect(yield* sys.rename(path, other)).toBe(0);
      this.files.delete(path);
      this.files.set(other, bytes);
    } else if (what === 2) {
      const size = dice.below(bytes.length + 5000);
      expect(yield* sys.truncate(path, size)).toBe(0);
      const after = new Uint8Array(size);
      after.set(bytes.subarray(0, size));
      this.files.set(path, after);
    } else {
      expect(yield* sys.link(path, other)).toBe(0);
      expect(yield* sys.unlink(path)).toBe(0);
      this.files.delete(path);
      this.files.set(other, bytes);
    }
  }

  /** One rename wins, the others find nothing; the winner appends and gives the file back. */
  *#passToken(self: Self, turn: number): Steps {
    const { sys, who, dice } = self;
    const token = `/shared/token-${dice.below(TOKENS)}`;
    const mine = `/task-${who}/held`;
    const claimed = yield* sys.rename(token, mine);
    if (claimed === ENOENT) {
      this.contested.lost += 1;
      return;
    }
    expect(claimed).toBe(0);
    this.contested.won += 1;
    const before = this.files.get(token) as Uint8Array;
    const bytes = stamp(new Uint8Array(1 + dice.below(2000)), who, turn);
    yield* this.#put(self, mine, O_APPEND, bytes, 0);
    const after = new Uint8Array(before.length + bytes.length);
    after.set(before);
    after.set(bytes, before.length);
    this.files.set(token, after);
    expect(yield* sys.rename(mine, token)).toBe(0);
  }

  /** Who finds the room makes it; it goes when it is empty. */
  *#enterRoom(self: Self, turn: number): Steps {
    const { sys, who, dice } = self;
    const room = `/shared/room-${dice.below(ROOMS)}`;
    const count = (amount: number): void => {
      this.rooms.set(room, (this.rooms.get(room) ?? 0) + amount);
    };
    const made = yield* sys.mkdir(room, 0o755);
    if (made === 0) count(1);
    else expect(made).toBe(EEXIST);
    const chair = `${room}/${who}-${turn}`;
    const fd = yield* sys.open(chair, O_CREAT | O_RDWR);
    if (fd === ENOENT) this.contested.lost += 1;
    else {
      expect(fd).toBeGreaterThanOrEqual(0);
      yield* sys.close(fd);
      expect(yield* sys.unlink(chair)).toBe(0);
    }
    const removed = yield* sys.rmdir(room);
    if (removed === 0) count(-1);
    else if (removed === ENOTEMPTY) this.contested.full += 1;
    else expect(removed).toBe(ENOENT);
  }

  /** Pieces of one file that lie between those of the others. */
  *#writeBoard(self: Self, turn: number): Steps {
    const { who } = self;
    const at = (turn * this.#count + who) * PIECE;
    const bytes = stamp(new Uint8Array(PIECE), who, turn);
    yield* this.#put(self, '/shared/board', 0, bytes, at);
    this.shared.set(bytes, at);
  }

  /** What the volume must hold, against what it does; rooms too. */
  compare(image: Ext2Image): void {
    const expected = new Map(this.files);
    expected.set('/shared/board', this.shared);
    const found = new Set<string>();
    const visit = (path: string): void => {
      for (const { name, type } of image.list(path === '' ? '/' : path)) {
        const child = `${path}/${name}`;
        if (child === '/lost+found') continue;
        found.add(child);
        if (type === 0o040000) visit(child);
      }
    };
    visit('');
    for (const [path, bytes] of expected) {
      expect(found.delete(path), `${path} is there`).toBe(true);
      expect(Buffer.compare(image.readFile(path), bytes), path).toBe(0);
    }
    for (const path of this.directories) expect(found.delete(path), path).toBe(true);
    for (const [room, count] of this.rooms) {
      expect([0, 1], room).toContain(count);
      expect(found.delete(room), room).toBe(count === 1);
    }
    expect([...found]).toEqual([]);
  }
}

interface Self {
  readonly sys: SystemCalls;
  readonly who: number;
  readonly heap: number;
  readonly dice: Dice;
}
