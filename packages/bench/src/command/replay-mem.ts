import type { CacheGeometry } from '@hotpath/hw-x86/model';
import type { Command } from 'commander';
import { MACHINES } from '../replay/machines.js';
import { replayCaches, replayTlb } from '../replay/memory.js';
import { type ModelledReplay, replayModelled } from '../replay/modelled-memory.js';
import { loadReferences } from '../traces/recordings.js';
import { shippedTraces } from '../traces/trace-file.js';
import { cacheGeometry, formatBytes, oneOf, parseBytes, wholeNumber } from './arguments.js';
import { formatTable } from './table.js';
import type { Terminal } from './terminal.js';

interface MemOptions {
  readonly i1: CacheGeometry;
  readonly d1: CacheGeometry;
  readonly ll: CacheGeometry;
  readonly tlb: number;
  readonly page: number;
  readonly machine?: string;
  readonly json?: true;
}

const PAGE_SIZES = ['4K', '2M', '1G'] as const;

const pageBytes = (text: string): number => parseBytes(oneOf(PAGE_SIZES)(text));

/** Adds `hotpath replay mem TRACE`. */
export function addReplayMem(replay: Command, terminal: Terminal): void {
  const machines = Object.keys(MACHINES);
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
    .option('--page <bytes>', `page size: ${PAGE_SIZES.join(', ')}`, pageBytes, 2 ** 12)
    .option(
      '--machine <name>',
      `send them through a modelled processor too: ${machines.join(', ')}`,
      oneOf(machines),
    )
    .option('--json', 'print one JSON object')
    .action((trace: string, options: MemOptions) => runMem(trace, options, terminal));
}

function runMem(name: string, options: MemOptions, terminal: Terminal): void {
  const { i1, d1, ll, tlb: entries, page } = options;
  const trace = loadReferences(name);
  const caches = replayCaches(trace, { i1, d1, ll });
  const tlb = replayTlb(trace, entries, page);
  const references = trace.referenceCount;
  const profile = options.machine === undefined ? undefined : MACHINES[options.machine];
  const modelled = profile === undefined ? undefined : replayModelled(trace, profile, options.page);
  if (options.json) {
    const geometry = { i1, d1, ll };
    const result = {
      trace: name,
      references,
      geometry,
      caches,
      tlb: { entries, pageBytes: page, ...tlb },
      ...(modelled === undefined ? {} : { modelled }),
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
  terminal.print(`TLB of ${entries} entries, ${formatBytes(page)} pages`);
  const streams = Object.entries(tlb).map(([stream, counts]) => [
    { I: 'instructions', D: 'data', unified: 'unified' }[stream]!,
    counts.lookups,
    counts.misses,
  ]);
  printTable(['look-ups', 'misses'], streams, terminal);
  if (modelled !== undefined) printModelled(modelled, terminal);
}

function printModelled(modelled: ModelledReplay, terminal: Terminal): void {
  const { machine, pages, cycles, walkCycles, dtlbLoadWalks, dtlbStoreWalks } = modelled;
  terminal.print(
    `${machine}, full mode, ${pages} pages: ${cycles} cycles, ${walkCycles} of them in page walks`,
  );
  terminal.print(
    `  walks: ${dtlbLoadWalks} by loads, ${dtlbStoreWalks} by stores, ${modelled.itlbWalks} by ` +
      `fetches; ${modelled.stlbHits} second-level TLB hits`,
  );
  terminal.print(
    `  misses: ${modelled.l1dMisses} of L1D, ${modelled.l2Misses} of L2, ${modelled.llcMisses} of ` +
      'the last level',
  );
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
