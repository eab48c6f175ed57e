import { resolve } from 'node:path';
import type { Command } from 'commander';
import { replayAlloc } from '../replay/alloc.js';
import { timeAlloc } from '../replay/alloc-timing.js';
import { genericHeap, type HeapMaker, heapBytesFor, slabHeap } from '../replay/heap.js';
import { loadAllocations } from '../traces/recordings.js';
import { resolveTrace, shippedTraces } from '../traces/trace-file.js';
import { wholeNumber } from './arguments.js';
import { formatTable } from './table.js';
import type { Terminal } from './terminal.js';

interface AllocOptions {
  readonly json?: true;
  readonly rounds: number;
}

const ALLOCATORS: readonly (readonly [string, HeapMaker])[] = [
  ['slab', slabHeap],
  ['baseline', genericHeap],
];

/** Adds `hotpath replay alloc TRACE`. */
export function addReplayAlloc(replay: Command, terminal: Terminal): void {
  replay
    .command('alloc')
    .description('allocations (format KMT1) on slab caches and on a generic malloc')
    .argument('<trace>', `a file, or one of ${shippedTraces('alloc').join(', ')}`)
    .option('--rounds <count>', 'timed rounds of each allocator', wholeNumber(1, 1000), 7)
    .option('--json', 'print one JSON object')
    .action((trace: string, options: AllocOptions) => runAlloc(trace, options, terminal));
}

async function runAlloc(name: string, options: AllocOptions, terminal: Terminal): Promise<void> {
  const path = resolve(resolveTrace('alloc', name));
  const trace = loadAllocations(path);
  const byteCount = heapBytesFor(trace.peakLiveBytes);
  const checked = ALLOCATORS.map(([allocator, makeHeap]) => {
    terminal.progress(`checking every block of ${allocator}`);
    return replayAlloc(trace, makeHeap(byteCount));
  });
  const timing = await timeAlloc(path, {
    rounds: options.rounds,
    warmupRounds: 2,
    progress: (text) => terminal.progress(text),
  });
  const [slab, baseline] = checked.map(({ events, objects, ...figures }, index) => {
    const nsPerEvent = index === 0 ? timing.slab : timing.baseline;
    return { events, objects, nsPerEvent, ...figures };
  });
  if (options.json) {
    terminal.print(JSON.stringify({ trace: name, ...slab, baseline }));
    return;
  }
  const { eventCount, objectCount, peakLiveBytes } = trace;
  terminal.print(
    `${name}: ${eventCount} events, ${objectCount} objects, peak ${peakLiveBytes} bytes`,
  );
  const rows = ALLOCATORS.map(([allocator], index) => {
    const { nsPerEvent, peakFootprintBytes, errors } = (index === 0 ? slab : baseline)!;
    const overhead = (peakFootprintBytes / trace.peakLiveBytes).toFixed(2);
    return [allocator, nsPerEvent.toFixed(1), `${peakFootprintBytes}`, `${overhead}x`, `${errors}`];
  });
  const heads = ['ns/event', 'peak footprint', 'of live', 'errors'];
  const columns = heads.map((head) => ({ head, align: 'right' as const }));
  for (const line of formatTable([{ head: '', align: 'left' }, ...columns], rows)) {
    terminal.print(line);
  }
}
