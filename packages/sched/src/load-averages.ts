import { assert, type Nanoseconds, NIL } from '@hotpath/hw-x86';
import { QUEUED, RUNNING, type Tasks } from './tasks.js';

/** A sum that has been full for ever, in units of 1,024 ns (Linux: LOAD_AVG_MAX). */
const SUM_MAX = 47_742;
/** Length of a period, in units of 1,024 ns: 1.05 ms. */
const PERIOD_UNITS = 1024;
const UNIT_NS = 1024;
/** A period's weight halves every so many periods. */
const HALF_LIFE = 32;
/** y**k for y**32 = 1/2, times 2**32 (Linux: runnable_avg_yN_inv), so that no engine computes a power. */
const DECAYS = [
  0xffffffff, 0xfa83b2da, 0xf5257d14, 0xefe4b99a, 0xeac0c6e6, 0xe5b906e6, 0xe0ccdeeb, 0xdbfbb796,
  0xd744fcc9, 0xd2a81d91, 0xce248c14, 0xc9b9bd85, 0xc5672a10, 0xc12c4cc9, 0xbd08a39e, 0xb8fbaf46,
  0xb504f333, 0xb123f581, 0xad583ee9, 0xa9a15ab4, 0xa5fed6a9, 0xa2704302, 0x9ef5325f, 0x9b8d39b9,
  0x9837f050, 0x94f4efa8, 0x91c3d373, 0x8ea4398a, 0x8b95c1e3, 0x88980e80, 0x85aac367, 0x82cd8698,
].map((word) => word / 2 ** 32);

/** Full capacity of a CPU, and the weight of nice 0. */
export const CAPACITY = 1024;

function decayed(sum: number, periods: number): number {
  if (periods > 63 * HALF_LIFE) return 0;
  const halves = Math.floor(periods / HALF_LIFE);
  return sum * DECAYS[periods - halves * HALF_LIFE] * 2 ** -halves;
}

/**
 * Per-entity load tracking (Linux kernel/sched/pelt.c; P. Turner 2011): how much of the recent past a
 * task was ready, and was running, as geometric sums whose periods of 1,024 us halve every 32, and the
 * sums of each CPU's queue. A sleeper's share stays with its CPU and decays there, so that balancing
 * sees the tasks that will soon be back.
 *
 * Time is whole nanoseconds. Sums are float64: the same on every engine, since nothing but
 * multiplication and addition makes them.
 *
 * For every CPU c: weight[c] = sum of the weights, count[c] = number of its ready tasks.
 */
export class LoadAverages {
  /** Share of time ready, of tasks, then of CPUs: weighted there by what is ready. */
  private readonly readySum: Float64Array;
  /** Share of time running. */
  private readonly ranSum: Float64Array;
  /** Of CPUs: number of ready tasks. */
  private readonly countSum: Float64Array;
  /** Units of 1,024 ns up to which the sums are, and how many of them lie in the open period. */
  private readonly units: Float64Array;
  private readonly open: Float64Array;
  private readonly taskCount: number;
  /** Weights of the ready tasks of each CPU. */
  private readonly weight: Float64Array;
  private readonly count: Float64Array;
  private readonly running: Uint8Array;
  private readonly weightOf: Float64Array;
  /** CPU whose sums hold the task's history, or NIL. */
  private readonly attached: Int32Array;

  constructor({ capacity: taskCount, cpuCount, weight: weightOf }: Tasks) {
    this.taskCount = taskCount;
    this.readySum = new Float64Array(taskCount + cpuCount);
    this.ranSum = new Float64Array(taskCount + cpuCount);
    this.countSum = new Float64Array(cpuCount);
    this.units = new Float64Array(taskCount + cpuCount);
    this.open = new Float64Array(taskCount + cpuCount);
    this.weight = new Float64Array(cpuCount);
    this.count = new Float64Array(cpuCount);
    this.running = new Uint8Array(cpuCount);
    this.weightOf = weightOf;
    this.attached = new Int32Array(taskCount).fill(NIL);
  }

  /** Brings an entity's sums up to `now`: its past decays, the time since adds `ready` and `ran`. */
  private advance(
    entity: number,
    now: Nanoseconds,
    ready: number,
    ran: number,
    count: number,
  ): void {
    const units = Math.floor(now / UNIT_NS);
    let elapsed = units - this.units[entity];
    if (elapsed <= 0) return;
    this.units[entity] = units;
    const open = this.open[entity];
    const cpu = entity - this.taskCount;
    const total = elapsed + open;
    const periods = Math.floor(total / PERIOD_UNITS);
    if (periods > 0) {
      this.readySum[entity] = decayed(this.readySum[entity], periods);
      this.ranSum[entity] = decayed(this.ranSum[entity], periods);
      if (cpu >= 0) this.countSum[cpu] = decayed(this.countSum[cpu], periods);
      const rest = total - periods * PERIOD_UNITS;
      elapsed =
        decayed(PERIOD_UNITS - open, periods) +
        (SUM_MAX - decayed(SUM_MAX, periods) - PERIOD_UNITS) +
        rest;
      this.open[entity] = rest;
    } else {
      this.open[entity] = total;
    }
    this.readySum[entity] += ready * elapsed;
    this.ranSum[entity] += ran * elapsed;
    if (cpu >= 0) this.countSum[cpu] += count * elapsed;
  }

  private advanceCpu(cpu: number, now: Nanoseconds): void {
    this.advance(this.taskCount + cpu, now, this.weight[cpu], this.running[cpu], this.count[cpu]);
  }

  private divider(entity: number): number {
    return SUM_MAX - PERIOD_UNITS + this.open[entity];
  }

  /** A task exists: it counts in full until it has shown what it is. */
  start(task: number, now: Nanoseconds): void {
    this.units[task] = Math.floor(now / UNIT_NS);
    this.open[task] = 0;
    this.readySum[task] = SUM_MAX - PERIOD_UNITS;
    this.ranSum[task] = 0;
    this.attached[task] = NIL;
  }

  /** The task becomes ready on `cpu`; its history comes with it. */
  enqueue(task: number, cpu: number, now: Nanoseconds): void {
    this.advanceCpu(cpu, now);
    if (this.attached[task] === cpu) this.advance(task, now, 0, 0, 0);
    else this.attach(task, cpu, now);
    this.weight[cpu] += this.weightOf[task];
    this.count[cpu] += 1;
  }

  /** It sleeps: its history stays with the CPU. */
  dequeue(task: number, cpu: number, now: Nanoseconds, ran: boolean): void {
    this.advanceCpu(cpu, now);
    this.advance(task, now, 1, ran ? 1 : 0, 0);
    this.weight[cpu] -= this.weightOf[task];
    this.count[cpu] -= 1;
  }

  /** The task's weight is about to become `weight`; `ready`: it counts among its CPU's ready tasks. */
  reweigh(task: number, cpu: number, now: Nanoseconds, weight: number, ready: boolean): void {
    const attached = this.attached[task];
    this.detach(task, now);
    if (ready) {
      this.advanceCpu(cpu, now);
      this.weight[cpu] += weight - this.weightOf[task];
    }
    this.weightOf[task] = weight;
    if (attached !== NIL) this.attach(task, attached, now);
  }

  /** It goes on or off the CPU, staying ready. */
  switched(task: number, cpu: number, now: Nanoseconds, ran: boolean): void {
    this.advanceCpu(cpu, now);
    this.advance(task, now, 1, ran ? 1 : 0, 0);
  }

  /** Whether the CPU runs a task from now on. */
  setRunning(cpu: number, now: Nanoseconds, running: boolean): void {
    this.advanceCpu(cpu, now);
    this.running[cpu] = running ? 1 : 0;
  }

  private attach(task: number, cpu: number, now: Nanoseconds): void {
    this.detach(task, now);
    this.advance(task, now, 0, 0, 0);
    const entity = this.taskCount + cpu;
    const scale = this.divider(entity) / this.divider(task);
    this.readySum[entity] += this.readySum[task] * this.weightOf[task] * scale;
    this.ranSum[entity] += this.ranSum[task] * scale;
    this.countSum[cpu] += this.readySum[task] * scale;
    this.attached[task] = cpu;
  }

  /** The task's history leaves the CPU that has it: it moves, or ends. */
  detach(task: number, now: Nanoseconds): void {
    const cpu = this.attached[task];
    if (cpu === NIL) return;
    this.attached[task] = NIL;
    this.advanceCpu(cpu, now);
    this.advance(task, now, 0, 0, 0);
    const entity = this.taskCount + cpu;
    const scale = this.divider(entity) / this.divider(task);
    const ready = this.readySum[task] * scale;
    this.readySum[entity] = Math.max(0, this.readySum[entity] - ready * this.weightOf[task]);
    this.ranSum[entity] = Math.max(0, this.ranSum[entity] - this.ranSum[task] * scale);
    this.countSum[cpu] = Math.max(0, this.countSum[cpu] - ready);
  }

  /** Load of a CPU at `now`: the weights of its tasks by the time they were ready. */
  load(cpu: number, now: Nanoseconds): number {
    this.advanceCpu(cpu, now);
    return this.readySum[this.taskCount + cpu] / this.divider(this.taskCount + cpu);
  }

  /** How busy a CPU was, 0..CAPACITY. */
  utilization(cpu: number, now: Nanoseconds): number {
    this.advanceCpu(cpu, now);
    return (this.ranSum[this.taskCount + cpu] * CAPACITY) / this.divider(this.taskCount + cpu);
  }

  /** CAPACITY times the number of tasks that were ready, on average. */
  readiness(cpu: number, now: Nanoseconds): number {
    this.advanceCpu(cpu, now);
    return (this.countSum[cpu] * CAPACITY) / this.divider(this.taskCount + cpu);
  }

  /** Load of a queued task. */
  taskLoad(task: number): number {
    return (this.readySum[task] * this.weightOf[task]) / this.divider(task);
  }

  /** Utilization of a task. */
  taskUtilization(task: number): number {
    return (this.ranSum[task] * CAPACITY) / this.divider(task);
  }

  /** Asserts that what is ready is what is counted, and that no sum is negative. O(n). */
  checkInvariants(tasks: Tasks): void {
    const weight = new Float64Array(tasks.cpuCount);
    const count = new Float64Array(tasks.cpuCount);
    for (let task = 0; task < tasks.capacity; task++) {
      if (tasks.state[task] !== QUEUED && tasks.state[task] !== RUNNING) continue;
      weight[tasks.cpu[task]] += this.weightOf[task];
      count[tasks.cpu[task]] += 1;
      assert(this.attached[task] === tasks.cpu[task], 'a ready task counts where it is');
    }
    for (let cpu = 0; cpu < tasks.cpuCount; cpu++) {
      assert(weight[cpu] === this.weight[cpu], 'the weights of ready tasks add up');
      assert(count[cpu] === this.count[cpu], 'the ready tasks are counted');
      assert(this.readySum[this.taskCount + cpu] >= 0, 'a load is not negative');
    }
  }
}
