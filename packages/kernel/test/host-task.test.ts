import { EBUSY, IDLE } from '@hotpath/hw-x86';
import { expect, test } from 'vitest';
import { boot, HostTaskError, O_CREAT, O_RDWR } from '../src/index.js';

test('calls of a host task end before they return, on one CPU and on four', () => {
  for (const cpus of [1, 4]) {
    const kernel = boot({ cpus, mode: 'flat' });
    const task = kernel.openHostTask('guest');
    const fd = task.call((sys) => sys.open('/file', O_CREAT | O_RDWR));
    const buffer = task.call((sys) => sys.brk(0));
    task.call((sys) => sys.brk(buffer + 4096));
    task.call((sys) => sys.storeBytes(buffer, Uint8Array.of(1, 2, 3)));
    expect(task.call((sys) => sys.pwrite(fd, buffer, 3, 0))).toBe(3);
    const before = kernel.cycles;
    expect(task.call((sys) => sys.fsync(fd))).toBe(0);
    // A disk was waited for.
    expect(kernel.cycles - before).toBeGreaterThan(10_000);
    task.close(7);
    expect(task.report.status).toBe(7);
    expect(kernel.run()).toBe(IDLE);
    kernel.checkInvariants();
  }
});

test('a second host task is refused with EBUSY until the first is closed', () => {
  const kernel = boot();
  const task = kernel.openHostTask('first');
  let refused: unknown;
  try {
    kernel.openHostTask('second');
  } catch (error) {
    refused = error;
  }
  expect(refused).toBeInstanceOf(HostTaskError);
  expect(refused).toMatchObject({ code: 'EBUSY', errno: EBUSY });
  task.close();
  kernel.openHostTask('second').close();
});

test('what an operation throws is thrown to the host, and the task goes on', () => {
  const kernel = boot();
  const task = kernel.openHostTask('guest');
  expect(() =>
    task.call(function* () {
      yield;
      throw new Error('of the operation');
    }),
  ).toThrow('of the operation');
  expect(task.call((sys) => sys.getpid())).toBeGreaterThan(0);
  task.close();
});

test('a wait that nothing can end, and a task that has ended, are errors', () => {
  const kernel = boot();
  const task = kernel.openHostTask('guest');
  expect(() => task.call((sys) => sys.pause())).toThrow('nothing is left');
  const other = boot().openHostTask('guest');
  expect(() => other.call((sys) => sys.exit(3))).toThrow('ended in the middle');
  expect(() => other.call((sys) => sys.getpid())).toThrow('has ended');
});
