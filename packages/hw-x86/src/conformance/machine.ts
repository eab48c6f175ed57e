import { HALTED, LIMIT, SHOOTDOWNS, TSC } from '../cells.js';
import type { Cpu } from '../cpu.js';
import { IDLE, type Machine, POWER_OFF, STOPPED, type Supervisor } from '../machine.js';
import { type ConformanceCase, expectSame, expectThat } from './case.js';

/** The promises of Machine, its events, timer and interrupts; each case makes a machine. */
export function machineConformance(create: (cpus: number) => Machine): ConformanceCase[] {
  const cases: [string, (create: (cpus: number) => Machine) => void][] = [
    ['a machine whose CPUs are halted and that has no event is idle', idle],
    ['stop() ends run() at the next safe point, and run() may be entered again', stopping],
    ['power off ends run() for good', powerOff],
    ['events come in order of time, equal times in order of scheduling', eventOrder],
    ['a timer wakes a halted CPU at its deadline; cancel and a new deadline replace it', timers],
    ['an interrupt is not delivered before its time', interruptTime],
    ['the CPU that is furthest behind is stepped', fairness],
    ['LIMIT is never beyond the next event', limits],
    ['callRemote runs the handler on the other CPUs before it returns', remoteCalls],
  ];
  return cases.map(([name, check]) => ({ name, run: async (): Promise<void> => check(create) }));
}

function supervisor(step: (cpu: Cpu) => void, interrupt?: Supervisor['interrupt']): Supervisor {
  return { step, interrupt: interrupt ?? ((): void => {}) };
}

/** Computes until LIMIT, at most `cycles`. */
function compute(cpu: Cpu, cycles: number): void {
  const { cells } = cpu;
  cells[TSC] = Math.max(cells[TSC] + 1, Math.min(cells[LIMIT], cells[TSC] + cycles));
}

function idle(create: (cpus: number) => Machine): void {
  const machine = create(2);
  machine.attach(
    supervisor((cpu) => {
      compute(cpu, 10);
      cpu.halted = true;
    }),
  );
  expectSame('run()', machine.run(), IDLE);
  for (const cpu of machine.cpus) expectThat(cpu.halted, 'a CPU is not halted');
}

function stopping(create: (cpus: number) => Machine): void {
  const machine = create(1);
  let steps = 0;
  machine.attach(
    supervisor((cpu) => {
      compute(cpu, 10);
      if (++steps % 3 === 0) machine.stop();
    }),
  );
  expectSame('run()', machine.run(), STOPPED);
  expectSame('steps', steps, 3);
  expectSame('run() again', machine.run(), STOPPED);
  expectSame('steps', steps, 6);
}

function powerOff(create: (cpus: number) => Machine): void {
  const machine = create(1);
  machine.attach(
    supervisor((cpu) => {
      compute(cpu, 10);
      machine.powerOff();
    }),
  );
  expectSame('run()', machine.run(), POWER_OFF);
  expectSame('run() again', machine.run(), POWER_OFF);
}

function eventOrder(create: (cpus: number) => Machine): void {
  const machine = create(1);
  const tags: number[] = [];
  const target = machine.events.register({ event: (_time, tag) => tags.push(tag) });
  const times = [500, 100, 300, 100, 500, 200, 100];
  times.forEach((time, tag) => {
    machine.events.schedule(time, target, tag);
  });
  expectSame('nextTime', machine.events.nextTime, 100);
  machine.attach(
    supervisor((cpu) => {
      cpu.halted = true;
    }),
  );
  expectSame('run()', machine.run(), IDLE);
  expectSame('order', tags.join(), '1,3,6,5,2,0,4');
  expectSame('nextTime of an empty queue', machine.events.nextTime, Number.POSITIVE_INFINITY);
}

function timers(create: (cpus: number) => Machine): void {
  const machine = create(1);
  const vectors: number[] = [];
  machine.attach(
    supervisor(
      (cpu) => {
        compute(cpu, 10);
        cpu.halted = true;
      },
      (cpu, vector) => {
        vectors.push(vector);
        if (vector === 41) machine.timer.setDeadline(cpu.id, cpu.cells[TSC] + 10_000, 43);
      },
    ),
  );
  machine.timer.setDeadline(0, 5000, 40);
  machine.timer.setDeadline(0, 90_000, 41);
  expectSame('run()', machine.run(), IDLE);
  expectSame('vectors', vectors.join(), '41,43');
  expectThat(machine.cpus[0].cells[TSC] >= 100_000, 'the deadline did not pass');
  expectThat(machine.cpus[0].cells[HALTED] > 80_000, 'halted cycles were not counted');
  machine.timer.setDeadline(0, 10_000_000, 44);
  machine.timer.cancel(0);
  machine.run();
  expectSame('vectors after cancel', vectors.join(), '41,43');
}

function interruptTime(create: (cpus: number) => Machine): void {
  const machine = create(2);
  let seen = -1;
  machine.attach(
    supervisor(
      (cpu) => {
        compute(cpu, 700);
        if (cpu.cells[TSC] > 50_000) cpu.halted = true;
      },
      (cpu) => {
        seen = cpu.cells[TSC];
      },
    ),
  );
  machine.interrupts.post(1, 50, 20_000);
  machine.run();
  expectThat(seen >= 20_000, `delivered at ${seen}, due at 20000`);
}

function fairness(create: (cpus: number) => Machine): void {
  const machine = create(3);
  machine.attach(
    supervisor((cpu) => {
      for (const other of machine.cpus) {
        const behind = !other.halted && other.cells[TSC] < cpu.cells[TSC];
        expectThat(!behind, `CPU ${cpu.id} was stepped, ${other.id} is behind it`);
      }
      compute(cpu, 100 + 50 * cpu.id);
      if (cpu.cells[TSC] > 20_000) cpu.halted = true;
    }),
  );
  expectSame('run()', machine.run(), IDLE);
}

function limits(create: (cpus: number) => Machine): void {
  const machine = create(1);
  const target = machine.events.register({ event: () => {} });
  for (let i = 1; i <= 20; i++) machine.events.schedule(i * 777, target, i);
  machine.attach(
    supervisor((cpu) => {
      expectThat(cpu.cells[LIMIT] <= machine.events.nextTime, 'LIMIT is beyond the next event');
      machine.events.schedule(cpu.cells[TSC] + 50, target, 0);
      expectThat(
        cpu.cells[LIMIT] <= cpu.cells[TSC] + 50,
        'an earlier event did not lower the LIMIT of the running CPU',
      );
      compute(cpu, 10_000);
      if (cpu.cells[TSC] > 5000) cpu.halted = true;
    }),
  );
  expectSame('run()', machine.run(), IDLE);
}

function remoteCalls(create: (cpus: number) => Machine): void {
  const machine = create(3);
  const ran: number[] = [];
  let asked = false;
  machine.attach(
    supervisor(
      (cpu) => {
        compute(cpu, 100);
        if (cpu.id === 0 && !asked) {
          asked = true;
          const before = cpu.cells[TSC];
          machine.interrupts.callRemote(cpu, 60, 0b111);
          expectSame('handlers that ran', ran.join(), '1,2');
          expectThat(cpu.cells[TSC] > before, 'the sender was not charged');
        } else cpu.halted = true;
      },
      (cpu) => {
        ran.push(cpu.id);
      },
    ),
  );
  machine.run();
  expectSame('requests received', machine.cpus[1].cells[SHOOTDOWNS], 1);
}
