/** Random changes of a tree against a tree of plain objects. */
import {
  EEXIST,
  EINVAL,
  EISDIR,
  ENOENT,
  ENOTDIR,
  ENOTEMPTY,
  EPERM,
  isErrno,
} from '@hotpath/hw-x86';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ext2Root } from '../../src/ext2/index.js';
import { boot, O_CREAT, O_EXCL, O_WRONLY, type SystemCalls } from '../../src/index.js';
import { runOne } from './run-one.js';

interface File {
  readonly kind: 'file';
  links: number;
}
interface Directory {
  readonly kind: 'directory';
  readonly names: Map<string, Node>;
}
type Node = File | Directory;

type Step = readonly [
  call: 'create' | 'mkdir' | 'unlink' | 'rmdir' | 'link' | 'rename',
  a: string,
  b: string,
];

const name = fc.constantFrom('a', 'b', 'c');
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => names.join('/'));
const step: fc.Arbitrary<Step> = fc.tuple(
  fc.constantFrom('create', 'mkdir', 'mkdir', 'unlink', 'rmdir', 'link', 'rename', 'rename'),
  path,
  path,
);

function directory(): Directory {
  return { kind: 'directory', names: new Map() };
}

/** The tree as POSIX wants it, in as many words as that takes. */
class Model {
  readonly root = directory();

  apply([call, a, b]: Step): number {
    const from = this.#parent(a);
    if (typeof from === 'number') return from;
    const [parent, last] = from;
    const node = parent.names.get(last);
    if (call === 'create' || call === 'mkdir') {
      if (node !== undefined) return EEXIST;
      parent.names.set(last, call === 'mkdir' ? directory() : { kind: 'file', links: 1 });
      return 0;
    }
    if (node === undefined && call !== 'rename') return ENOENT;
    if (call === 'unlink') return this.#unlink(parent, last, node!);
    if (call === 'rmdir') return this.#rmdir(parent, last, node!);
    const to = this.#parent(b);
    if (typeof to === 'number') return to;
    if (call === 'link') return this.#link(node!, ...to);
    return node === undefined ? ENOENT : this.#rename(parent, last, node, ...to);
  }

  /** Every path, with links or a slash. */
  list(at = this.root, prefix = ''): string[] {
    const found: string[] = [];
    for (const [each, node] of [...at.names].sort(([x], [y]) => (x < y ? -1 : 1))) {
      if (node.kind === 'file') found.push(`${prefix}${each} ${node.links}`);
      else found.push(`${prefix}${each}/`, ...this.list(node, `${prefix}${each}/`));
    }
    return found;
  }

  #parent(at: string): [Directory, string] | number {
    const names = at.split('/');
    const last = names.pop()!;
    let node: Node = this.root;
    for (const each of names) {
      if (node.kind !== 'directory') return ENOTDIR;
      const next: Node | undefined = node.names.get(each);
      if (next === undefined) return ENOENT;
      node = next;
    }
    return node.kind === 'directory' ? [node, last] : ENOTDIR;
  }

  #unlink(parent: Directory, last: string, node: Node): number {
    if (node.kind === 'directory') return EISDIR;
    node.links -= 1;
    parent.names.delete(last);
    return 0;
  }

  #rmdir(parent: Directory, last: string, node: Node): number {
    if (node.kind !== 'directory') return ENOTDIR;
    if (node.names.size > 0) return ENOTEMPTY;
    parent.names.delete(last);
    return 0;
  }

  #link(node: Node, to: Directory, last: string): number {
    if (to.names.has(last)) return EEXIST;
    if (node.kind === 'directory') return EPERM;
    node.links += 1;
    to.names.set(last, node);
    return 0;
  }

  #rename(from: Directory, first: string, node: Node, to: Directory, last: string): number {
    const replaced = to.names.get(last);
    if (replaced === node) return 0;
    if (node.kind === 'directory' && contains(node, to)) return EINVAL;
    if (replaced?.kind === 'directory' && contains(replaced, from)) return ENOTEMPTY;
    if (replaced !== undefined) {
      if (node.kind === 'directory' && replaced.kind !== 'directory') return ENOTDIR;
      if (node.kind !== 'directory' && replaced.kind === 'directory') return EISDIR;
      if (replaced.kind === 'directory' && replaced.names.size > 0) return ENOTEMPTY;
      if (replaced.kind === 'file') replaced.links -= 1;
    }
    from.names.delete(first);
    to.names.set(last, node);
    return 0;
  }
}

function contains(above: Directory, below: Directory): boolean {
  if (above === below) return true;
  return [...above.names.values()].some(
    (node) => node.kind === 'directory' && contains(node, below),
  );
}

function* perform(sys: SystemCalls, [call, a, b]: Step): Generator<void, number, void> {
  if (call === 'create') {
    const fd = yield* sys.open(a, O_CREAT | O_EXCL | O_WRONLY);
    return isErrno(fd) ? fd : yield* sys.close(fd);
  }
  if (call === 'mkdir') return yield* sys.mkdir(a);
  if (call === 'unlink') return yield* sys.unlink(a);
  if (call === 'rmdir') return yield* sys.rmdir(a);
  return call === 'link' ? yield* sys.link(a, b) : yield* sys.rename(a, b);
}

function* list(sys: SystemCalls, at: string): Generator<void, string[], void> {
  const fd = yield* sys.open(at === '' ? '.' : at);
  const names: string[] = [];
  while ((yield* sys.readdir(fd)) > 0) {
    if (sys.entry.name !== '.' && sys.entry.name !== '..') names.push(sys.entry.name);
  }
  yield* sys.close(fd);
  const found: string[] = [];
  for (const each of names.sort()) {
    yield* sys.lstat(`${at}${each}`);
    const { mode, links } = sys.status;
    if ((mode & 0o170000) === 0o040000) {
      found.push(`${at}${each}/`, ...(yield* list(sys, `${at}${each}/`)));
    } else {
      found.push(`${at}${each} ${links}`);
    }
  }
  return found;
}

describe.each([
  ['tmpfs', 25],
  ['ext3', 8],
] as const)('a tree on %s', (type, runs) => {
  it('is what the same changes make of a tree of plain objects, answer for answer', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const root = type === 'ext3' ? { root: ext2Root({ type }) } : {};
        const kernel = boot({ memoryBytes: 2 ** 26, diskBytes: 2 ** 24, ...root });
        const model = new Model();
        runOne(kernel, function* (sys) {
          if (type === 'ext3') yield* sys.mkdir('/tree');
          yield* sys.chdir(type === 'ext3' ? '/tree' : '/tmp');
          for (const each of steps) {
            expect([each, yield* perform(sys, each)]).toEqual([each, model.apply(each)]);
          }
          expect(yield* list(sys, '')).toEqual(model.list());
        });
        expect(kernel.parts.vfs.directories.heldCount).toBe(0);
        expect(kernel.parts.vfs.trees.heldCount).toBe(0);
      }),
      { numRuns: process.env['HOTPATH_CAMPAIGN'] ? 2000 : runs },
    );
  }, 600_000);
});
