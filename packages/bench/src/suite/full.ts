/** `suite --full`: every shipped recording of I/O, memory references and bursts. */
import { POLICY_NAMES, replayKeys } from '@hotpath/blockcache';
import { GIB, KIB, MIB } from '@hotpath/hw-x86';
import { SKYLAKE_CLIENT } from '@hotpath/hw-x86/model';
import { replayModelled } from '../replay/modelled-memory.js';
import { replaySched } from '../replay/sched.js';
import { SCHED_POLICIES } from '../replay/sched-policies.js';
import { loadBursts, loadKeys, loadReferences } from '../traces/recordings.js';
import { shippedTraces } from '../traces/trace-file.js';
import type { FullResults } from './results.js';

const PAGES = [
  ['4K', 4 * KIB],
  ['2M', 2 * MIB],
  ['1G', GIB],
] as const;
const CPUS = 2;

/** Where progress and lines go. */
interface Output {
  print(line: string): void;
  progress(text: string, share?: number): void;
}

/** Replays all of them, with a line each. */
export function runFull({ print, progress }: Output): FullResults {
  const results: FullResults = {
    io: allIo(progress),
    memory: allMemory(progress),
    bursts: allBursts(progress),
  };
  print('');
  for (const { trace, policy, misses, hitRate } of results.io) {
    print(
      `[FULL] I/O ${trace} ${policy}: ${misses} misses, hit_rate=${(hitRate * 100).toFixed(1)}%`,
    );
  }
  for (const { trace, pages, cycles, walks } of results.memory) {
    print(`[FULL] Memory ${trace} ${pages} pages: ${cycles} cycles, ${walks} walks`);
  }
  for (const { trace, policy, switches, wakeP99Ms } of results.bursts) {
    print(
      `[FULL] Bursts ${trace} ${policy}: ${switches} switches, wake-up p99=${wakeP99Ms.toFixed(3)} ms`,
    );
  }
  return results;
}

function allIo(progress: Output['progress']): FullResults['io'] {
  return shippedTraces('io').flatMap((trace) => {
    progress(`recorded I/O: ${trace}`);
    const { keys, uniqueCount } = loadKeys(trace);
    return POLICY_NAMES.map((policy) => {
      const { misses, hitRatio } = replayKeys(policy, Math.floor(uniqueCount / 10), keys);
      return { trace, policy, misses, hitRate: hitRatio };
    });
  });
}

function allMemory(progress: Output['progress']): FullResults['memory'] {
  return shippedTraces('mem').flatMap((trace) => {
    progress(`recorded memory references: ${trace}`);
    const references = loadReferences(trace);
    return PAGES.map(([pages, bytes]) => {
      const replay = replayModelled(references, SKYLAKE_CLIENT, bytes);
      const walks = replay.dtlbLoadWalks + replay.dtlbStoreWalks + replay.itlbWalks;
      return { trace, pages, cycles: replay.cycles, walks };
    });
  });
}

function allBursts(progress: Output['progress']): FullResults['bursts'] {
  return shippedTraces('sched').flatMap((trace) => {
    progress(`recorded bursts: ${trace}`);
    const tasks = loadBursts(trace);
    return Object.entries(SCHED_POLICIES).map(([policy, make]) => {
      const { switches, wakeLatencyUs } = replaySched(tasks, { policy: make(), cpus: CPUS });
      return { trace, policy, switches, wakeP99Ms: wakeLatencyUs.p99 / 1000 };
    });
  });
}
