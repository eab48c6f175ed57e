import { ArgumentError, DISCARD, EIO, FLUSH, OK, WRITE } from '@hotpath/hw-x86';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type CrashState,
  exploreCrashes,
  exploreCrashesAsync,
} from '../../../src/model/disk/crash-explorer.js';
import { SparseBlocks } from '../../../src/model/disk/sparse-blocks.js';
import { LOG_DONE, LOG_MARK, WriteLog } from '../../../src/model/disk/write-log.js';

const BLOCK = 1024;
const UNITS = BLOCK / 512;

function filled(byte: number, blockCount = 1): Uint8Array {
  return new Uint8Array(blockCount * BLOCK).fill(byte);
}

/** A log that is written by hand. */
class Script {
  readonly log = new WriteLog(BLOCK);

  write(block: number, byte: number, blockCount = 1, fua = false): number {
    return this.log.submitted(WRITE, block, blockCount, fua, filled(byte, blockCount));
  }

  wrote(block: number, byte: number): void {
    this.log.done(this.write(block, byte), OK);
  }

  flush(): void {
    this.log.done(this.log.submitted(FLUSH, 0, 0, false, filled(0)), OK);
  }
}

/** First byte of each unit of the first blocks. */
function unitsOf(state: CrashState, blockCount: number): string {
  const bytes = new Uint8Array(BLOCK);
  const seen: number[] = [];
  for (let block = 0; block < blockCount; block++) {
    state.disk.readBlock(block, bytes);
    for (let u = 0; u < UNITS; u++) seen.push(bytes[u * 512]);
  }
  return seen.join(',');
}

const OPTIONS = { blockCount: 8, statesPerCut: 4096 };

function statesAt(log: WriteLog, blockCount: number): Map<number, Set<string>> {
  const byCut = new Map<number, Set<string>>();
  exploreCrashes(
    log,
    (state) => {
      const states = byCut.get(state.cut) ?? new Set();
      states.add(unitsOf(state, blockCount));
      byCut.set(state.cut, states);
      return null;
    },
    OPTIONS,
  );
  return byCut;
}

describe('legal states', () => {
  test('a write in flight may be there, be missing or be torn', () => {
    const script = new Script();
    script.write(0, 7);
    expect([...statesAt(script.log, 1).get(1)!].sort()).toEqual(['0,7', '7,0', '7,7']);
    // Nothing at all is the state of the cut before.
    expect([...statesAt(script.log, 1).get(0)!]).toEqual(['0,0']);
  });

  test('after a flush only the flushed state is left', () => {
    const script = new Script();
    script.wrote(0, 7);
    script.flush();
    script.log.mark('flushed');
    expect([...statesAt(script.log, 1).get(script.log.entries.length)!]).toEqual(['7,7']);
  });

  test('a flush does not cover a write that completes after it was submitted', () => {
    const script = new Script();
    const write = script.write(0, 7);
    const flush = script.log.submitted(FLUSH, 0, 0, false, filled(0));
    script.log.done(write, OK);
    script.log.done(flush, OK);
    script.log.mark('end');
    expect(statesAt(script.log, 1).get(script.log.entries.length)!.size).toBe(4);
  });

  test('a failed flush makes nothing durable, and a failed write is never durable', () => {
    for (const failing of ['flush', 'write']) {
      const script = new Script();
      script.log.done(script.write(0, 7), failing === 'write' ? EIO : OK);
      const flush = script.log.submitted(FLUSH, 0, 0, false, filled(0));
      script.log.done(flush, failing === 'flush' ? EIO : OK);
      script.log.mark('end');
      expect(statesAt(script.log, 1).get(script.log.entries.length)!.size).toBe(4);
    }
  });

  test('a durable write with force unit access ends the doubt about older ones to its blocks', () => {
    const script = new Script();
    script.wrote(0, 1);
    script.wrote(1, 2);
    script.log.done(script.write(0, 3, 1, true), OK);
    script.log.mark('end');
    const states = statesAt(script.log, 2).get(script.log.entries.length)!;
    expect([...states].sort()).toEqual(['3,3,0,0', '3,3,0,2', '3,3,2,0', '3,3,2,2']);
  });

  test('a discard may leave the old contents or zeros', () => {
    const script = new Script();
    script.wrote(0, 5);
    script.flush();
    script.log.submitted(DISCARD, 0, 1, false, filled(0));
    script.log.mark('end');
    const states = statesAt(script.log, 1).get(script.log.entries.length)!;
    expect([...states].sort()).toEqual(['0,0', '0,5', '5,0', '5,5']);
  });

  test('a discard of a whole empty device is nothing to explore, and what was written counts', () => {
    const log = new WriteLog(BLOCK);
    const blockCount = 2 ** 40;
    log.done(log.submitted(DISCARD, 0, blockCount, false, filled(0)), OK);
    log.done(log.submitted(WRITE, 2 ** 39, 1, false, filled(4)), OK);
    log.done(log.submitted(DISCARD, 0, blockCount, false, filled(0)), OK);
    const report = exploreCrashes(log, () => null, { blockCount });
    expect(report).toMatchObject({ coverage: 'units', failure: null });
    // Nothing; the write in three parts; the discard whole, or one half of it over two kinds of other.
    expect(report.states).toBe(1 + 3 + (1 + 2 + 2));
  });

  test('what lay on the disk before the log is its first state', () => {
    const image = new SparseBlocks(BLOCK, 8);
    image.write(0, filled(9), 0);
    const seen: string[] = [];
    const check = (state: CrashState): null => {
      seen.push(unitsOf(state, 1));
      return null;
    };
    exploreCrashes(new WriteLog(BLOCK), check, { blockCount: 8, image });
    expect(seen).toEqual(['9,9']);
  });
});

/** An independent enumeration: for each unit of each block every value that it may have. */
class Oracle {
  readonly #pending: { block: number; count: number; value: number; done: boolean; id: number }[] =
    [];
  #durable: number[];

  readonly blockCount: number;

  constructor(blockCount: number) {
    this.blockCount = blockCount;
    this.#durable = new Array(blockCount).fill(0);
  }

  step(log: WriteLog, index: number, flushes: Map<number, number[]>): void {
    const entry = log.entries[index];
    if (entry.kind === WRITE) {
      const { block, blockCount: count } = entry;
      this.#pending.push({ block, count, value: entry.data[0], done: false, id: index });
    } else if (entry.kind === FLUSH) {
      flushes.set(
        index,
        this.#pending.filter((w) => w.done).map((w) => w.id),
      );
    } else if (entry.kind === LOG_DONE) {
      const request = log.entries[entry.request];
      if (request.kind === FLUSH) for (const id of flushes.get(entry.request)!) this.#settle(id);
      else {
        const at = this.#pending.findIndex((w) => w.id === entry.request);
        const [write] = this.#pending.splice(at, 1);
        write.done = true;
        const open = this.#pending.findIndex((w) => !w.done);
        this.#pending.splice(open < 0 ? this.#pending.length : open, 0, write);
        if (request.fua) this.#settle(write.id);
      }
    }
  }

  /** A write is durable: for its blocks nothing older counts any more. */
  #settle(id: number): void {
    const at = this.#pending.findIndex((w) => w.id === id);
    if (at < 0) return;
    const write = this.#pending[at];
    for (let b = write.block; b < write.block + write.count; b++) {
      if (this.#superseded.has(`${id}:${b}`)) continue;
      this.#durable[b] = write.value;
      for (const older of this.#pending.slice(0, at)) this.#superseded.add(`${older.id}:${b}`);
    }
    this.#pending.splice(at, 1);
  }

  readonly #superseded = new Set<string>();

  /** Every legal disk as the text that unitsOf makes. */
  states(): Set<string> {
    let states = [''];
    for (let block = 0; block < this.blockCount; block++) {
      const values = [this.#durable[block]];
      for (const w of this.#pending) {
        const inside = block >= w.block && block < w.block + w.count;
        if (inside && !this.#superseded.has(`${w.id}:${block}`)) values.push(w.value);
      }
      for (let u = 0; u < UNITS; u++) {
        states = states.flatMap((state) =>
          [...new Set(values)].map((value) => (state === '' ? `${value}` : `${state},${value}`)),
        );
      }
    }
    return new Set(states);
  }
}

test('small logs are explored completely: exactly the states of an independent enumeration', () => {
  const action = fc.oneof(
    fc.record({
      kind: fc.constant('write' as const),
      block: fc.nat(2),
      count: fc.integer({ min: 1, max: 2 }),
      fua: fc.boolean(),
    }),
    fc.record({ kind: fc.constant('flush' as const) }),
    fc.record({ kind: fc.constant('done' as const), which: fc.nat(9) }),
  );
  let complete = 0;
  const property = fc.property(fc.array(action, { maxLength: 9 }), (actions) => {
    const script = new Script();
    const open: number[] = [];
    let value = 0;
    for (const a of actions) {
      value++;
      if (a.kind === 'write')
        open.push(script.write(a.block, value, Math.min(a.count, 3 - a.block), a.fua));
      else if (a.kind === 'flush') open.push(script.log.submitted(FLUSH, 0, 0, false, filled(0)));
      else if (open.length > 0) script.log.done(open.splice(a.which % open.length, 1)[0], OK);
    }
    // The mark asks for every state anew.
    script.log.mark('end');
    const { log } = script;
    const oracle = new Oracle(3);
    const flushes = new Map<number, number[]>();
    for (let i = 0; i < log.entries.length; i++) oracle.step(log, i, flushes);
    const seen = new Set<string>();
    const report = exploreCrashes(
      log,
      (state) => {
        if (state.cut === log.entries.length) seen.add(unitsOf(state, 3));
        return null;
      },
      { blockCount: 8, statesPerCut: 2 ** 10 },
    );
    const legal = oracle.states();
    expect([...seen].filter((state) => !legal.has(state))).toEqual([]);
    if (report.coverage !== 'units') return;
    complete++;
    expect(seen.size).toBe(legal.size);
  });
  fc.assert(property, { numRuns: 60 });
  expect(complete).toBeGreaterThan(20);
});

describe('finding', () => {
  /** Data and its commit record, with or without a flush between, many times over. */
  function commitLog(barrier: boolean): WriteLog {
    const script = new Script();
    for (let i = 0; i < 10; i++) {
      script.wrote(1 + i, 100 + i);
      if (barrier) script.flush();
      script.wrote(0, i + 1);
      script.flush();
      script.log.mark(`committed ${i + 1}`);
    }
    return script.log;
  }

  /** Every commit that the record in block 0 names must have its data; what was promised is there. */
  function checkCommits({ disk, marks }: CrashState): string | null {
    const bytes = new Uint8Array(BLOCK);
    disk.readBlock(0, bytes);
    const commits = bytes[0];
    if (bytes[512] !== commits) return null;
    if (commits < marks.length) return `commit ${marks.length} was promised, ${commits} found`;
    for (let i = 0; i < commits; i++) {
      disk.readBlock(1 + i, bytes);
      if (bytes[0] !== 100 + i || bytes[512] !== 100 + i) return `commit ${i + 1} has no data`;
    }
    return null;
  }

  test('a missing barrier is found at its first cut, with the one write that must be lost', () => {
    const report = exploreCrashes(commitLog(false), checkCommits, { blockCount: 16 });
    const { failure } = report;
    expect(failure).not.toBeNull();
    expect(failure!.message).toBe('commit 1 has no data');
    // write 1, done, write 0: the data is lost, the record is kept.
    expect(failure!.cut).toBe(3);
    expect(failure!.fates.map((fate) => fate.fate)).toEqual(['lost', 'kept']);
    expect(failure!.story).toBe(
      [
        '#0 write 1: LOST',
        '#1 #0 done',
        '#2 write 0: kept',
        'power cut: commit 1 has no data',
      ].join('\n'),
    );
  });

  test('with the barrier every state is sound, and all of them were tried', () => {
    const report = exploreCrashes(commitLog(true), checkCommits, { blockCount: 16 });
    expect(report.failure).toBeNull();
    expect(report.coverage).toBe('units');
    expect(report.states).toBeGreaterThan(60);
  });

  test('an acknowledged write that no flush has covered is found', () => {
    const script = new Script();
    script.wrote(0, 1);
    script.log.mark('saved 1');
    const check = (state: CrashState): string | null =>
      state.marks.length > 0 && !unitsOf(state, 1).startsWith('1,1') ? 'saved, yet gone' : null;
    const { failure } = exploreCrashes(script.log, check, OPTIONS);
    expect(failure?.cut).toBe(3);
    expect(failure?.marks).toEqual(['saved 1']);
  });

  test('among forty pending writes the one that matters is named', () => {
    const script = new Script();
    for (let i = 0; i < 40; i++) script.wrote(i, 1);
    script.log.mark('all written');
    const check = (state: CrashState): string | null => {
      const bytes = new Uint8Array(BLOCK);
      state.disk.readBlock(23, bytes);
      const alone = bytes[0];
      state.disk.readBlock(24, bytes);
      return state.marks.length > 0 && alone === 0 && bytes[0] === 1 ? '24 without 23' : null;
    };
    const report = exploreCrashes(script.log, check, { blockCount: 64, statesPerCut: 64 });
    const exceptions = report.failure!.fates.filter((fate) => fate.fate !== 'kept');
    expect(exceptions).toEqual([{ entry: 46, fate: 'lost' }]);
    expect(report.coverage).toBe('sample');
  });

  test('a torn write is found where a checksum is missing', () => {
    const script = new Script();
    script.write(0, 1, 4);
    const check = (state: CrashState): string | null => {
      const units = new Set(unitsOf(state, 4).split(','));
      return units.size > 1 ? 'half a record' : null;
    };
    const { failure } = exploreCrashes(script.log, check, OPTIONS);
    expect(failure?.fates[0].fate).toBe('torn');
    expect(failure?.story).toContain('TORN, units kept: ');
  });

  test('a check that throws has found something', () => {
    const script = new Script();
    script.write(0, 1);
    const check = (): never => {
      throw new Error('cannot mount');
    };
    expect(exploreCrashes(script.log, check, OPTIONS).failure?.message).toBe('cannot mount');
  });

  test('an asynchronous check sees the same states', async () => {
    const log = commitLog(false);
    const options = { blockCount: 16 };
    const wait = async (state: CrashState): Promise<string | null> => checkCommits(state);
    const awaited = await exploreCrashesAsync(log, wait, options);
    expect(awaited).toEqual(exploreCrashes(log, checkCommits, options));
  });

  test('what recovery writes is gone in the next state', () => {
    const script = new Script();
    script.wrote(0, 1);
    script.wrote(1, 2);
    const check = (state: CrashState): string | null => {
      const bytes = new Uint8Array(BLOCK);
      for (let block = 0; block < 8; block++) {
        state.disk.readBlock(block, bytes);
        if (bytes.includes(99)) return 'a stranger';
      }
      const memory = {
        read: (_: number, t: Uint8Array, o: number, n: number) => t.fill(99, o, o + n),
      };
      state.disk.submit({
        ...{
          op: WRITE,
          fua: false,
          block: 0,
          blockCount: 8,
          tag: 0,
          sink: { completed(): void {} },
        },
        ...{ segmentAddress: new Float64Array(1), segmentCount: 1, segmentBytes: 8 * BLOCK },
        memory: {
          ...(memory as never as object),
          byteCount: 2 ** 20,
          chunkBytes: 2 ** 20,
        } as never,
      });
      state.disk.readBlock(7, bytes);
      return bytes[0] === 99 ? null : 'recovery cannot write';
    };
    expect(exploreCrashes(script.log, check, OPTIONS).failure).toBeNull();
  });

  test('the same seed tries the same states', () => {
    const script = new Script();
    for (let i = 0; i < 40; i++) script.wrote(i % 8, i);
    const run = (seed: number): string[] => {
      const seen: string[] = [];
      const check = (state: CrashState): null => {
        seen.push(unitsOf(state, 8));
        return null;
      };
      exploreCrashes(script.log, check, { blockCount: 8, statesPerCut: 40, seed });
      return seen;
    };
    expect(run(1)).toEqual(run(1));
    expect(run(1)).not.toEqual(run(2));
  });

  test.each([
    [{ blockCount: 0 }, 'blockCount'],
    [{ blockCount: 8, atomicBytes: 2048 }, 'atomicBytes'],
    [{ blockCount: 8, statesPerCut: 0 }, 'statesPerCut'],
    [{ blockCount: 8, image: new SparseBlocks(BLOCK, 9) }, 'image'],
  ])('%j is refused', (options, what) => {
    const log = new WriteLog(BLOCK);
    expect(() => exploreCrashes(log, () => null, options)).toThrow(ArgumentError);
    expect(() => exploreCrashes(log, () => null, options)).toThrow(what);
  });

  test('marks alone are entries of the log and change no disk', () => {
    const log = new WriteLog(BLOCK);
    log.mark('hello');
    expect(log.entries[0].kind).toBe(LOG_MARK);
    expect(exploreCrashes(log, () => null, OPTIONS).states).toBe(2);
  });
});
