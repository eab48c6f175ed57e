import type { PhysicalMemory } from '@hotpath/hw-x86';
import type { CrashState } from '@hotpath/hw-x86/model';
import { checkExt2, type Ext2Image, openImage } from '@hotpath/kernel/ext2';
import type { Promised, Recording } from './recording.js';
import { MODEL_BLOCK_BYTES, type ModelNode, type ModelTree } from './tree-model.js';

/** Bytes that reach a disk as a whole. */
const SECTOR_BYTES = 512;
const NOTHING: Promised = { floor: 0, data: new Map() };
const TYPE_MASK = 0o170000;
const TYPE_DIRECTORY = 0o040000;
const TYPE_SYMLINK = 0o120000;

/** One name of a recovered disk. */
interface Found {
  readonly kind: ModelNode['kind'];
  readonly inode: number;
  readonly size: number;
  readonly links: number;
}

/**
 * What is wrong with a disk that a power cut left, or null: it must mount and replay, be one of the
 * trees that the promises allow (names, kinds, links and sizes of one point in time; contents that the
 * file has had since), unmount, and pass the checker.
 */
export function judge(
  recording: Recording,
  state: CrashState,
  memory: PhysicalMemory,
): string | null {
  const image = openImage({ device: state.disk, memory });
  const wrong = compareWithModel(recording, state.marks, image) ?? image.fs.problems[0] ?? null;
  if (wrong !== null) return wrong;
  image.close();
  const { problems } = checkExt2(state.disk);
  if (problems.length === 0) return null;
  return `after the recovery the checker says ${problems[0]!.code}: ${problems[0]!.message}`;
}

/** Compares a mounted volume with what the marks of the log allow. */
export function compareWithModel(
  recording: Recording,
  marks: readonly string[],
  image: Ext2Image,
): string | null {
  let call = 0;
  let promised = NOTHING;
  for (const mark of [...(recording.said ?? []), ...marks]) {
    const number = Number(mark.slice(mark.indexOf(' ') + 1));
    if (mark.startsWith('call ')) call = number;
    else if (mark.startsWith('durable ')) promised = recording.promises[number]!;
  }
  const found = readTree(image);
  let wrong: string | null = null;
  // The latest tree first: what is said of it says most.
  for (let at = call; at >= promised.floor; at--) {
    const tree = recording.trees[at]!;
    const difference = compareNames(tree, found);
    const reason = difference ?? compareContents(recording, tree, { at, call, promised }, image);
    if (reason === null) return null;
    if (wrong === null || difference === null) wrong = reason;
  }
  const allowed =
    promised.floor === call ? `call ${call}` : `one of calls ${promised.floor}..${call}`;
  return `the tree is not that after ${allowed}: ${wrong}`;
}

function readTree(image: Ext2Image): Map<string, Found> {
  const found = new Map<string, Found>();
  const visit = (path: string): void => {
    for (const { name, inode } of image.list(path === '' ? '/' : path)) {
      const at = `${path}/${name}`;
      if (at === '/lost+found') continue;
      const { mode, size, links } = image.statInode(inode);
      const type = mode & TYPE_MASK;
      const kind =
        type === TYPE_DIRECTORY ? 'directory' : type === TYPE_SYMLINK ? 'symlink' : 'file';
      found.set(at, { kind, inode, size, links });
      if (kind === 'directory') visit(at);
    }
  };
  visit('');
  return found;
}

function compareNames(tree: ModelTree, found: ReadonlyMap<string, Found>): string | null {
  const inodes = new Map<number, number>();
  const links = new Map<number, number>();
  for (const { id } of tree.values()) links.set(id, (links.get(id) ?? 0) + 1);
  for (const [path, node] of tree) {
    if (path === '/') continue;
    const there = found.get(path);
    if (there === undefined) return `${path} is missing`;
    if (there.kind !== node.kind) return `${path} is a ${there.kind}, not a ${node.kind}`;
    const inode = inodes.get(node.id);
    if (inode !== undefined && inode !== there.inode) return `${path} is another file`;
    inodes.set(node.id, there.inode);
    if (node.kind === 'directory') continue;
    if (there.links !== links.get(node.id)) {
      return `${path} has ${there.links} links, not ${links.get(node.id)}`;
    }
    if (node.kind === 'file' && there.size !== node.size) {
      return `${path} has ${there.size} bytes, not ${node.size}`;
    }
  }
  for (const path of found.keys()) if (!tree.has(path)) return `${path} should not be there`;
  return null;
}

/** Between which calls the contents of a file may have been written. */
interface Window {
  /** Call whose tree it is. */
  readonly at: number;
  /** Last call that had begun. */
  readonly call: number;
  readonly promised: Promised;
}

function compareContents(
  recording: Recording,
  tree: ModelTree,
  window: Window,
  image: Ext2Image,
): string | null {
  const seen = new Set<number>();
  for (const [path, node] of tree) {
    if (node.kind === 'symlink') {
      const target = image.readlink(path);
      if (target !== node.target) return `${path} points to ${target}, not ${node.target}`;
    }
    if (node.kind !== 'file' || seen.has(node.id)) continue;
    seen.add(node.id);
    const wrong = compareFile(recording, path, node, image.readFile(path), window);
    if (wrong !== null) return wrong;
  }
  return null;
}

function compareFile(
  recording: Recording,
  path: string,
  node: ModelNode,
  bytes: Uint8Array,
  { at, call, promised }: Window,
): string | null {
  const durable = promised.data.get(node.id) ?? Number.NEGATIVE_INFINITY;
  for (let from = 0; from < bytes.length; from += SECTOR_BYTES) {
    const sector = bytes.subarray(from, from + SECTOR_BYTES);
    const index = Math.floor(from / MODEL_BLOCK_BYTES);
    const inside = from % MODEL_BLOCK_BYTES;
    const block = node.blocks.get(index);
    if (block === undefined) {
      if (sector.every((byte) => byte === 0)) continue;
      return `${path} has something in its hole at byte ${from}`;
    }
    // Of a tree from before the last sync of this file only what that sync found will do.
    if (at >= durable && equal(sector, block.bytes, inside)) continue;
    const oldest = Math.max(durable, block.since, 0);
    let known = false;
    for (let other = oldest; other <= call && !known; other++) {
      const version = fileOf(recording, other, node.id)?.blocks.get(index);
      known = version?.born === block.born && equal(sector, version.bytes, inside);
    }
    if (!known) return differs(path, from, sector, block, inside, at);
  }
  return null;
}

function differs(
  path: string,
  from: number,
  sector: Uint8Array,
  block: { readonly bytes: Uint8Array },
  inside: number,
  at: number,
): string {
  const byte = sector.findIndex((value, i) => value !== block.bytes[inside + i]);
  const zeros = sector.every((value) => value === 0) ? 'zeros' : 'something else';
  return `${path} has ${zeros} at byte ${from + byte} instead of what was written by call ${at}`;
}

const files = new WeakMap<ModelTree, Map<number, ModelNode>>();

function fileOf(recording: Recording, call: number, id: number): ModelNode | undefined {
  const tree = recording.trees[call]!;
  let byId = files.get(tree);
  if (byId === undefined) {
    byId = new Map([...tree.values()].map((node) => [node.id, node]));
    files.set(tree, byId);
  }
  return byId.get(id);
}

function equal(sector: Uint8Array, block: Uint8Array, inside: number): boolean {
  for (let i = 0; i < sector.length; i++) if (sector[i] !== block[inside + i]) return false;
  return true;
}
