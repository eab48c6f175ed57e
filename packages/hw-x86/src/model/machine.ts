import type { InterruptLine } from '../block-device.js';
import { CELL_COUNT, LIMIT, SHOOTDOWNS, TSC } from '../cells.js';
import type { Clock } from '../clock.js';
import type { Cpu } from '../cpu.js';
import { ArgumentError, assert, checkInteger } from '../errors.js';
import {
  IDLE,
  type InterruptController,
  type Machine,
  POWER_OFF,
  STOPPED,
  type Supervisor,
} from '../machine.js';
import type { Cycles } from '../units.js';
import { CacheHierarchy } from './cache-hierarchy.js';
import { CacheLevel } from './cache-level.js';
import { ModelCpu } from './cpu.js';
import { EventEncodings } from './event-encodings.js';
import { ModelEventQueue } from './event-queue.js';
import { type ApicBus, LocalApic } from './local-apic.js';
import type { MachineOptions, PoweredDevice } from './machine-options.js';
import { ModelMemory } from './memory.js';
import { ModelMeter } from './meter.js';
import { type Profile, type ProfileNumbers, profileNumbers } from './profile.js';
import { SKYLAKE_CLIENT } from './profiles/skylake-client.js';
import { hashMachine, loadMachine, type MachineSnapshot, saveMachine } from './state.js';
import { checkVector, ModelTimer } from './timer.js';

/** Largest number of processors: event tags and CPU masks hold this many. */
export const CPUS_MAX = 32;

// Steps that charge nothing may happen (a stop, a decision), but not for ever.
const IDLE_STEPS_MAX = 100_000;

/**
 * Makes a machine.
 * @throws ArgumentError for an option outside its range
 */
export function createMachine(options: MachineOptions = {}): ModelMachine {
  return new ModelMachine(options);
}

/** The deterministic machine: a function of its options, its supervisor and nothing else. */
export class ModelMachine implements Machine, Clock, ApicBus {
  readonly cpus: readonly ModelCpu[];
  readonly memory: ModelMemory;
  readonly events: ModelEventQueue;
  readonly interrupts: InterruptController;
  readonly timer: ModelTimer;
  readonly frequencyHz: number;
  /** Charges the processor that is being stepped. */
  readonly meter: ModelMeter;
  readonly profile: Profile;
  readonly numbers: ProfileNumbers;
  readonly mode: 'flat' | 'full';
  readonly seed: number;
  readonly skew: number;
  /** Last-level cache that all processors share; null in flat mode. */
  readonly l3: CacheLevel | null;
  readonly timerTarget: number;
  readonly #postTarget: number;
  readonly #devices: PoweredDevice[] = [];
  #supervisor: Supervisor | null = null;
  #running: ModelCpu;
  #isStepping = false;
  #eventTime: Cycles = 0;
  #inEvent = false;
  #stopping = false;
  #idleSteps = 0;
  #powered = true;

  constructor(options: MachineOptions) {
    const count = checkInteger('ERR_CPUS', 'cpus', options.cpus ?? 1, 1, CPUS_MAX);
    this.mode = checkMode(options.mode ?? 'flat');
    this.seed = checkInteger('ERR_SEED', 'seed', options.seed ?? 1, -(2 ** 31), 2 ** 32);
    this.skew = checkInteger('ERR_SKEW', 'skew', options.skew ?? 3000, 1, 2 ** 40);
    this.profile = options.profile ?? SKYLAKE_CLIENT;
    this.numbers = profileNumbers(this.profile);
    this.frequencyHz = this.numbers.frequencyHz;
    this.memory = new ModelMemory(options.memoryBytes ?? 256 * 2 ** 20, options.chunkBytes);
    checkAddressable(this.memory.byteCount, this.numbers.physicalAddressBits);
    this.events = new ModelEventQueue({ horizon: (time) => this.#lowerLimit(time) });
    this.#postTarget = this.events.register({ event: (time, tag) => this.#posted(time, tag) });
    this.timerTarget = this.events.register({ event: (time, tag) => this.#expired(time, tag) });
    this.l3 = this.mode === 'full' ? this.#createL3() : null;
    this.cpus = this.#createCpus(count, options);
    this.#running = this.cpus[0];
    this.meter = new ModelMeter(this.#running);
    this.timer = new ModelTimer(this.cpus);
    this.interrupts = {
      post: (cpu, vector, time) => this.post(cpu, vector, time),
      callRemote: (from, vector, cpuMask) => this.#callRemote(from, vector, cpuMask),
    };
  }

  attach(supervisor: Supervisor): void {
    assert(this.#supervisor === null, 'a supervisor is attached already');
    this.#supervisor = supervisor;
  }

  /** Registers a device for power cuts and snapshots, in a fixed order at boot. */
  attachDevice(device: PoweredDevice): void {
    this.#devices.push(device);
  }

  /** Devices in the order they were attached. */
  get devices(): readonly PoweredDevice[] {
    return this.#devices;
  }

  /** A line that posts `vector` to a processor when a device raises it, at the machine's time. */
  interruptLine(cpu: number, vector: number): InterruptLine {
    checkInteger('ERR_CPU', 'cpu', cpu, 0, this.cpus.length - 1);
    checkVector(vector);
    return { raise: () => this.post(cpu, vector, this.now()) };
  }

  /** Time of the event being handled, else of the processor being stepped. */
  now(): Cycles {
    return this.#inEvent ? this.#eventTime : this.#running.cells[TSC];
  }

  /** The processor that is being stepped, or was last. */
  get running(): ModelCpu {
    return this.#running;
  }

  get isPowered(): boolean {
    return this.#powered;
  }

  run(): number {
    const supervisor = this.#supervisor;
    assert(supervisor !== null, 'run() before attach()');
    const outer = this.#running;
    const wasStepping = this.#isStepping;
    let result = POWER_OFF;
    while (this.#powered) {
      if (this.#stopping) {
        this.#stopping = false;
        result = STOPPED;
        break;
      }
      const cpu = this.#slowest();
      const next = this.events.nextTime;
      if (cpu === null || next <= cpu.cells[TSC]) {
        if (next === Number.POSITIVE_INFINITY) {
          result = IDLE;
          break;
        }
        this.#dispatch();
        continue;
      }
      this.#step(cpu, supervisor);
    }
    this.#isStepping = wasStepping;
    this.#switchTo(outer);
    return result;
  }

  stop(): void {
    this.#stopping = true;
    this.#running.cells[LIMIT] = 0;
  }

  powerOff(): void {
    if (!this.#powered) return;
    this.#powered = false;
    this.#running.cells[LIMIT] = 0;
    const time = this.now();
    for (const device of this.#devices) device.powerLost?.(time);
  }

  /** Interrupt `vector` on `cpu` at `time` or at the first safe point after it. */
  post(cpu: number, vector: number, time: Cycles): void {
    checkInteger('ERR_CPU', 'cpu', cpu, 0, this.cpus.length - 1);
    checkVector(vector);
    this.events.schedule(time, this.#postTarget, cpu * 256 + vector);
  }

  sendIpi(from: ModelCpu, vector: number, destination: number, broadcast: number): void {
    from.cells[TSC] += this.numbers.ipiSendCycles;
    const arrival = from.cells[TSC] + this.numbers.ipiLatencyCycles;
    for (const cpu of this.cpus) {
      const self = cpu === from;
      const named = broadcast === 0 && cpu.id === destination;
      if (named || (broadcast === 1 && self) || broadcast === 2 || (broadcast === 3 && !self)) {
        this.post(cpu.id, vector, arrival);
      }
    }
  }

  /**
   * Everything of the hardware between two steps: memory, processors, TLBs, caches, events and
   * attached devices. Tasks of the supervisor are not in it.
   */
  snapshot(): MachineSnapshot {
    assert(!this.#isStepping, 'a snapshot is taken between runs, not from inside a step');
    return saveMachine(this);
  }

  /** Goes back to a snapshot of this machine, or of one with the same options and devices. */
  restore(snapshot: MachineSnapshot): void {
    assert(!this.#isStepping, 'a snapshot is restored between runs, not from inside a step');
    loadMachine(this, snapshot);
    this.#powered = true;
    this.#stopping = false;
    this.#running = this.cpus[0];
    this.meter.cpu = this.#running;
  }

  /** 16 hexadecimal digits over memory, processors, TLBs, caches, counters and events. */
  hash(): string {
    return hashMachine(this);
  }

  /** Checks every part; for tests. */
  checkInvariants(): void {
    this.memory.checkInvariants();
    this.events.checkInvariants();
    this.meter.checkInvariants();
    this.l3?.checkInvariants();
    for (const cpu of this.cpus) cpu.checkInvariants();
  }

  #createL3(): CacheLevel {
    const n = this.numbers;
    return new CacheLevel(n.l3Bytes, n.l3Ways, n.cacheReplacement, this.seed + 5);
  }

  #createCpus(count: number, options: MachineOptions): ModelCpu[] {
    const encodings = new EventEncodings(this.profile.eventTable);
    const cpus: ModelCpu[] = [];
    for (let id = 0; id < count; id++) {
      const cells = new Float64Array(CELL_COUNT);
      const seed = this.seed + 101 * id;
      const caches = this.l3 && new CacheHierarchy(this.numbers, cells, this.l3, seed);
      const cpu = new ModelCpu(this.memory, cells, caches, encodings, {
        id,
        numbers: this.numbers,
        full: this.mode === 'full',
        strict: options.strict ?? false,
        pagingCaches: options.pagingCaches ?? true,
        seed,
      });
      cpu.apic = new LocalApic(cpu, this);
      cpus.push(cpu);
    }
    return cpus;
  }

  #slowest(): ModelCpu | null {
    let slowest: ModelCpu | null = null;
    for (let i = 0; i < this.cpus.length; i++) {
      const cpu = this.cpus[i];
      if (cpu.halted) continue;
      if (slowest === null || cpu.cells[TSC] < slowest.cells[TSC]) slowest = cpu;
    }
    return slowest;
  }

  #dispatch(): void {
    const before = this.#eventTime;
    const nested = this.#inEvent;
    this.#inEvent = true;
    this.#eventTime = this.events.nextTime;
    this.events.dispatch();
    this.#inEvent = nested;
    if (nested) this.#eventTime = before;
  }

  #step(cpu: ModelCpu, supervisor: Supervisor): void {
    this.#switchTo(cpu);
    this.#isStepping = true;
    if (cpu.apic.hasPending && cpu.interruptsEnabled) {
      cpu.deliver(cpu.apic.take(), (on, vector) => supervisor.interrupt(on, vector));
      return;
    }
    cpu.cells[LIMIT] = this.#limitOf(cpu);
    const start = cpu.cells[TSC];
    supervisor.step(cpu);
    assert(cpu.interruptsEnabled, 'a step ended with interrupts off');
    this.#idleSteps = cpu.cells[TSC] > start || cpu.halted ? 0 : this.#idleSteps + 1;
    assert(this.#idleSteps < IDLE_STEPS_MAX, 'the supervisor steps, but charges no time');
    this.#settleCounters(cpu);
  }

  // A halted CPU with an interrupt pending does not sleep: HLT returns at once.
  #settleCounters(cpu: ModelCpu): void {
    if (cpu.unit.active !== 0) cpu.unit.settle();
    if (cpu.unit.interruptPending) {
      cpu.unit.interruptPending = false;
      cpu.apic.performanceInterrupt();
    }
    if (cpu.halted && cpu.apic.hasPending) cpu.halted = false;
  }

  #limitOf(cpu: ModelCpu): Cycles {
    let limit = this.events.nextTime;
    for (let i = 0; i < this.cpus.length; i++) {
      const other = this.cpus[i];
      if (other === cpu || other.halted) continue;
      limit = Math.min(limit, other.cells[TSC] + this.skew);
    }
    return limit;
  }

  #lowerLimit(time: Cycles): void {
    if (!this.#isStepping) return;
    const cells = this.#running.cells;
    if (time < cells[LIMIT]) cells[LIMIT] = time;
  }

  #switchTo(cpu: ModelCpu): void {
    this.#running = cpu;
    this.meter.cpu = cpu;
  }

  #posted(time: Cycles, tag: number): void {
    const cpu = this.cpus[Math.floor(tag / 256)];
    cpu.apic.request(tag % 256);
    this.#wake(cpu, time);
  }

  #expired(time: Cycles, tag: number): void {
    const cpu = this.cpus[tag % 256];
    if (cpu.apic.expire(time, Math.floor(tag / 256))) this.#wake(cpu, time);
  }

  #wake(cpu: ModelCpu, time: Cycles): void {
    if (!cpu.halted || !cpu.interruptsEnabled) return;
    cpu.sleepUntil(time);
    cpu.halted = false;
  }

  // While one CPU runs, the others are at safe points, so their handlers run here and now. The
  // message carries its time: a receiver that is behind is raised to the arrival; the sender waits
  // for the slowest answer.
  #callRemote(from: Cpu, vector: number, cpuMask: number): void {
    const supervisor = this.#supervisor;
    assert(supervisor !== null, 'callRemote() before attach()');
    checkVector(vector);
    const sender = this.cpus[from.id];
    const outer = this.#running;
    sender.cells[TSC] += this.numbers.ipiSendCycles;
    const arrival = sender.cells[TSC] + this.numbers.ipiLatencyCycles;
    let answered = sender.cells[TSC];
    for (const cpu of this.cpus) {
      if (cpu === sender || ((cpuMask >>> cpu.id) & 1) === 0) continue;
      assert(cpu.interruptsEnabled, 'callRemote: the receiver has interrupts off');
      if (cpu.halted) cpu.sleepUntil(arrival);
      else if (cpu.cells[TSC] < arrival) cpu.cells[TSC] = arrival;
      this.#switchTo(cpu);
      cpu.cells[SHOOTDOWNS] += 1;
      cpu.deliver(vector, (on, number) => supervisor.interrupt(on, number));
      answered = Math.max(answered, cpu.cells[TSC]);
    }
    this.#switchTo(outer);
    sender.cells[TSC] = answered;
  }
}

function checkMode(mode: string): 'flat' | 'full' {
  if (mode === 'flat' || mode === 'full') return mode;
  throw new ArgumentError('ERR_MODE', `mode is ${mode}; allowed: flat, full`);
}

function checkAddressable(byteCount: number, bits: number): void {
  if (byteCount <= 2 ** bits) return;
  throw new ArgumentError(
    'ERR_MEMORY_BYTES',
    `memoryBytes is ${byteCount}; allowed with this profile's ${bits} address bits: ${2 ** bits}`,
  );
}
