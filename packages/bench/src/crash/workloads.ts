/**
 * Workloads after CrashMonkey's ACE (Mohan et al., OSDI 2018): every sequence of one call on a small
 * tree with every way to make it durable; a sample of sequences of two; and long random ones after fsx.
 */
import { Random } from '../harness/random.js';
import { type CrashOperation, describe } from './operation.js';
import { applyTo, isPossible, type ModelTree, parentOf } from './tree-model.js';

/** A list of calls with a name. */
export interface Workload {
  readonly kind: 'one' | 'two' | 'torture';
  readonly name: string;
  readonly operations: readonly CrashOperation[];
}

/** The tree that all workloads begin with. */
export const START: readonly CrashOperation[] = [
  { call: 'mkdir', path: '/A' },
  { call: 'mkdir', path: '/B' },
  { call: 'mkdir', path: '/A/empty' },
  { call: 'create', path: '/A/foo' },
  { call: 'write', path: '/A/foo', at: 0, length: 3000, fill: 201 },
  { call: 'create', path: '/A/bar' },
  { call: 'write', path: '/A/bar', at: 0, length: 17_000, fill: 202 },
  { call: 'create', path: '/B/baz' },
];

/** Calls of which the sequences consist; the fill tells writes of one workload apart. */
function calls(fill: number): CrashOperation[] {
  return [
    { call: 'create', path: '/A/new' },
    { call: 'mkdir', path: '/A/dir' },
    { call: 'symlink', path: '/B/pointer', target: '../A/foo' },
    { call: 'write', path: '/A/foo', at: 500, length: 1000, fill },
    { call: 'write', path: '/A/foo', at: 3000, length: 2500, fill },
    { call: 'write', path: '/A/foo', at: 20_000, length: 700, fill },
    { call: 'write', path: '/A/bar', at: 4096, length: 8192, fill },
    { call: 'write', path: '/B/baz', at: 0, length: 14_336, fill },
    { call: 'truncate', path: '/A/foo', size: 1100 },
    { call: 'truncate', path: '/A/bar', size: 0 },
    { call: 'truncate', path: '/A/bar', size: 12_800 },
    { call: 'truncate', path: '/B/baz', size: 50_000 },
    { call: 'punch', path: '/A/bar', page: 1, count: 2 },
    { call: 'rename', path: '/A/foo', to: '/A/zoo' },
    { call: 'rename', path: '/A/foo', to: '/B/foo' },
    { call: 'rename', path: '/A/foo', to: '/A/bar' },
    { call: 'rename', path: '/A/bar', to: '/B/baz' },
    { call: 'rename', path: '/A', to: '/D' },
    { call: 'rename', path: '/A/empty', to: '/B/moved' },
    { call: 'link', path: '/A/foo', to: '/B/hard' },
    { call: 'unlink', path: '/A/foo' },
    { call: 'unlink', path: '/A/bar' },
    { call: 'unlink-open', path: '/A/bar' },
    { call: 'rmdir', path: '/A/empty' },
  ];
}

/** What is made durable after a call: nothing, what it names, its directory, or everything. */
function syncsOf(operation: CrashOperation): (CrashOperation | null)[] {
  const syncs: (CrashOperation | null)[] = [null, { call: 'sync' }];
  if (operation.call === 'sync') return syncs;
  const path = 'to' in operation ? operation.to : operation.path;
  syncs.push({ call: 'fsync', path }, { call: 'fsync', path: parentOf(path) });
  if ('to' in operation && parentOf(operation.path) !== parentOf(path))
    syncs.push({ call: 'fsync', path: parentOf(operation.path) });
  return syncs;
}

/** Every sequence of one call, with every sync behind it and a write that nobody made durable. */
export function* sequencesOfOne(tree: ModelTree): Generator<Workload> {
  const after: CrashOperation = { call: 'write', path: '/A/bar', at: 1000, length: 3000, fill: 9 };
  for (const operation of calls(1)) {
    for (const sync of syncsOf(operation)) {
      const sequence = sync === null ? [operation] : [operation, sync, after];
      const operations = possible(tree, sequence);
      if (sync !== null && !operations.includes(sync)) continue;
      yield { kind: 'one', name: operations.map(describe).join('; '), operations };
    }
  }
}

/** Sequences of two calls without end: each of a sync or nothing after either. */
export function* sequencesOfTwo(tree: ModelTree, seed: number): Generator<Workload> {
  const random = new Random(seed);
  const first = calls(1);
  const second = calls(2);
  for (;;) {
    const sequence: CrashOperation[] = [];
    for (const list of [first, second]) {
      const operation = list[random.below(list.length)]!;
      const syncs = syncsOf(operation);
      const sync = syncs[random.below(syncs.length)]!;
      sequence.push(operation, ...(sync === null ? [] : [sync]));
    }
    const operations = possible(tree, sequence);
    if (operations.length < 2) continue;
    yield { kind: 'two', name: operations.map(describe).join('; '), operations };
  }
}

/** The calls of a sequence that can be made, one after the other. */
export function possible(
  tree: ModelTree,
  sequence: readonly CrashOperation[],
): readonly CrashOperation[] {
  const operations: CrashOperation[] = [];
  let now = tree;
  for (const operation of sequence) {
    if (!isPossible(now, operation)) continue;
    operations.push(operation);
    now = applyTo(now, operation, operations.length);
  }
  return operations;
}

const DIRECTORIES = ['/A', '/B', '/A/empty', '/C'];
const NAMES = ['foo', 'bar', 'baz', 'x'];
/** Largest offset of a write: past the first indirect block's pointers only seldom. */
const OFFSET_MAX = 24_000;

/** Long random workloads without end, of writes and truncations above all. */
export function* torture(tree: ModelTree, seed: number, length: number): Generator<Workload> {
  const random = new Random(seed);
  for (let number = 0; ; number++) {
    const operations: CrashOperation[] = [];
    let now = tree;
    while (operations.length < length) {
      const operation = randomCall(now, random, operations.length + 1);
      if (operation === null || !isPossible(now, operation)) continue;
      operations.push(operation);
      now = applyTo(now, operation, operations.length);
    }
    yield { kind: 'torture', name: `torture ${number}`, operations };
  }
}

function randomCall(tree: ModelTree, random: Random, fill: number): CrashOperation | null {
  const anyPath = (): string => {
    const directory = DIRECTORIES[random.below(DIRECTORIES.length)]!;
    return random.below(6) === 0 ? directory : `${directory}/${NAMES[random.below(NAMES.length)]}`;
  };
  const files = [...tree].filter(([, { kind }]) => kind === 'file').map(([path]) => path);
  const names = [...tree.keys()];
  const file = files[random.below(Math.max(1, files.length))];
  const name = names[random.below(names.length)]!;
  const dice = random.below(100);
  if (dice < 12) return { call: 'create', path: anyPath() };
  if (dice < 16) return { call: 'mkdir', path: anyPath() };
  if (dice < 18) return { call: 'symlink', path: anyPath(), target: 'foo' };
  if (dice < 26) return { call: 'rename', path: name, to: anyPath() };
  if (dice < 28) return { call: 'rmdir', path: name };
  if (dice < 36) return { call: 'fsync', path: name };
  if (dice < 40) return { call: 'sync' };
  if (file === undefined) return null;
  if (dice < 44) return { call: 'link', path: file, to: anyPath() };
  if (dice < 50) return { call: 'unlink', path: file };
  if (dice < 52) return { call: 'unlink-open', path: file };
  if (dice < 62) return { call: 'truncate', path: file, size: random.below(OFFSET_MAX) };
  if (dice < 66) {
    return { call: 'punch', path: file, page: random.below(6), count: 1 + random.below(3) };
  }
  const at = random.below(OFFSET_MAX);
  return { call: 'write', path: file, at, length: 1 + random.below(9000), fill };
}
