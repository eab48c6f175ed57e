import { REPLAY_POLICIES, replayKeys, SLOT_LIMIT } from '@hotpath/blockcache';
import type { Command } from 'commander';
import { loadKeys } from '../traces/recordings.js';
import { shippedTraces } from '../traces/trace-file.js';
import { oneOf, wholeNumber } from './arguments.js';
import type { Terminal } from './terminal.js';

/** A policy's name. */
type PolicyName = (typeof REPLAY_POLICIES)[number];

interface IoOptions {
  readonly policy: PolicyName;
  readonly capacity?: number;
  readonly json?: true;
}

/** Takes `S3FIFO` and `s3fifo` for `s3-fifo` too. */
function policyName(text: string): PolicyName {
  const plain = (name: string): string => name.toLowerCase().replaceAll('-', '');
  return oneOf(REPLAY_POLICIES)(
    REPLAY_POLICIES.find((name) => plain(name) === plain(text)) ?? text,
  );
}

/** Adds `hotpath replay io TRACE`. */
export function addReplayIo(replay: Command, terminal: Terminal): void {
  replay
    .command('io')
    .description('page accesses (format FIO1, or u32 keys) under a replacement policy; exact')
    .argument(
      '<trace>',
      `a file (.u32 and .u32.gz: keys), or one of ${shippedTraces('io').join(', ')}`,
    )
    .option('--policy <name>', `one of ${REPLAY_POLICIES.join(', ')}`, policyName, 'lru')
    .option(
      '--capacity <pages>',
      'pages that the cache holds (default: a tenth of the unique pages)',
      wholeNumber(1, SLOT_LIMIT),
    )
    .option('--json', 'print one JSON object')
    .action((trace: string, options: IoOptions) => runIo(trace, options, terminal));
}

function runIo(name: string, options: IoOptions, terminal: Terminal): void {
  const stream = loadKeys(name);
  const capacity = options.capacity ?? Math.max(1, Math.floor(stream.uniqueCount / 10));
  const { policy } = options;
  const replay = replayKeys(policy, capacity, stream.keys);
  const { misses, requests, hitRatio, hitHash } = replay;
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
