/** A trace that is switched on and off while the kernel runs, and its files. */
import { ArgumentError, type Cpu } from '@hotpath/hw-x86';
import {
  ByteCollector,
  Tracer,
  type TraceSnapshot,
  writeChromeJson,
  writePerfetto,
} from '@hotpath/pmc-trace';
import type { Tasks } from '../task/tasks.js';
import { defineKernelEvents } from '../trace-events.js';
import { definePartEvents } from '../trace-parts.js';
import type { CounterTracks } from './counter-tracks.js';
import type { CpuHook, EventTap } from './event-tap.js';

/** Characters of a task's name in a trace. */
const NAME_LENGTH = 60;

/** Formats of trace files. */
export type TraceFormat = 'perfetto' | 'json';

/** What it records from. */
export interface TraceRecorderPorts {
  readonly tap: EventTap;
  readonly cpus: readonly Cpu[];
  readonly frequencyHz: number;
}

/** One trace at a time; a stopped one is kept until the next begins. */
export class TraceRecorder {
  readonly #ports: TraceRecorderPorts;
  #tracer: Tracer | null = null;
  #hook: CpuHook | null = null;
  #tasks: Tasks | null = null;
  #counters: CounterTracks | null = null;

  constructor(ports: TraceRecorderPorts) {
    this.#ports = ports;
  }

  /** Tells whose names the tasks have, and who writes counters; once, at boot. */
  connect(tasks: Tasks, counters: CounterTracks): void {
    this.#tasks = tasks;
    this.#counters = counters;
    if (this.isRunning) counters.start();
  }

  /** True while events are recorded. */
  get isRunning(): boolean {
    return this.#hook !== null;
  }

  /** The rings of the present or the last trace, or null. */
  get tracer(): Tracer | null {
    return this.#tracer;
  }

  /**
   * Begins a trace; the one before is forgotten. Rings of 2 MiB a CPU keep the newest events.
   * @throws ArgumentError `ERR_TRACE_BUSY` while one runs
   */
  start(): Tracer {
    if (this.#hook !== null) {
      throw new ArgumentError('ERR_TRACE_BUSY', 'a trace runs already; allowed: one at a time');
    }
    const { cpus, frequencyHz, tap } = this.#ports;
    const tracer = new Tracer({ cpuCount: cpus.length, ticksPerSecond: frequencyHz });
    defineKernelEvents(tracer.registry);
    definePartEvents(tracer.registry);
    this.#hook = tracer.hook(cpus.map((cpu) => cpu.cells));
    this.#tracer = tracer;
    tap.addTracer(this.#hook);
    this.#counters?.start();
    return tracer;
  }

  /** Ends it; what was recorded stays. False if none runs. */
  stop(): boolean {
    if (this.#hook === null) return false;
    this.#nameTasks();
    this.#counters?.stop();
    this.#ports.tap.removeTracer(this.#hook);
    this.#hook = null;
    return true;
  }

  /** What is recorded, with the names of the tasks; null before the first trace. */
  snapshot(): TraceSnapshot | null {
    if (this.isRunning) this.#nameTasks();
    return this.#tracer?.snapshot() ?? null;
  }

  /** The trace as a file, or null before the first trace. Linear in the events. */
  file(format: TraceFormat): Uint8Array | null {
    const snapshot = this.snapshot();
    if (snapshot === null) return null;
    const bytes = new ByteCollector();
    if (format === 'json') writeChromeJson(snapshot, bytes);
    else writePerfetto(snapshot, bytes);
    return bytes.bytes();
  }

  #nameTasks(): void {
    for (const [task, name] of this.#names()) this.#tracer?.registry.nameTask(task, name);
  }

  /** A number is used again after its task has ended: its lane names all of them. */
  #names(): Map<number, string> {
    const lists = new Map<number, Set<string>>();
    const tasks = this.#tasks;
    if (tasks === null) return new Map();
    for (const report of [...tasks.ended, ...tasks.report]) {
      if (report === null) continue;
      const list = lists.get(report.task) ?? new Set();
      lists.set(report.task, list.add(report.name));
    }
    return new Map([...lists].map(([task, names]) => [task, joined([...names])]));
  }
}

function joined(names: readonly string[]): string {
  const text = names.join(', ');
  return text.length <= NAME_LENGTH ? text : `${text.slice(0, NAME_LENGTH - 3)}...`;
}
