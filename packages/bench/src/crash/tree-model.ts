/**
 * What a file system should hold after each call of a workload: one tree for each, sharing what did
 * not change. The judge asks which of them a recovered disk is.
 */
import { bytesOf, type CrashOperation } from './operation.js';

/** Blocks in which the model keeps contents: the smallest that ext2 has. */
export const MODEL_BLOCK_BYTES = 1024;
const PAGE_BLOCKS = 4;
const PAGE_BYTES = PAGE_BLOCKS * MODEL_BLOCK_BYTES;

/** One block of a file; never changed once made. */
export interface ModelBlock {
  /** Call that gave the file this block: a block given again is another one. */
  readonly born: number;
  /** In ordered mode a tree of this call or a later one shows nothing older than `since`. */
  readonly since: number;
  readonly bytes: Uint8Array;
}

/** A file, directory or symbolic link; never changed once made. */
export interface ModelNode {
  /** The same in every tree in which it lives. */
  readonly id: number;
  readonly kind: 'file' | 'directory' | 'symlink';
  /** Bytes of a file; 0 else. */
  readonly size: number;
  /** By index; holes are absent. */
  readonly blocks: ReadonlyMap<number, ModelBlock>;
  readonly target: string;
  /** Last call that changed more than contents: a sync of this inode makes that call durable. */
  readonly changed: number;
}

/** A whole tree: path to node. `/` is in it. */
export type ModelTree = ReadonlyMap<string, ModelNode>;

/** The directory of a path. */
export function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/';
}

function make(id: number, kind: ModelNode['kind'], changed: number): ModelNode {
  return { id, kind, size: 0, blocks: new Map(), target: '', changed };
}

/** A tree of a root and nothing else. */
export function emptyTree(): ModelTree {
  return new Map([['/', make(0, 'directory', 0)]]);
}

/** Whether the call can be made on this tree without an errno. */
export function isPossible(tree: ModelTree, operation: CrashOperation): boolean {
  if (operation.call === 'sync') return true;
  const { path } = operation;
  const node = tree.get(path);
  switch (operation.call) {
    case 'create':
    case 'mkdir':
    case 'symlink':
      return node === undefined && tree.get(parentOf(path))?.kind === 'directory';
    case 'fsync':
      return node !== undefined && node.kind !== 'symlink';
    case 'rmdir':
      return path !== '/' && node?.kind === 'directory' && !hasChildren(tree, path);
    case 'unlink':
      return node !== undefined && node.kind !== 'directory';
    case 'unlink-open':
      return node?.kind === 'file' && namesOf(tree, node.id).length === 1;
    case 'link':
      return node?.kind === 'file' && isFree(tree, operation.to);
    case 'rename':
      return node !== undefined && path !== '/' && canRename(tree, node, path, operation.to);
    default:
      return node?.kind === 'file';
  }
}

function isFree(tree: ModelTree, path: string): boolean {
  return !tree.has(path) && tree.get(parentOf(path))?.kind === 'directory';
}

function hasChildren(tree: ModelTree, path: string): boolean {
  for (const other of tree.keys()) if (other.startsWith(`${path}/`)) return true;
  return false;
}

function namesOf(tree: ModelTree, id: number): string[] {
  return [...tree].filter(([, node]) => node.id === id).map(([path]) => path);
}

function canRename(tree: ModelTree, node: ModelNode, from: string, to: string): boolean {
  if (from === to || `${to}/`.startsWith(`${from}/`) || `${from}/`.startsWith(`${to}/`)) {
    return false;
  }
  const there = tree.get(to);
  if (there === undefined) return isFree(tree, to);
  if (there.id === node.id) return false;
  if (node.kind !== 'directory') return there.kind !== 'directory';
  return there.kind === 'directory' && !hasChildren(tree, to);
}

/** The tree after call number `call`, which must be possible. */
export function applyTo(tree: ModelTree, operation: CrashOperation, call: number): ModelTree {
  if (operation.call === 'fsync' || operation.call === 'sync') return tree;
  const next = new Map(tree);
  const { path } = operation;
  const node = tree.get(path);
  const touch = (at: string): void => {
    const directory = next.get(at)!;
    next.set(at, { ...directory, changed: call });
  };
  switch (operation.call) {
    case 'create':
      next.set(path, make(call, 'file', call));
      touch(parentOf(path));
      break;
    case 'mkdir':
      next.set(path, make(call, 'directory', call));
      touch(parentOf(path));
      break;
    case 'symlink':
      next.set(path, { ...make(call, 'symlink', call), target: operation.target });
      touch(parentOf(path));
      break;
    case 'unlink':
    case 'unlink-open':
    case 'rmdir':
      next.delete(path);
      replace(next, { ...node!, changed: call });
      touch(parentOf(path));
      break;
    case 'link':
      next.set(operation.to, node!);
      replace(next, { ...node!, changed: call });
      touch(parentOf(operation.to));
      break;
    case 'rename':
      move(next, path, operation.to, call);
      touch(parentOf(path));
      touch(parentOf(operation.to));
      break;
    case 'write':
      replace(next, written(node!, operation, call));
      break;
    case 'truncate':
      replace(next, truncated(node!, operation.size, call));
      break;
    case 'punch':
      replace(next, punched(node!, operation.page, operation.count, call));
  }
  return next;
}

/** All names of a node stand for its new version. */
function replace(tree: Map<string, ModelNode>, node: ModelNode): void {
  for (const [path, { id }] of tree) if (id === node.id) tree.set(path, node);
}

function move(tree: Map<string, ModelNode>, from: string, to: string, call: number): void {
  const replaced = tree.get(to);
  tree.delete(to);
  if (replaced !== undefined) replace(tree, { ...replaced, changed: call });
  const moved = [...tree].filter(([path]) => path === from || path.startsWith(`${from}/`));
  for (const [path] of moved) tree.delete(path);
  for (const [path, node] of moved) tree.set(to + path.slice(from.length), node);
  replace(tree, { ...tree.get(to)!, changed: call });
}

function written(
  node: ModelNode,
  { at, length, fill }: { at: number; length: number; fill: number },
  call: number,
): ModelNode {
  const bytes = bytesOf(fill, at, length);
  const blocks = new Map(node.blocks);
  const stop = at + length;
  const size = Math.max(node.size, stop);
  // Whole pages are written, so that holes in them are filled, up to the end of the file.
  const first = Math.floor(at / PAGE_BYTES) * PAGE_BLOCKS;
  const end = Math.min(size, Math.ceil(stop / PAGE_BYTES) * PAGE_BYTES);
  let grown = size > node.size;
  for (let index = first; index * MODEL_BLOCK_BYTES < end; index++) {
    const before = blocks.get(index);
    const start = index * MODEL_BLOCK_BYTES;
    const from = Math.max(at, start);
    const to = Math.min(stop, start + MODEL_BLOCK_BYTES);
    if (before !== undefined && from >= to) continue;
    const contents = before?.bytes.slice() ?? new Uint8Array(MODEL_BLOCK_BYTES);
    if (from < to) contents.set(bytes.subarray(from - at, to - at), from - start);
    if (before === undefined) grown = true;
    blocks.set(index, {
      born: before?.born ?? call,
      since: before?.since ?? call,
      bytes: contents,
    });
  }
  return { ...node, size, blocks, changed: grown ? call : node.changed };
}

function truncated(node: ModelNode, size: number, call: number): ModelNode {
  const blocks = new Map(node.blocks);
  const keep = Math.ceil(size / MODEL_BLOCK_BYTES);
  for (const index of node.blocks.keys()) if (index >= keep) blocks.delete(index);
  const last = blocks.get(keep - 1);
  const inside = size % MODEL_BLOCK_BYTES;
  if (size < node.size && inside > 0 && last !== undefined) {
    const bytes = last.bytes.slice().fill(0, inside);
    blocks.set(keep - 1, { born: last.born, since: call, bytes });
  }
  return { ...node, size, blocks, changed: call };
}

function punched(node: ModelNode, page: number, count: number, call: number): ModelNode {
  const blocks = new Map(node.blocks);
  const to = (page + count) * PAGE_BLOCKS;
  for (let index = page * PAGE_BLOCKS; index < to; index++) blocks.delete(index);
  return { ...node, blocks, changed: call };
}
