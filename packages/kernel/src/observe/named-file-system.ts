import { type CallStack, fileSystemFrame } from '../task/call-stack.js';
import type { FileSystem, Operation } from '../vfs/file-system.js';

/** What of a file system is an operation: it may wait, and has a frame in a profile. */
const OPERATIONS: ReadonlySet<PropertyKey> = new Set<keyof FileSystem>([
  'load',
  'forget',
  'lookup',
  'create',
  'mkdir',
  'symlink',
  'readlink',
  'link',
  'unlink',
  'rmdir',
  'rename',
  'readDirectory',
  'setAttributes',
  'readPages',
  'writePages',
  'reserve',
  'truncate',
  'punch',
  'syncInode',
  'sync',
  'unmount',
]);

/**
 * A file system of an observable kernel: each of its operations has a frame with the name of its type.
 */
export function namedFileSystem(fileSystem: FileSystem, stack: CallStack): FileSystem {
  const frame = fileSystemFrame(fileSystem.typeName);
  const functions = new Map<PropertyKey, unknown>();
  return new Proxy(fileSystem, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value !== 'function') return value;
      let bound = functions.get(key);
      if (bound === undefined) {
        bound = OPERATIONS.has(key)
          ? (...args: readonly unknown[]) => framed(stack, frame, value.apply(target, args))
          : value.bind(target);
        functions.set(key, bound);
      }
      return bound;
    },
  });
}

/** The frame is there while the operation is stepped, and not while it waits. */
function* framed(stack: CallStack, frame: number, operation: Operation): Operation {
  for (;;) {
    const depth = stack.push(frame);
    const step = operation.next();
    stack.cut(depth);
    if (step.done === true) return step.value;
    yield;
  }
}
