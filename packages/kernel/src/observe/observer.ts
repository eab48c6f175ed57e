/** What looks into a running kernel, put together. */
import type { Cpu } from '@hotpath/hw-x86';
import type { ModelMachine } from '@hotpath/hw-x86/model';
import type { CpuModel } from '@hotpath/pmc-trace';
import type { Current } from '../current.js';
import type { CallStack } from '../task/call-stack.js';
import type { CycleAccounts } from '../task/cycle-accounts.js';
import { waitKind } from '../task/cycle-accounts.js';
import type { Tasks } from '../task/tasks.js';
import type { BlockIo } from './block-io.js';
import { CallTimes } from './call-times.js';
import { CounterTracks } from './counter-tracks.js';
import { EventTap } from './event-tap.js';
import { KernelProfiler } from './kernel-profiler.js';
import { SchedHistory } from './sched-history.js';
import { TaskCounters } from './task-counters.js';
import { TraceRecorder } from './trace-recorder.js';

/** What is there before the first part of the kernel. */
export interface Observation {
  readonly tap: EventTap;
  readonly trace: TraceRecorder;
}

/** The hook for all parts, and the recorder that may begin at once. */
export function beginObservation(machine: ModelMachine): Observation {
  const { cpus, frequencyHz } = machine;
  const tap = new EventTap(cpus);
  return { tap, trace: new TraceRecorder({ tap, cpus, frequencyHz }) };
}

/** What is observed. */
export interface ObserverPorts extends Observation {
  readonly machine: ModelMachine;
  readonly current: Current;
  readonly tasks: Tasks;
  readonly stack: CallStack;
  readonly accounts: CycleAccounts;
  readonly io: BlockIo;
  /** Values of the counters that a trace shows, in the order of COUNTER_TRACKS. */
  readCounters(into: Float64Array): void;
  /** Functions that a task's operation sleeps in, outermost first; null if it has none. */
  parkedOf(task: number): Uint16Array | null;
}

/** Tables and recorders of an observable kernel (option `observe` or `trace` of `boot`). */
export class Observer {
  /** Events as they happen. */
  readonly tap: EventTap;
  /** Traces and their files. */
  readonly trace: TraceRecorder;
  /** Who had which CPU when. */
  readonly sched: SchedHistory;
  /** Counters of a command. */
  readonly counters: TaskCounters;
  /** Samples of kernel functions. */
  readonly profile: KernelProfiler;
  /** Time of system calls, by call. */
  readonly calls: CallTimes;
  /** Stages of disk requests. */
  readonly io: BlockIo;

  constructor(ports: ObserverPorts) {
    const { accounts, current, io, machine, stack, tap, tasks, trace } = ports;
    const cpus: readonly Cpu[] = machine.cpus;
    this.tap = tap;
    this.trace = trace;
    trace.connect(tasks, new CounterTracks(tap, (into) => ports.readCounters(into)));
    this.io = io;
    this.calls = new CallTimes({ tap, tasks, accounts, current });
    this.sched = new SchedHistory({ tap, tasks, cpuCount: cpus.length });
    const model: CpuModel =
      machine.profile.eventTable === 'alder-lake' ? 'alder-lake-p' : 'skylake';
    this.counters = new TaskCounters({ tap, cpus, model, tasks, current });
    this.profile = new KernelProfiler({
      tap,
      cpus,
      current,
      tasks,
      stack,
      accounts,
      frequencyHz: machine.frequencyHz,
      interruptCycles: machine.numbers.interruptCycles,
      parkedOf: (task) => ports.parkedOf(task),
      waitKind: (task) => waitKind(tasks.call[task]),
    });
  }
}
