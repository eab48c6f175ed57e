import { expect, it } from 'vitest';
import { boot, O_RDWR, type SystemCalls } from '../../src/index.js';

function* opened(sys: SystemCalls) {
  const heap = yield* sys.brk(0);
  yield* sys.brk(heap + 8192);
  return { heap, fd: yield* sys.open('/dev/observe', O_RDWR) };
}

it('an answer that a process left unread is not told to the next with its number', () => {
  const kernel = boot({});
  const seen: number[] = [];
  const asked = kernel.spawn('asks', function* (sys) {
    const { fd, heap } = yield* opened(sys);
    yield* sys.storeBytes(heap, new TextEncoder().encode('locks'));
    expect(yield* sys.write(fd, heap, 5)).toBe(5);
    seen.push(yield* sys.getpid());
  });
  kernel.run();
  expect(asked.status).toBe(0);
  kernel.spawn('reads', function* (sys) {
    const { fd, heap } = yield* opened(sys);
    seen.push(yield* sys.getpid(), yield* sys.read(fd, heap, 4096));
  });
  kernel.run();
  expect(seen[1]).toBe(seen[0]);
  expect(seen[2]).toBe(0);
});
