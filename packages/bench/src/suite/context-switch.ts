/**
 * Mission row 30: two tasks in address spaces of their own yield to each other; a sample is the time
 * from before one task's yield to after the return of the other's.
 */
import { assert, TSC } from '@hotpath/hw-x86';
import { boot, type Program, type SystemCalls } from '@hotpath/kernel';

const SAMPLES = 1000;
/** Yields before the first sample: caches and predictor are warm then. */
const WARM_UP = 50;

/** Result of the context-switch benchmark, in cycles. */
export interface ContextSwitchResult {
  readonly samples: number;
  /** Switches that the scheduler counted meanwhile; equal to the samples. */
  readonly switches: number;
  readonly average: number;
  readonly min: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/**
 * Runs it on a kernel of its own, in full mode, one CPU, under MLFQ, where a yield goes to the tail of
 * its level and so always to the other task.
 */
export function benchContextSwitch(seed: number): ContextSwitchResult {
  const kernel = boot({ seed, mode: 'full', scheduler: 'mlfq' });
  const { current, scheduler } = kernel.parts;
  const samples: number[] = [];
  let stamp = 0;
  let yields = 0;
  let switchesAtStart = 0;
  let switches = 0;

  function* ping(sys: SystemCalls): Program {
    while (samples.length < SAMPLES) {
      if (yields > WARM_UP) samples.push(current.cpu.cells[TSC] - stamp);
      if (yields === WARM_UP) switchesAtStart = scheduler.switches[0];
      if (samples.length === SAMPLES) switches = scheduler.switches[0] - switchesAtStart;
      yields += 1;
      stamp = current.cpu.cells[TSC];
      yield* sys.yield();
    }
  }
  const tasks = [kernel.spawn('ping', ping), kernel.spawn('pong', ping)];
  kernel.run();
  for (const task of tasks) assert(task.status === 0, 'the switch benchmark did not end well');
  assert(switches === SAMPLES, 'a yield did not lead to the other task');
  samples.sort((a, b) => a - b);
  return {
    samples: SAMPLES,
    switches,
    average: samples.reduce((sum, sample) => sum + sample, 0) / SAMPLES,
    min: samples[0],
    p50: samples[SAMPLES / 2 - 1],
    p90: samples[Math.floor(SAMPLES * 0.9) - 1],
    p99: samples[Math.floor(SAMPLES * 0.99) - 1],
    p999: samples[Math.floor(SAMPLES * 0.999) - 1],
    max: samples[SAMPLES - 1],
  };
}
