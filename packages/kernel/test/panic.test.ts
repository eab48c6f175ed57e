import { assert } from '@hotpath/hw-x86';
import { describe, expect, it } from 'vitest';
import { boot, KernelPanic, O_CREAT, O_RDWR } from '../src/index.js';
import { CallStack, FRAME_INTERRUPT, frameName, frameNamed } from '../src/task/call-stack.js';

function panicOf(run: () => void): string {
  try {
    run();
  } catch (error) {
    if (error instanceof KernelPanic) return error.message;
    throw error;
  }
  throw new Error('the kernel did not panic');
}

describe('a panic', () => {
  it('prints registers, the stack of kernel functions, other processors and the last events', () => {
    const kernel = boot({ trace: true, cpus: 2 });
    const { mounts } = kernel.parts.vfs;
    const tmpfs = mounts.fileSystem.find((each) => each?.typeName === 'tmpfs')!;
    // biome-ignore lint/correctness/useYield: it breaks at once
    tmpfs.rename = function* brokenRename() {
      assert(false, 'a directory has eaten itself');
    };
    kernel.spawn('busy', function* (sys) {
      yield* sys.compute(1e9);
    });
    kernel.spawn('mover', function* (sys) {
      yield* sys.close(yield* sys.open('/tmp/a', O_CREAT | O_RDWR));
      yield* sys.rename('/tmp/a', '/tmp/b');
    });
    const text = panicOf(() => kernel.run());
    const lines = text.split('\n');
    expect(lines[0]).toBe('kernel panic: a directory has eaten itself');
    expect(lines[1]).toMatch(/^ {2}cpu \d {2}tsc \d+ {2}instructions \d+ {2}privilege 0/);
    expect(lines[2]).toMatch(/^ {2}cr2 0x[0-9a-f]+ {2}cr3 0x[0-9a-f]+ /);
    expect(lines[3]).toMatch(/task \d "mover" on cpu \d: rename\(/);
    expect(lines[4]).toMatch(/^ {2}rax 0x52 {2}rdi 0x7f/);
    expect(lines[5]).toMatch(/^ {2}kernel stack at 0xffff[0-9a-f]+\.\.0xffff/);
    const stack = lines.indexOf('  kernel stack, innermost first:');
    expect(lines.slice(stack + 1, stack + 5)).toEqual([
      '    tmpfs',
      '    rename',
      '    operation',
      '    sys_rename',
    ]);
    expect(lines[stack + 5]).toBe('  functions of its code, innermost first:');
    expect(text).toMatch(/brokenRename\n(?:.*\n)*.*Rename\.#move.*\n.*Rename\.#locked/);
    expect(text).toMatch(/ {2}cpu \d {2}tsc \d+ {2}task \d "busy" on cpu \d: /);
    expect(text).toMatch(
      /last events:\n( {4}\d+ cpu \d .*\n)* {4}\d+ cpu \d object allocated \d+ \d+$/,
    );
    expect(text).not.toMatch(/undefined|NaN|\.ts:/);
  });

  it('says where a fault inside a call was, and how to see events when none are kept', () => {
    const kernel = boot();
    kernel.parts.userFrames.allocate = () => assert(false, 'no frames today') as never;
    kernel.spawn('reader', function* (sys) {
      const heap = yield* sys.brk(0);
      yield* sys.brk(heap + 4096);
      yield* sys.raw(22, heap); // pipe: stores both ends there
    });
    const text = panicOf(() => kernel.run());
    expect(text).toMatch(/kernel stack, innermost first:\n {4}page_fault\n {4}sys_pipe\n/);
    expect(text).toMatch(/last events: none kept; boot with trace: true$/);
  });
});

describe('the stack of kernel functions', () => {
  it('is put away while an operation waits, and is back when it goes on', () => {
    const kernel = boot();
    const { blocks, rootDevice, stack, vfs } = kernel.parts;
    const tmpfs = vfs.mounts.fileSystem.find((each) => each?.typeName === 'tmpfs')!;
    const { lookup } = tmpfs;
    const seen: string[] = [];
    let block = 1000;
    tmpfs.lookup = function* (wait, directory, name) {
      seen.push(stack.names().join(' < '));
      const slot = yield* wait.settle(blocks.get(rootDevice, block++, wait, 0));
      blocks.release(slot);
      seen.push(stack.names().join(' < '));
      return yield* lookup.call(tmpfs, wait, directory, name);
    };
    const looker = kernel.spawn('looker', function* (sys) {
      yield* sys.stat('/tmp/nowhere', 0);
      expect(stack.names()).toEqual([]);
    });
    kernel.run({ cycles: 10_000 });
    const parked = vfs.operations.parkedOf(looker.task);
    expect(Array.from(parked!, frameName)).toEqual(['lookup_name']);
    expect(stack.depth).toBe(0);
    kernel.run();
    expect(looker.error).toBe(null);
    expect(seen).toEqual(Array(2).fill('lookup_name < operation < sys_stat'));
    expect(vfs.operations.parkedOf(looker.task)).toBe(null);
  });

  it('knows its depth, refuses to end what is not under way, and names interrupts and calls', () => {
    const stack = new CallStack();
    const outer = stack.push(0);
    stack.push(frameNamed('page_fault'));
    stack.push(FRAME_INTERRUPT + 33);
    expect(stack.names()).toEqual(['interrupt 33', 'page_fault', 'sys_read']);
    const parked = stack.park(1);
    expect(stack.names()).toEqual(['sys_read']);
    stack.resume(parked);
    expect(stack.depth).toBe(3);
    stack.cut(outer);
    expect(stack.depth).toBe(0);
    expect(() => stack.cut(1)).toThrow(/not under way/);
    expect(frameName(9999)).toBe('frame 9999');
    expect(() => {
      for (let i = 0; i < 65; i++) stack.push(1);
    }).toThrow(/too deep/);
  });
});
