/** The requests of /dev/observe: tables with tabs, or the bytes of a file. */
import { ArgumentError, EBUSY, EINVAL, ENOENT, EOPNOTSUPP, NIL, OK } from '@hotpath/hw-x86';
import {
  ByteCollector,
  COUNTER_EVENTS,
  type CounterName,
  writeCollapsed,
} from '@hotpath/pmc-trace';
import type { LockStatistics } from '../locks/lock-classes.js';
import { TIME_KINDS } from '../task/cycle-accounts.js';
import { cyclesToNanoseconds, type Tasks } from '../task/tasks.js';
import { IO_OPERATIONS } from './block-io.js';
import type { CacheStatistics } from './cache-statistics.js';
import type { Observer } from './observer.js';

/** What they answer from. */
export interface RequestPorts {
  /** Null where the kernel was booted without. */
  observer(): Observer | null;
  caches(): CacheStatistics;
  locks(): readonly LockStatistics[];
  readonly tasks: Tasks;
  readonly frequencyHz: number;
  /** True where caches and TLBs are modelled. */
  readonly isFull: boolean;
}

type Row = readonly (string | number)[];

/** Answers requests; see `user/observe.ts` for those who ask. */
export class Requests {
  readonly #ports: RequestPorts;

  constructor(ports: RequestPorts) {
    this.#ports = ports;
  }

  /** The answer, or an errno: EINVAL for an unknown request, EOPNOTSUPP where nothing observes. */
  answer(words: readonly string[], caller: number): Uint8Array | number {
    const observer = this.#ports.observer();
    const [what, how, ...rest] = words;
    if (what === 'locks') return this.#locks();
    if (what === 'caches') return this.#caches();
    if (observer === null) return EOPNOTSUPP;
    if (what === 'io') return this.#io(observer);
    if (what === 'calls') return this.#calls(observer);
    if (what === 'sched') return this.#sched(observer);
    if (what === 'stat') return this.#stat(observer, how, rest, caller);
    if (what === 'record') return this.#record(observer, how, rest, caller);
    if (what === 'trace') return this.#trace(observer, how);
    return EINVAL;
  }

  #locks(): Uint8Array {
    const ns = this.#nanoseconds;
    return table(
      this.#ports
        .locks()
        .map((each) => [
          each.name,
          each.acquisitions,
          each.contended,
          ns(each.waitCycles),
          ns(each.waitCyclesMax),
          ns(each.holdCycles),
          ns(each.holdCyclesMax),
        ]),
    );
  }

  #caches(): Uint8Array {
    const { caches, tlbs } = this.#ports.caches();
    return table([
      ...caches.map((each) => Object.values(each)),
      ...tlbs.map((each) => ['tlb', ...Object.values(each)]),
    ]);
  }

  /** Sums by operation, then stages by operation: count, mean, median, 99th percentile, longest. */
  #io({ io }: Observer): Uint8Array {
    const ns = this.#nanoseconds;
    const { blocks, busyCycles, errors, inFlight, requests, waitCycles } = io.totals();
    return table([
      ['totals', ns(busyCycles), ns(waitCycles), inFlight, errors],
      ...IO_OPERATIONS.map((name, op) => ['operation', name, requests[op], blocks[op]]),
      ...io
        .latencies()
        .map(({ cycles, operation, stage }) => [
          'stage',
          operation,
          stage,
          cycles.count,
          ns(cycles.mean),
          ns(cycles.quantile(500_000)),
          ns(cycles.quantile(990_000)),
          ns(cycles.high),
        ]),
    ]);
  }

  #calls({ calls }: Observer): Uint8Array {
    const ns = this.#nanoseconds;
    return table([
      [...TIME_KINDS],
      ...calls
        .table()
        .map(({ count, errors, longest, name, time }) => [
          name,
          count,
          errors,
          ns(longest),
          ...TIME_KINDS.map((kind) => ns(time[kind])),
        ]),
    ]);
  }

  #nanoseconds = (cycles: number): number => cyclesToNanoseconds(cycles, this.#ports.frequencyHz);

  #sched(observer: Observer): Uint8Array {
    const ns = this.#nanoseconds;
    const rows = observer.sched
      .switches()
      .map((each) => [
        ns(each.time),
        each.cpu,
        each.from,
        each.fromName,
        each.state,
        ns(each.slept),
        ns(each.delayed),
        ns(each.ran),
        each.to,
        each.toName,
      ]);
    return table([[observer.sched.lost], ...rows]);
  }

  #stat(
    observer: Observer,
    how: string,
    names: readonly string[],
    caller: number,
  ): Uint8Array | number {
    const { counters } = observer;
    if (how === 'begin') {
      const wanted = names.filter(isCounterName);
      if (wanted.length !== names.length) return EINVAL;
      const owner = this.#ports.tasks.family.parent[caller];
      return attempt(() => counters.begin(caller, owner, wanted.length > 0 ? wanted : undefined));
    }
    if (how !== 'end') return EINVAL;
    if (counters.owner !== caller) return ENOENT;
    const counts = counters.end();
    if (counts === null) return ENOENT;
    const ns = this.#nanoseconds;
    return table([
      ['full', this.#ports.isFull ? 1 : 0],
      ['task-clock', ns(counts.taskClock)],
      ['elapsed', ns(counts.elapsed)],
      ['context-switches', counts.switches],
      ['cpu-migrations', counts.migrations],
      ['page-faults', counts.faults],
      ['tasks', counts.tasks],
      ...counts.events.map(({ count, name }) => [name, count]),
    ]);
  }

  /** `record begin PERIOD [all] [waits]`; the answer of `end`: a line of figures, then stacks. */
  #record(
    observer: Observer,
    how: string,
    options: readonly string[],
    caller: number,
  ): Uint8Array | number {
    const { profile } = observer;
    if (how === 'begin') {
      const owner = this.#ports.tasks.family.parent[caller];
      const [period, ...flags] = options;
      return attempt(() =>
        profile.begin({
          owner,
          period: Number(period),
          task: flags.includes('all') ? NIL : caller,
          waits: flags.includes('waits'),
        }),
      );
    }
    if (how !== 'end') return EINVAL;
    if (profile.owner !== caller) return ENOENT;
    const sampled = profile.end();
    if (sampled === null) return ENOENT;
    const bytes = new ByteCollector();
    bytes.write(table([['period', sampled.period, 'samples', sampled.tree.total]]));
    writeCollapsed(sampled, bytes);
    return bytes.bytes();
  }

  #trace({ trace }: Observer, how: string): Uint8Array | number {
    if (how === 'start') return attempt(() => trace.start());
    if (how === 'stop') return trace.stop() ? OK : ENOENT;
    if (how !== 'perfetto' && how !== 'json') return EINVAL;
    return trace.file(how) ?? ENOENT;
  }
}

function isCounterName(name: string): name is CounterName {
  return name === 'dtlb-misses' || (COUNTER_EVENTS as readonly string[]).includes(name);
}

/** Lines of cells with tabs. */
function table(rows: readonly Row[]): Uint8Array {
  return new TextEncoder().encode(rows.map((row) => `${row.map(cell).join('\t')}\n`).join(''));
}

/** Names are anyone's choice. */
function cell(value: string | number): string {
  return String(value).replace(/[\t\n]/g, ' ');
}

function attempt(body: () => void): number {
  try {
    body();
    return OK;
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error;
    return error.code.endsWith('_BUSY') ? EBUSY : EINVAL;
  }
}
