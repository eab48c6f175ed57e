import fc from 'fast-check';
import { describe, expect } from 'vitest';
import { testWithTools } from '../../../../scripts/testing/tools.js';
import { type Ext2Image, ImageCallError } from '../../src/ext2/index.js';
import { check, fsck, makeImage, open, pattern } from './support/host-image.js';
import {
  type DirectoryNode,
  describeImage,
  describeModel,
  emptyRoot,
  parentOf,
} from './support/tree.js';

const RUNS = process.env['HOTPATH_CAMPAIGN'] === '1' ? 2000 : 50;

const names = fc.constantFrom('a', 'b', 'c', 'long'.repeat(20), 'é');
const paths = fc.array(names, { minLength: 1, maxLength: 3 }).map((parts) => `/${parts.join('/')}`);
const sizes = fc.oneof(fc.nat(200), fc.nat(20_000), fc.nat(400_000));

type Step = { kind: string; path: string; other: string; size: number; offset: number };
const steps: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom(
    ...['write', 'write', 'write', 'patch', 'patch', 'truncate', 'mkdir', 'mkdir', 'rmdir'],
    ...['unlink', 'rename', 'rename', 'link', 'symlink', 'sync', 'remount', 'many'],
  ),
  path: paths,
  other: paths,
  size: sizes,
  offset: fc.oneof(fc.nat(300_000), fc.nat(30_000_000)),
});

/** Does to the model what the step says: true, or false when it must be refused. */
function applyToModel(root: DirectoryNode, step: Step, salt: number): boolean {
  const place = parentOf(root, step.path);
  if (place === null) return false;
  const [parent, name] = place;
  const node = parent.children.get(name);
  if (step.kind === 'write') {
    if (node !== undefined && node.kind !== 'file') return false;
    const data = pattern(step.size, salt);
    if (node === undefined) parent.children.set(name, { kind: 'file', data });
    else node.data = data;
  } else if (step.kind === 'patch') {
    if (node?.kind !== 'file') return false;
    const length = Math.min(step.size, 5000);
    if (length === 0) return true;
    const data = new Uint8Array(Math.max(node.data.length, step.offset + length));
    data.set(node.data);
    data.set(pattern(length, salt), step.offset);
    node.data = data;
  } else if (step.kind === 'truncate') {
    if (node?.kind !== 'file') return false;
    const data = new Uint8Array(step.size);
    data.set(node.data.subarray(0, step.size));
    node.data = data;
  } else if (step.kind === 'mkdir') {
    if (node !== undefined) return false;
    parent.children.set(name, emptyRoot());
  } else if (step.kind === 'rmdir') {
    if (node?.kind !== 'directory' || node.children.size > 0) return false;
    parent.children.delete(name);
  } else if (step.kind === 'unlink') {
    if (node === undefined || node.kind === 'directory') return false;
    parent.children.delete(name);
  } else if (step.kind === 'symlink') {
    if (node !== undefined) return false;
    parent.children.set(name, { kind: 'link', target: step.other });
  } else return applyToTwo(root, step);
  return true;
}

function applyToTwo(root: DirectoryNode, step: Step): boolean {
  const [from, to] = [parentOf(root, step.path), parentOf(root, step.other)];
  if (from === null || to === null) return false;
  const node = from[0].children.get(from[1]);
  const target = to[0].children.get(to[1]);
  if (node === undefined) return false;
  if (step.kind === 'link') {
    if (node.kind === 'directory' || target !== undefined) return false;
    to[0].children.set(to[1], node);
    return true;
  }
  if (step.other !== step.path && `${step.other}/`.startsWith(`${step.path}/`)) return false;
  if (node === target) return true;
  if (target !== undefined) {
    if ((target.kind === 'directory') !== (node.kind === 'directory')) return false;
    if (target.kind === 'directory' && target.children.size > 0) return false;
  }
  from[0].children.delete(from[1]);
  to[0].children.set(to[1], node);
  return true;
}

function applyToImage(image: Ext2Image, step: Step, salt: number): void {
  const { kind, path, other } = step;
  if (kind === 'write') image.writeFile(path, pattern(step.size, salt));
  else if (kind === 'patch') {
    if (image.stat(path).mode >>> 12 !== 8) throw new ImageCallError('no file', -22);
    image.writeAt(image.find(path), step.offset, pattern(Math.min(step.size, 5000), salt));
  } else if (kind === 'truncate') image.truncate(path, step.size);
  else if (kind === 'mkdir') image.mkdir(path);
  else if (kind === 'rmdir') image.rmdir(path);
  else if (kind === 'unlink') image.unlink(path);
  else if (kind === 'symlink') image.symlink(other, path);
  else if (kind === 'link') image.link(path, other);
  else image.rename(path, other);
}

/** Many names in one directory, most of them gone again: blocks of names come and are used again. */
function many(image: Ext2Image, root: DirectoryNode, salt: number): void {
  for (let i = 0; i < 60; i++) {
    const name = `many-${salt}-${i}`;
    image.writeFile(`/${name}`, pattern(10, i));
    if (i % 3 !== 0) image.unlink(`/${name}`);
    else root.children.set(name, { kind: 'file', data: pattern(10, i) });
  }
}

function runSteps(bytes: Uint8Array, list: readonly Step[]): DirectoryNode {
  const root = emptyRoot();
  let image = open(bytes);
  for (const [salt, step] of list.entries()) {
    if (step.kind === 'sync') image.sync();
    else if (step.kind === 'many') many(image, root, salt);
    else if (step.kind === 'remount') {
      image.close();
      image = open(bytes);
    } else {
      // A path through a symbolic link is the walker's matter: the model has no links to directories.
      const expected = applyToModel(root, step, salt);
      let refused = false;
      try {
        applyToImage(image, step, salt);
      } catch (error) {
        if (!(error instanceof ImageCallError)) throw error;
        refused = true;
      }
      expect(refused, JSON.stringify(step)).toBe(!expected);
    }
    image.fs.checkInvariants();
  }
  expect(image.fs.problems).toEqual([]);
  image.close();
  return root;
}

describe('random workloads', () => {
  testWithTools(
    'leave what a plain model has, and nothing that e2fsck or the own checker would say',
    ['e2fsck'],
    (e2fsck) => {
      fc.assert(
        fc.property(
          fc.array(steps, { minLength: 1, maxLength: 40 }),
          fc.constantFrom(1024, 2048, 4096),
          fc.constantFrom<('ext2' | 'ext3')[]>('ext2', 'ext3'),
          (list, blockBytes, type) => {
            const filtered = list.filter((step) => !throughLink(list, step));
            const bytes = makeImage(8192, blockBytes, type);
            const root = runSteps(bytes, filtered);
            expect(check(bytes).problems).toEqual([]);
            expect(fsck(e2fsck, bytes)).toBe('');
            const image = open(bytes, true);
            expect(describeImage(image)).toEqual(describeModel(root));
            image.close();
          },
        ),
        { numRuns: RUNS, endOnFailure: RUNS > 100 },
      );
    },
    3_600_000,
  );
});

/** Whether a step's path leads through a name that some step makes a symbolic link. */
function throughLink(list: readonly Step[], step: Step): boolean {
  const links = list.filter(({ kind }) => kind === 'symlink').length > 0;
  if (!links || step.kind === 'symlink') return false;
  return list.some(
    ({ kind, path, other }) =>
      (kind === 'symlink' &&
        (step.path.startsWith(`${path}/`) || step.other.startsWith(`${path}/`))) ||
      (kind === 'rename' && step.kind !== 'rename' && step.path.startsWith(`${other}/`)),
  );
}
