import type { Command } from 'commander';
import { replayCaches, replayTlb } from '../replay/memory.js';
import type { CacheGeometry } from '../replay/set-associative.js';
import { loadReferences } from '../traces/recordings.js';
import { shippedTraces } from '../traces/trace-file.js';
import { byteCount, cacheGeometry, formatBytes, wholeNumber } from './arguments.js';
import { formatTable } from './table.js';
import type { Terminal } from './terminal.js';

interface MemOptions {
  readonly i1: CacheGeometry;
  readonly d1: CacheGeometry;
  readonly ll: CacheGeometry;
  readonly tlb: number;
  readonly page: number;
  readonly json?: true;
}

/** Adds `hotpath replay mem TRACE`. */
export function addReplayMem(replay: Command, terminal: Terminal): void {
  const cache = (name: string, title: string, size: string) =>
    [
      `--${name} <geometry>`,
      `${title}: BYTES,WAYS,LINE`,
      cacheGeometry,
      cacheGeometry(size),
    ] as const;
  replay
    .command('mem')
    .description('memory references (format MEM1) through LRU caches and TLBs; exact counts')
    .argument('<trace>', `a file, or one of ${shippedTraces('mem').join(', ')}`)
    .option(...cache('i1', 'instruction cache', '32K,8,64'))
    .option(...cache('d1', 'data cache', '32K,8,64'))
    .option(...cache('ll', 'last-level cache, shared', '2M,16,64'))
    .option('--tlb <entries>', 'entries of a fully associative TLB', wholeNumber(1, 2 ** 20), 64)
    .option('--page <bytes>', 'page size: 4K, 2M, 1G', byteCount(2 ** 12, 2 ** 30), 2 ** 12)
    .option('--json', 'print one JSON object')
    .action((trace: string, options: MemOptions) => runMem(trace, options, terminal));
}

function runMem(name: string, options: MemOptions, terminal: Terminal): void {
  const { i1, d1, ll, tlb: entries, page: pageBytes } = options;
  const trace = loadReferences(name);
  const caches = replayCaches(trace, { i1, d1, ll });
  const tlb = replayTlb(trace, entries, pageBytes);
  const references = trace.referenceCount;
  if (options.json) {
    const geometry = { i1, d1, ll };
    const result = {
      trace: name,
      references,
      geometry,
      caches,
      tlb: { entries, pageBytes, ...tlb },
    };
    terminal.print(JSON.stringify(result));
    return;
  }
  terminal.print(`${name}: ${references} references`);
  const heads = ['references', 'first-level misses', 'last-level misses'];
  const rows = [
    ['instructions', caches.Ir, caches.I1mr, caches.ILmr],
    ['reads', caches.Dr, caches.D1mr, caches.DLmr],
    ['writes', caches.Dw, caches.D1mw, caches.DLmw],
  ];
  printTable(heads, rows, terminal);
  terminal.print(`TLB of ${entries} entries, ${formatBytes(pageBytes)} pages`);
  const streams = Object.entries(tlb).map(([stream, counts]) => [
    { I: 'instructions', D: 'data', unified: 'unified' }[stream]!,
    counts.lookups,
    counts.misses,
  ]);
  printTable(['look-ups', 'misses'], streams, terminal);
}

function printTable(
  heads: readonly string[],
  rows: readonly (readonly (string | number)[])[],
  terminal: Terminal,
): void {
  const right = heads.map((head) => ({ head, align: 'right' as const }));
  const columns = [{ head: '', align: 'left' as const }, ...right];
  const cells = rows.map((row) => row.map(String));
  for (const line of formatTable(columns, cells)) terminal.print(`  ${line}`);
}
