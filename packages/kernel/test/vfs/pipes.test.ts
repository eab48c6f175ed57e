import { EAGAIN, EBADF, EPIPE, ESPIPE } from '@hotpath/hw-x86';
import { describe, expect, it } from 'vitest';
import {
  boot,
  O_NONBLOCK,
  O_RDONLY,
  O_WRONLY,
  S_IFIFO,
  SIG_IGN,
  SIGPIPE,
  type SystemCalls,
} from '../../src/index.js';
import { heapOf, runOne } from './run-one.js';

function* pipeAt(sys: SystemCalls, heap: number, flags = 0): Generator<void, number[], void> {
  expect(yield* sys.pipe(heap, flags)).toBe(0);
  return [yield* sys.load32(heap), yield* sys.load32(heap + 4)];
}

describe('pipes', () => {
  it.each([1, 2, 4])('carry every byte in order between tasks on %i CPUs', (cpus) => {
    const kernel = boot({ cpus, memoryBytes: 2 ** 26 });
    const total = 150_000;
    const seen: number[] = [];
    runOne(kernel, function* (sys) {
      const heap = yield* heapOf(sys, 20_480);
      const [from, to] = yield* pipeAt(sys, heap);
      const child = yield* sys.fork(function* (own) {
        yield* own.close(to);
        const bytes = new Uint8Array(7000);
        for (;;) {
          const count = yield* own.read(from, heap, 7000);
          if (count <= 0) return count;
          yield* own.loadBytes(heap, bytes);
          for (let at = 0; at < count; at++) seen.push(bytes[at]!);
        }
      });
      yield* sys.close(from);
      let sent = 0;
      while (sent < total) {
        const piece = Uint8Array.from({ length: 10_000 }, (_, at) => (sent + at) % 251);
        yield* sys.storeBytes(heap, piece);
        expect(yield* sys.write(to, heap, 10_000)).toBe(10_000);
        sent += 10_000;
      }
      yield* sys.close(to);
      expect(yield* sys.wait(child)).toBe(child);
    });
    expect(seen).toHaveLength(total);
    expect(seen.every((byte, at) => byte === at % 251)).toBe(true);
    expect(kernel.parts.vfs.pipes.liveCount).toBe(0);
  });

  it('never mix writes of up to 4,096 bytes', () => {
    const kernel = boot({ cpus: 4, memoryBytes: 2 ** 26 });
    const runs: number[] = [];
    runOne(kernel, function* (sys) {
      const heap = yield* heapOf(sys, 8192);
      const [from, to] = yield* pipeAt(sys, heap);
      for (let writer = 1; writer <= 3; writer++) {
        yield* sys.fork(function* (own) {
          yield* own.storeBytes(heap, new Uint8Array(4096).fill(writer));
          for (let i = 0; i < 12; i++) yield* own.write(to, heap, 4096);
        });
      }
      yield* sys.close(to);
      const bytes = new Uint8Array(4096);
      for (;;) {
        let got = 0;
        while (got < 4096) {
          const count = yield* sys.read(from, heap + got, 4096 - got);
          if (count <= 0) break;
          got += count;
        }
        if (got === 0) break;
        yield* sys.loadBytes(heap, bytes);
        runs.push(new Set(bytes).size);
      }
      for (let i = 0; i < 3; i++) yield* sys.wait();
    });
    expect(runs).toHaveLength(36);
    expect(Math.max(...runs)).toBe(1);
  });

  it('answer EAGAIN without a wait, EPIPE without a reader, 0 at the end, ESPIPE to seeks', () => {
    runOne(boot({ memoryBytes: 2 ** 26 }), function* (sys) {
      yield* sys.sigaction(SIGPIPE, SIG_IGN);
      const heap = yield* heapOf(sys, 81_920);
      const [from, to] = yield* pipeAt(sys, heap, O_NONBLOCK);
      expect(yield* sys.read(from!, heap, 1)).toBe(EAGAIN);
      expect(yield* sys.write(from!, heap, 1)).toBe(EBADF);
      expect(yield* sys.write(to!, heap, 80_000)).toBe(65_536);
      expect(yield* sys.write(to!, heap, 1)).toBe(EAGAIN);
      expect(yield* sys.read(from!, heap, 100)).toBe(100);
      expect(yield* sys.write(to!, heap, 4096)).toBe(EAGAIN);
      expect(yield* sys.write(to!, heap, 8192)).toBe(100);
      expect(yield* sys.lseek(from!, 0)).toBe(ESPIPE);
      expect(yield* sys.pread(from!, heap, 1, 0)).toBe(ESPIPE);
      yield* sys.close(from!);
      expect(yield* sys.write(to!, heap, 1)).toBe(EPIPE);
      const [again, last] = yield* pipeAt(sys, heap);
      yield* sys.close(last!);
      expect(yield* sys.read(again!, heap, 10)).toBe(0);
    });
  });

  it('end a writer that nobody reads by SIGPIPE', () => {
    const kernel = boot({ memoryBytes: 2 ** 26 });
    const report = kernel.spawn('writer', function* (sys) {
      const heap = yield* heapOf(sys, 4096);
      const [from, to] = yield* pipeAt(sys, heap);
      yield* sys.close(from!);
      yield* sys.write(to!, heap, 1);
    });
    kernel.run();
    expect(report.status).toBe(128 + SIGPIPE);
  });

  it('with a name bring both sides together before either goes on', () => {
    const kernel = boot({ cpus: 2, memoryBytes: 2 ** 26 });
    runOne(kernel, function* (sys) {
      const heap = yield* heapOf(sys, 4096);
      expect(yield* sys.mknod('/tmp/fifo', S_IFIFO | 0o600)).toBe(0);
      yield* sys.fork(function* (own) {
        const to = yield* own.open('/tmp/fifo', O_WRONLY);
        yield* own.store32(heap, 77);
        expect(yield* own.write(to, heap, 4)).toBe(4);
      });
      const from = yield* sys.open('/tmp/fifo', O_RDONLY);
      expect(yield* sys.read(from, heap, 100)).toBe(4);
      expect(yield* sys.load32(heap)).toBe(77);
      yield* sys.wait();
    });
  });
});
