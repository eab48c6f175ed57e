import type { Command } from 'commander';
import { CACHE_POLICIES } from '../replay/cache-policies.js';
import { replayIo } from '../replay/io.js';
import {
  decodeIoTrace,
  decodeKeyStream,
  flattenToPages,
  type KeyStream,
} from '../traces/io-trace.js';
import { readTraceFile, resolveTrace, shippedTraces } from '../traces/trace-file.js';
import { oneOf, wholeNumber } from './arguments.js';
import type { Terminal } from './terminal.js';

/** As many slots as a slot map can have. */
const CAPACITY_MAX = 2 ** 26;

interface IoOptions {
  readonly policy: string;
  readonly capacity?: number;
  readonly json?: true;
}

/** Adds `hotpath replay io TRACE`. */
export function addReplayIo(replay: Command, terminal: Terminal): void {
  const policies = Object.keys(CACHE_POLICIES);
  replay
    .command('io')
    .description('page accesses (format FIO1, or u32 keys) under a replacement policy; exact')
    .argument(
      '<trace>',
      `a file (.u32 and .u32.gz: keys), or one of ${shippedTraces('io').join(', ')}`,
    )
    .option('--policy <name>', `one of ${policies.join(', ')}`, oneOf(policies), 'lru')
    .option(
      '--capacity <pages>',
      'pages that the cache holds (default: a tenth of the unique pages)',
      wholeNumber(1, CAPACITY_MAX),
    )
    .option('--json', 'print one JSON object')
    .action((trace: string, options: IoOptions) => runIo(trace, options, terminal));
}

/** The page accesses in a file of either format, told apart by its name. */
export function readKeyStream(path: string): KeyStream {
  const bytes = readTraceFile(path);
  return /\.u32(\.gz)?$/.test(path) ? decodeKeyStream(bytes) : flattenToPages(decodeIoTrace(bytes));
}

function runIo(name: string, options: IoOptions, terminal: Terminal): void {
  const stream = readKeyStream(resolveTrace('io', name));
  const capacity = options.capacity ?? Math.max(1, Math.floor(stream.uniqueCount / 10));
  const { policy } = options;
  const { misses, requests, hitRatio, hitHash } = replayIo(
    stream,
    CACHE_POLICIES[policy]!,
    capacity,
  );
  if (options.json) {
    const result = { trace: name, policy, capacity, requests, misses, hitRatio, hitHash };
    terminal.print(JSON.stringify(result));
    return;
  }
  terminal.print(
    `${name}: ${requests} accesses of ${stream.uniqueCount} pages, ${policy} of ${capacity}: ` +
      `${misses} misses, hit ratio ${(hitRatio * 100).toFixed(2)} %, hits ${hitHash}`,
  );
}
