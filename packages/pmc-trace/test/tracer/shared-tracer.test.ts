import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  ByteCollector,
  checkTrace,
  type SharedRingMode,
  SharedRingReader,
  SharedRingWriter,
  SharedTracer,
  sharedRingBytes,
  type TraceSnapshot,
  writePerfetto,
} from '../../src/index.js';

const WORKER = new URL('./shared-worker.ts', import.meta.url).href;
// Node 20 runs no TypeScript: the worker registers tsx first.
const BOOT = `import('tsx/esm/api').then(({ register }) => {
  register();
  return import(${JSON.stringify(WORKER)});
});`;

/** Events of a worker seen so far; checks each against its index. */
class Ledger {
  readonly next: number[];
  received = 0;

  constructor(workers: number) {
    this.next = new Array<number>(workers).fill(0);
  }

  take(snapshot: TraceSnapshot): void {
    snapshot.cpus.forEach(({ records, count }, worker) => {
      for (let event = 0; event < count; event += 1) {
        const [time, , a, b] = records.subarray(event * 4, event * 4 + 4);
        if (time < this.next[worker] || a !== time || b !== -time) throw new Error('a torn event');
        this.next[worker] = time + 1;
      }
      this.received += count;
    });
  }
}

let workers: Worker[] = [];

/** Two workers emit at full speed while this thread reads; what was received and lost. */
async function race(mode: SharedRingMode, capacity: number, count: number) {
  const tracer = new SharedTracer({ workerCount: 2, capacity, mode });
  tracer.registry.register({ name: 'tick', a: 'index' });
  const ends = workers.map((worker) => once(worker, 'message'));
  let running = true;
  void Promise.all(ends).then(() => {
    running = false;
  });
  workers.forEach((worker, index) => {
    worker.postMessage({ handle: tracer.handle(index), count });
  });
  const ledger = new Ledger(2);
  let reads = 0;
  while (running) {
    ledger.take(tracer.consume());
    reads += 1;
    await new Promise((resolve) => setImmediate(resolve));
  }
  const last = tracer.consume();
  ledger.take(last);
  const lost = last.cpus.reduce((sum, events) => sum + events.lost, 0);
  return { received: ledger.received, lost, reads, tracer };
}

describe('SharedTracer', () => {
  beforeAll(async () => {
    const execArgv = ['--conditions=@hotpath/source'];
    workers = [0, 1].map(() => new Worker(BOOT, { eval: true, execArgv }));
    await Promise.all(workers.map((worker) => once(worker, 'message')));
  }, 30_000);
  afterAll(async () => {
    await Promise.all(workers.map((worker) => worker.terminate()));
  });

  test('two workers lose nothing while the rings hold what they emit', async () => {
    const { received, lost } = await race('discard', 2 ** 17, 100_000);
    expect([received, lost]).toEqual([200_000, 0]);
  }, 30_000);

  test('a small ring that discards loses events, never order, and counts every one', async () => {
    const { received, lost, reads } = await race('discard', 64, 300_000);
    expect(received + lost).toBe(600_000);
    expect(reads).toBeGreaterThan(1);
    expect(lost).toBeGreaterThan(0);
  }, 30_000);

  test('reading an overwriting ring while it is written gives no torn event and exact loss', async () => {
    const { received, lost } = await race('overwrite', 64, 300_000);
    expect(received + lost).toBe(600_000);
    expect(received).toBeGreaterThan(0);
  }, 30_000);

  test('the filter is shared, and a snapshot exports like any other', () => {
    const tracer = new SharedTracer({ workerCount: 2, capacity: 16, mode: 'overwrite' });
    const kind = tracer.registry.register({ name: 'span', a: { name: 'path', type: 'string' } });
    const text = tracer.registry.intern('/');
    const handle = structuredClone({ ...tracer.handle(1), buffer: null, recorded: null });
    expect(handle).toMatchObject({ kinds: { span: kind }, texts: ['/'], mode: 'overwrite' });
    const writer = new SharedRingWriter(tracer.handle(1).buffer, 'overwrite');
    for (let time = 0; time < 20; time += 1)
      writer.write(time, kind + 65_536 * (1 + (time % 2)), text, 0);
    const sink = new ByteCollector();
    const counts = writePerfetto(tracer.snapshot(), sink);
    // One more slot is given up than is lost: the writer might be writing it.
    expect(counts).toEqual({ events: 15, lost: 5, orphanEnds: 1, closedBegins: 0 });
    expect(checkTrace(sink.bytes())).toMatchObject({ valid: true, lost: 5 });
    expect(tracer.lost()).toEqual([0, 5]);
    tracer.disable();
    expect(new Uint8Array(tracer.handle(0).recorded).every((byte) => byte === 0)).toBe(true);
  });

  test('indices go on right where 32 bits wrap', () => {
    const buffer = new SharedArrayBuffer(sharedRingBytes(16));
    new Int32Array(buffer)[0] = -8;
    new Int32Array(buffer)[16] = -8;
    const writer = new SharedRingWriter(buffer, 'discard');
    const reader = new SharedRingReader(buffer, 'discard', 0);
    (reader as unknown as { head: number; tail: number }).head = 2 ** 32 - 8;
    (reader as unknown as { head: number; tail: number }).tail = 2 ** 32 - 8;
    for (let time = 0; time < 20; time += 1) writer.write(time, 1, 0, 0);
    const events = reader.consume();
    expect([events.count, events.lost, events.firstIndex]).toEqual([16, 4, 2 ** 32 - 8]);
    writer.write(99, 1, 0, 0);
    expect(reader.consume()).toMatchObject({ count: 1, firstIndex: 2 ** 32 + 8 });
  });

  test('bad options and buffers are refused', () => {
    const code = (expected: string) => expect.objectContaining({ code: expected });
    expect(() => new SharedTracer({ workerCount: 0 })).toThrow(code('ERR_WORKER_COUNT'));
    expect(() => new SharedTracer({ workerCount: 1, mode: 'stream' as never })).toThrow(
      code('ERR_RING_MODE'),
    );
    expect(() => new SharedRingWriter(new SharedArrayBuffer(100), 'discard')).toThrow(
      code('ERR_RING_BUFFER'),
    );
    expect(() => new SharedTracer({ workerCount: 1 }).handle(1)).toThrow(code('ERR_WORKER'));
  });
});
