import {
  type BlockDevice,
  type Cpu,
  createRequest,
  DISCARD,
  FLUSH,
  HALTED,
  IDLE,
  OK,
  POWER_OFF,
  READ,
  TSC,
  WRITE,
} from '@hotpath/hw-x86';
import {
  createHddDisk,
  createMachine,
  createNvmeDisk,
  createSataSsd,
  type ModelDisk,
  type ModelMachine,
  TRACE_DISK_DISCARD,
  TRACE_DISK_DONE,
  TRACE_DISK_FLUSH,
  TRACE_DISK_POWER_CUT,
  TRACE_DISK_READ,
  TRACE_DISK_START,
  TRACE_DISK_WRITE,
} from '@hotpath/hw-x86/model';
import { describe, expect, test } from 'vitest';

const DISK_VECTOR = 0x40;

/** Each CPU works off a script of requests on its own queue, halting while it waits. */
class Rig {
  readonly machine: ModelMachine;
  readonly disk: ModelDisk;
  readonly told: string[] = [];
  readonly #left: number[];
  readonly #waiting: boolean[];

  constructor(cpuCount: number, requestCount: number, powerCutAt?: number) {
    this.machine = createMachine({ cpus: cpuCount, memoryBytes: 16 * 2 ** 20 });
    const { machine } = this;
    this.disk = createNvmeDisk({
      events: machine.events,
      clock: machine,
      lines: machine.cpus.map((cpu) => machine.interruptLine(cpu.id, DISK_VECTOR)),
      frequencyHz: machine.frequencyHz,
      blockCount: 10_000,
      ...(powerCutAt === undefined ? {} : { powerCutAt, onPowerCut: () => machine.powerOff() }),
    });
    machine.attachDevice(this.disk);
    this.#left = machine.cpus.map(() => requestCount);
    this.#waiting = machine.cpus.map(() => false);
    machine.attach({
      step: (cpu) => this.#step(cpu),
      interrupt: (cpu) => void this.disk.queues[cpu.id].reap(),
    });
  }

  #step(cpu: Cpu): void {
    cpu.cells[TSC] += 500;
    if (this.#waiting[cpu.id] || this.#left[cpu.id] === 0) {
      cpu.halted = true;
      return;
    }
    const left = this.#left[cpu.id]--;
    this.#waiting[cpu.id] = true;
    const sink = {
      completed: (tag: number, result: number): void => {
        this.told.push(`cpu ${cpu.id} tag ${tag} result ${result} at ${cpu.cells[TSC]}`);
        this.#waiting[cpu.id] = false;
      },
    };
    const request = createRequest(this.machine.memory, sink, 1);
    const op = [READ, WRITE, FLUSH][left % 3];
    Object.assign(request, { op, block: left * 7 + cpu.id, blockCount: 1, tag: left });
    request.segmentCount = op === FLUSH ? 0 : 1;
    request.segmentBytes = 4096;
    request.segmentAddress[0] = 4096 * (cpu.id + 1);
    this.machine.memory.fill(4096 * (cpu.id + 1), 4096, left);
    this.disk.queues[cpu.id].submit(request);
  }
}

describe('a disk on a machine', () => {
  test('wakes the halted processor that asked, by its own queue and interrupt', () => {
    const rig = new Rig(2, 30);
    expect(rig.machine.run()).toBe(IDLE);
    expect(rig.told).toHaveLength(60);
    for (const id of [0, 1]) {
      const own = rig.told.filter((line) => line.startsWith(`cpu ${id} `));
      expect(own).toHaveLength(30);
      expect(own.every((line) => line.includes(`result ${OK} `))).toBe(true);
      // 10 reads of 71.4 us and 20 faster requests, nearly all of the time asleep.
      const { cells } = rig.machine.cpus[id];
      expect(cells[HALTED] / cells[TSC]).toBeGreaterThan(0.95);
    }
  });

  test('is the same to the cycle in every run', () => {
    const runs = [0, 1].map(() => {
      const rig = new Rig(3, 40);
      rig.machine.run();
      return { told: rig.told, machine: rig.machine.hash(), disk: rig.disk.hash() };
    });
    expect(runs[0]).toEqual(runs[1]);
    expect(runs[0].told).toHaveLength(120);
  });

  test('a power cut at any operation ends the run, and the next request is never answered', () => {
    const whole = new Rig(2, 12);
    whole.machine.run();
    for (let cutAt = 0; cutAt < whole.disk.operations; cutAt += 5) {
      const rig = new Rig(2, 12, cutAt);
      expect(rig.machine.run()).toBe(POWER_OFF);
      expect(rig.machine.isPowered).toBe(false);
      expect(rig.disk.powered).toBe(false);
      const { told } = rig;
      expect(told).toEqual(whole.told.slice(0, told.length));
    }
  });

  test('power switched off by the machine cuts its disks', () => {
    const rig = new Rig(1, 5);
    rig.machine.powerOff();
    expect(rig.disk.powered).toBe(false);
    expect(rig.machine.run()).toBe(POWER_OFF);
  });

  test('a machine snapshot brings disk and machine back together', () => {
    const rig = new Rig(1, 30);
    rig.machine.run();
    const snapshot = rig.machine.snapshot();
    const disk = rig.disk.hash();
    const request = createRequest(rig.machine.memory, { completed(): void {} }, 1);
    Object.assign(request, {
      op: WRITE,
      block: 99,
      blockCount: 1,
      segmentBytes: 4096,
      segmentCount: 1,
    });
    rig.machine.memory.fill(0, 4096, 0xee);
    rig.disk.submit(request);
    rig.machine.run();
    expect(rig.disk.hash()).not.toBe(disk);
    rig.machine.restore(structuredClone(snapshot));
    expect(rig.disk.hash()).toBe(disk);
    rig.disk.checkInvariants();
  });

  test('each factory makes its kind of disk', () => {
    const machine = createMachine({ memoryBytes: 4 * 2 ** 20 });
    const options = {
      events: machine.events,
      clock: machine,
      line: machine.interruptLine(0, DISK_VECTOR),
      frequencyHz: machine.frequencyHz,
      blockCount: 100,
    };
    const names = [createNvmeDisk, createSataSsd, createHddDisk].map((make) => make(options).name);
    expect(names).toEqual(['NVMe SSD', 'SATA SSD', 'HDD 7200 rpm']);
  });
});

test('a tracer hears of each submit, start and completion, and of the cut', () => {
  const machine = createMachine({ memoryBytes: 4 * 2 ** 20 });
  const heard: [number, number, number][] = [];
  const disk = createNvmeDisk({
    events: machine.events,
    clock: machine,
    line: { raise(): void {} },
    frequencyHz: machine.frequencyHz,
    blockCount: 100,
    trace: { emit: (kind, a, b) => void heard.push([kind, a, b]) },
  });
  [READ, WRITE, FLUSH, DISCARD].forEach((op, i) => {
    const request = createRequest(machine.memory, { completed(): void {} }, 1);
    Object.assign(request, { op, block: 10 + i, blockCount: 1, segmentBytes: 4096 });
    request.segmentCount = op === READ || op === WRITE ? 1 : 0;
    disk.submit(request);
    machine.events.dispatch();
  });
  disk.cutPower();
  expect(heard).toEqual([
    [TRACE_DISK_READ, 0, 10],
    [TRACE_DISK_START, 0, READ],
    [TRACE_DISK_DONE, 0, OK],
    [TRACE_DISK_WRITE, 1, 11],
    [TRACE_DISK_START, 1, WRITE],
    [TRACE_DISK_DONE, 1, OK],
    [TRACE_DISK_FLUSH, 2, 12],
    [TRACE_DISK_START, 2, FLUSH],
    [TRACE_DISK_DONE, 2, OK],
    [TRACE_DISK_DISCARD, 3, 13],
    [TRACE_DISK_START, 3, DISCARD],
    [TRACE_DISK_DONE, 3, OK],
    [TRACE_DISK_POWER_CUT, 8, 0],
  ]);
});

describe('queues', () => {
  /** Devices of one disk with an interrupt counter each, and their completions in order. */
  function makeQueues(
    count: number,
    depth: number,
  ): {
    queues: readonly BlockDevice[];
    raised: number[];
    order: number[];
    drain(): void;
    submit(queue: number, tag: number): void;
  } {
    const machine = createMachine({ memoryBytes: 4 * 2 ** 20 });
    const raised = new Array<number>(count).fill(0);
    const order: number[] = [];
    const disk = createNvmeDisk({
      events: machine.events,
      clock: machine,
      lines: raised.map((_, i) => ({ raise: (): void => void raised[i]++ })),
      frequencyHz: machine.frequencyHz,
      blockCount: 10_000,
      profile: {
        kind: 'flat',
        name: 'one at a time',
        figures: { accessNs: 1000, writeNs: 1000, queueDepth: depth, cacheBytes: 2 ** 20 },
        sources: { accessNs: 'test', writeNs: 'test', queueDepth: 'test', cacheBytes: 'test' },
      },
    });
    const submit = (queue: number, tag: number): void => {
      const sink = { completed: (done: number): void => void order.push(done) };
      const request = createRequest(machine.memory, sink, 1);
      Object.assign(request, { op: READ, block: tag, blockCount: 1, segmentBytes: 4096, tag });
      request.segmentCount = 1;
      disk.queues[queue].submit(request);
    };
    const drain = (): void => {
      while (machine.events.size > 0) {
        machine.events.dispatch();
        for (const queue of disk.queues) queue.reap();
      }
    };
    return { queues: disk.queues, raised, order, drain, submit };
  }

  test('a long queue does not hold up a short one: the device takes turns', () => {
    const q = makeQueues(2, 1);
    for (let tag = 0; tag < 10; tag++) q.submit(0, tag);
    q.submit(1, 100);
    q.submit(1, 101);
    q.drain();
    expect(q.order.indexOf(100)).toBeLessThan(3);
    expect(q.order.indexOf(101)).toBeLessThan(5);
    expect(q.order).toHaveLength(12);
  });

  test('each queue raises its own line and reaps its own requests', () => {
    const q = makeQueues(3, 8);
    q.submit(1, 7);
    q.drain();
    expect(q.raised).toEqual([0, 1, 0]);
    expect(q.queues[0].blockCount).toBe(q.queues[2].blockCount);
  });
});
