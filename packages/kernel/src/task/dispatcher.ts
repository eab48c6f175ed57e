/**
 * What runs on the machine: steps each CPU's task to its next safe point, takes interrupts, and
 * changes tasks. Kernel code is never cut in half: interrupts arrive between steps only.
 */
import { assert, type Cpu, NIL, SUPERVISOR, type Supervisor, TSC, USER } from '@hotpath/hw-x86';
import { PATH_INTERRUPT, PATH_SWITCH, PATH_TICK, PATH_WAKE } from '../kernel-paths.js';
import type { AddressSpace } from '../memory/address-space.js';
import { STACK_CANARY } from '../params.js';
import { CALL_WAITING } from '../syscall/call.js';
import type { Program } from '../syscall/program.js';
import { TRACE_IRQ_ENTER, TRACE_IRQ_EXIT, TRACE_SWITCH, TRACE_WAKE } from '../trace-events.js';
import { VECTOR_RESCHEDULE, VECTOR_TIMER } from '../vectors.js';
import { FRAME_INTERRUPT, frameNamed } from './call-stack.js';
import {
  raiseTo,
  TIME_INTERRUPT,
  TIME_QUEUE,
  TIME_SWITCH,
  TIME_SYSCALL,
  TIME_USER,
  waitKind,
} from './cycle-accounts.js';
import type { DispatcherPorts } from './dispatcher-ports.js';
import { InterruptCounts } from './interrupt-counts.js';
import { popSwitchRegisters, pushSwitchRegisters } from './kernel-stack.js';
import { DELIVERED, DELIVERED_END } from './signals.js';
import { cyclesToNanoseconds, TASK_BLOCKED, TASK_READY, TASK_RUNNING } from './tasks.js';

const FRAME_SCHEDULE = frameNamed('schedule');
const FRAME_SIGNALS = frameNamed('deliver_signals');
const FRAME_EXIT = frameNamed('exit_task');

/** The supervisor of one kernel. */
export class Dispatcher implements Supervisor {
  /** Interrupts taken. */
  readonly interruptCounts: InterruptCounts;
  /** Changes from one task to another, or to none, on all CPUs. */
  switchCount = 0;
  readonly #ports: DispatcherPorts;
  /** Task whose registers a CPU holds, or NIL while it idles. */
  readonly #loaded: Int32Array;
  /** Latest time at which a task was put into each CPU's queue, by whatever CPU. */
  readonly #queuedAt: Float64Array;

  /** TSC at which the step that runs now began. */
  #stepStart = 0;

  constructor(ports: DispatcherPorts) {
    this.#ports = ports;
    this.interruptCounts = new InterruptCounts(ports.machine.cpus.length);
    this.#loaded = new Int32Array(ports.machine.cpus.length).fill(NIL);
    this.#queuedAt = new Float64Array(ports.machine.cpus.length);
  }

  /** Virtual time of a CPU in nanoseconds. */
  now(cpu: Cpu): number {
    return cyclesToNanoseconds(cpu.cells[TSC], this.#ports.machine.frequencyHz);
  }

  step(cpu: Cpu): void {
    const { scheduler } = this.#ports;
    this.#enter(cpu);
    this.#ports.accounts.begin(cpu);
    this.#ports.stack.cut(0);
    let task = scheduler.current(cpu.id);
    if (task === NIL || scheduler.needResched(cpu.id)) task = this.#schedule(cpu);
    if (task === NIL) {
      cpu.halted = true;
      return;
    }
    this.#ports.current.task = task;
    this.#resume(cpu, task);
  }

  interrupt(cpu: Cpu, vector: number): void {
    const { current, stack, trace } = this.#ports;
    const { cpu: cpuBefore, task: taskBefore } = current;
    this.#enter(cpu);
    this.interruptCounts.add(vector, cpu.id);
    current.task = this.#ports.scheduler.current(cpu.id);
    const { task } = current;
    const start = cpu.cells[TSC];
    const depth = stack.push(FRAME_INTERRUPT + vector);
    this.#ports.paths.pass(PATH_INTERRUPT);
    if (trace !== null) trace.emit(TRACE_IRQ_ENTER, vector, task);
    // A reschedule interrupt asks the same question: is the slice over, now that others wait?
    if (vector === VECTOR_TIMER) {
      this.#ports.paths.pass(PATH_TICK);
      this.#ports.watchdog.tick(cpu.cells[TSC]);
    }
    if (vector === VECTOR_TIMER || vector === VECTOR_RESCHEDULE) this.#tick(cpu);
    else this.#ports.handle(cpu, vector);
    if (trace !== null) trace.emit(TRACE_IRQ_EXIT, vector, task);
    stack.cut(depth);
    if (task !== NIL) this.#ports.tasks.time[task][TIME_INTERRUPT] += cpu.cells[TSC] - start;
    this.#enter(cpuBefore);
    current.task = taskBefore;
  }

  /** CPU time of a task in cycles, up to now if it runs on the current CPU. */
  cpuCycles(task: number): number {
    const { current, tasks } = this.#ports;
    const past = tasks.cpuCycles[task];
    return task === current.task ? past + current.cpu.cells[TSC] - this.#stepStart : past;
  }

  /** CPU time of all threads of a process, the ended ones too. */
  processCycles(leader: number): number {
    const { current, tasks } = this.#ports;
    const past = tasks.processCycles[leader];
    const own = tasks.leader[current.task] === leader;
    return own ? past + current.cpu.cells[TSC] - this.#stepStart : past;
  }

  /** Puts another space of the task that runs here into force (exec). */
  enterSpace(space: AddressSpace): void {
    this.#ports.activate(this.#ports.current.cpu, space);
  }

  /** Takes the space of the task that ends here out of force. */
  leaveSpace(): void {
    const { mmu } = this.#ports.current.cpu;
    const { kernelRoot } = this.#ports;
    if (mmu.root !== kernelRoot) mmu.setRoot(kernelRoot, 0, true);
  }

  /** Lets another CPU come to a safe point soon: its task has something to look at. */
  kick(cpu: number): void {
    const { current, machine } = this.#ports;
    machine.interrupts.post(cpu, VECTOR_RESCHEDULE, current.cpu.cells[TSC]);
  }

  /** An idle CPU into whose queue the scheduler has moved a task must hear of it. */
  wakeIdleCpus(): void {
    const { current, machine, scheduler } = this.#ports;
    const { cpu } = current;
    for (let other = 0; other < machine.cpus.length; other++) {
      if (!machine.cpus[other].halted || !scheduler.needResched(other)) continue;
      this.#queuedAt[other] = Math.max(this.#queuedAt[other], cpu.cells[TSC]);
      machine.interrupts.post(other, VECTOR_RESCHEDULE, cpu.cells[TSC]);
    }
  }

  /** The running task offers its CPU. */
  yieldCurrent(): void {
    const { current, scheduler } = this.#ports;
    this.#account(current.cpu);
    scheduler.yield(current.task);
  }

  /** Makes a blocked or new task ready, on the CPU that the scheduler chooses for it. */
  wake(task: number): void {
    const { current, machine, scheduler, tasks, trace } = this.#ports;
    const { cpu } = current;
    assert(tasks.state[task] === TASK_BLOCKED, 'a task is woken that does not sleep');
    tasks.state[task] = TASK_READY;
    tasks.readyAt[task] = cpu.cells[TSC];
    this.#ports.watchdog.woken(task, cpu.cells[TSC]);
    const slept = cpu.cells[TSC] - tasks.sleptAt[task];
    if (slept > 0) tasks.time[task][waitKind(tasks.call[task])] += slept;
    // The queue that it last was in; the scheduler may choose another, whose lock is as busy.
    const lock = this.#ports.queueLocks[scheduler.tasks.cpu[task]];
    lock.acquire(cpu);
    const target = scheduler.wake(task, this.now(cpu), cpu.id);
    lock.release(cpu);
    tasks.cpu[task] = target;
    this.#queuedAt[target] = Math.max(this.#queuedAt[target], cpu.cells[TSC]);
    if (trace !== null) trace.emit(TRACE_WAKE, task, target);
    this.#ports.paths.pass(PATH_WAKE);
    // The first to wait behind a running task: that one's slice has an end from now on.
    const first = scheduler.tasks.queuedCount[target] === 1;
    const { halted } = machine.cpus[target];
    if (target === cpu.id && !halted) {
      if (first && !scheduler.needResched(target)) this.#tick(cpu);
    } else if (first || halted || scheduler.needResched(target)) {
      machine.interrupts.post(target, VECTOR_RESCHEDULE, cpu.cells[TSC]);
    }
  }

  /** Tells the scheduler what the running task of a CPU has used since the last time. */
  #account(cpu: Cpu): void {
    const { scheduler, tasks } = this.#ports;
    const task = scheduler.current(cpu.id);
    if (task === NIL) return;
    const now = this.now(cpu);
    scheduler.account(cpu.id, now - tasks.accountedNs[task]);
    tasks.accountedNs[task] = now;
  }

  #tick(cpu: Cpu): void {
    const { scheduler } = this.#ports;
    this.#account(cpu);
    this.#ports.wakeSleepers();
    const lock = this.#ports.queueLocks[cpu.id];
    lock.acquire(cpu);
    const now = this.now(cpu);
    scheduler.runTimers(now);
    scheduler.tick(cpu.id);
    scheduler.balance(cpu.id, now);
    lock.release(cpu);
    this.wakeIdleCpus();
    if (!scheduler.needResched(cpu.id)) this.#armTimer(cpu);
  }

  /** The next moment at which the policy wants to be asked: end of slice, or its own timer. */
  #armTimer(cpu: Cpu): void {
    const { machine, scheduler } = this.#ports;
    const now = this.now(cpu);
    // With nobody running or waiting here, not even the policy's own timers matter: a machine on
    // which nothing can happen must come to rest.
    const waiting = scheduler.tasks.queuedCount[cpu.id] > 0;
    const empty = scheduler.current(cpu.id) === NIL && !waiting;
    const due = Math.min(scheduler.sliceLeftNs(cpu.id), scheduler.policy.nextTimerNs - now);
    const watched = waiting ? this.#ports.watchdog.intervalNs : Infinity;
    if (empty || (due === Infinity && watched === Infinity)) {
      machine.timer.cancel(cpu.id);
      return;
    }
    const cycles = Math.ceil((Math.max(Math.min(due, watched), 0) * machine.frequencyHz) / 1e9);
    machine.timer.setDeadline(cpu.id, cpu.cells[TSC] + Math.max(cycles, 1), VECTOR_TIMER);
  }

  #enter(cpu: Cpu): void {
    const { current } = this.#ports;
    if (current.cpu === cpu) return;
    current.cpu = cpu;
    this.#ports.cpuChanged(cpu.id);
  }

  #schedule(cpu: Cpu): number {
    const { stack } = this.#ports;
    const depth = stack.push(FRAME_SCHEDULE);
    const task = this.#reschedule(cpu);
    stack.cut(depth);
    return task;
  }

  /** Asks the policy and changes tasks: the new one, or NIL. */
  #reschedule(cpu: Cpu): number {
    const { scheduler, tasks } = this.#ports;
    const before = scheduler.current(cpu.id);
    if (before !== NIL) {
      this.#account(cpu);
      tasks.state[before] = TASK_READY;
      tasks.readyAt[before] = cpu.cells[TSC];
    }
    // The queue carries the time of whoever last put a task into it.
    raiseTo(cpu, this.#queuedAt[cpu.id]);
    const lock = this.#ports.queueLocks[cpu.id];
    lock.acquire(cpu);
    const next = scheduler.pickNext(cpu.id, this.now(cpu));
    lock.release(cpu);
    // A task whose affinity leaves this CPU out has gone to another's queue.
    if (before !== NIL && scheduler.tasks.cpu[before] !== cpu.id) this.wakeIdleCpus();
    const loaded = this.#loaded[cpu.id];
    if (next !== loaded) this.#switch(cpu, loaded, next);
    if (next === NIL) {
      this.#armTimer(cpu);
      return NIL;
    }
    const queued = cpu.cells[TSC] - tasks.readyAt[next];
    if (queued > 0) {
      tasks.time[next][TIME_QUEUE] += queued;
      const report = tasks.report[next];
      if (report !== null && queued > report.queueCyclesMax) report.queueCyclesMax = queued;
    }
    tasks.state[next] = TASK_RUNNING;
    tasks.cpu[next] = cpu.id;
    tasks.accountedNs[next] = this.now(cpu);
    this.#armTimer(cpu);
    return next;
  }

  /** Saves one task's registers on its kernel stack, loads the other's, and changes roots. */
  #switch(cpu: Cpu, from: number, to: number): void {
    const { current, tasks, trace } = this.#ports;
    this.#ports.paths.pass(PATH_SWITCH);
    if (from !== NIL && tasks.program[from] !== null) this.#save(cpu, from);
    this.#loaded[cpu.id] = to;
    this.switchCount += 1;
    current.task = to;
    if (to === NIL) this.#ports.rest(cpu);
    if (to !== NIL) {
      // A task brings its time along: it cannot run before it was woken or left its last CPU.
      raiseTo(cpu, tasks.readyAt[to]);
      this.#load(cpu, to);
    }
    if (trace !== null) trace.emit(TRACE_SWITCH, from, to);
  }

  #save(cpu: Cpu, task: number): void {
    pushSwitchRegisters(cpu, this.#ports.tasks.stack[task]);
    this.#checkCanary(cpu, task);
  }

  #load(cpu: Cpu, task: number): void {
    const { tasks } = this.#ports;
    const space = tasks.space[task];
    // A kernel thread borrows whatever root is in force: the kernel half is the same in all.
    if (space !== null) this.#ports.activate(cpu, space);
    else this.#ports.rest(cpu);
    popSwitchRegisters(cpu, tasks.stack[task]);
    this.#checkCanary(cpu, task);
    const report = tasks.report[task];
    if (report !== null) report.switches += 1;
  }

  #checkCanary(cpu: Cpu, task: number): void {
    if (cpu.mmu.load32(this.#ports.tasks.stack[task]) === STACK_CANARY) return;
    this.#ports.panic('a kernel stack ran over: its canary is gone');
  }

  /** Runs the task's program until it suspends, and sees why it did. */
  #resume(cpu: Cpu, task: number): void {
    const { tasks } = this.#ports;
    const start = cpu.cells[TSC];
    this.#stepStart = start;
    const call = tasks.call[task];
    const report = tasks.report[task];
    if (!this.#ports.settleFault(task)) {
      this.#block(cpu, task);
      return;
    }
    if (tasks.attention[task] !== 0 && !this.#attend(cpu, task)) return;
    const program = tasks.program[task];
    assert(program !== null, 'a running task has no program');
    const inKernel = call.state === CALL_WAITING || tasks.space[task] === null;
    cpu.enter(inKernel ? SUPERVISOR : USER);
    const { accounts } = this.#ports;
    accounts.enter(inKernel ? TIME_SYSCALL : TIME_USER);
    let finished: ReturnType<Program['next']>;
    try {
      finished = program.next();
    } catch (error) {
      cpu.enter(SUPERVISOR);
      accounts.enter(TIME_SWITCH);
      this.#ports.thrown(task, error);
      this.#end(cpu, task);
      return;
    }
    cpu.enter(SUPERVISOR);
    accounts.enter(TIME_SWITCH);
    const spent = cpu.cells[TSC] - start;
    tasks.cpuCycles[task] += spent;
    tasks.processCycles[tasks.leader[task]] += spent;
    if (report !== null) report.cycles += spent;
    this.#stepStart = cpu.cells[TSC];
    if (finished.done === true && tasks.exitStatus[task] === NIL) {
      if (this.#ports.leaveHandler(task)) return;
      this.#ports.returned(task, (finished.value ?? 0) & 255);
    }
    if (tasks.exitStatus[task] !== NIL) this.#end(cpu, task);
    else if (call.state === CALL_WAITING) this.#block(cpu, task);
  }

  /** Signals first: false if the task does not go on here. */
  #attend(cpu: Cpu, task: number): boolean {
    const { stack } = this.#ports;
    const depth = stack.push(FRAME_SIGNALS);
    const outcome = this.#ports.deliverSignals(task);
    stack.cut(depth);
    if (outcome === DELIVERED) return true;
    if (outcome === DELIVERED_END) this.#end(cpu, task);
    else this.#sleep(cpu, task);
    return false;
  }

  #block(cpu: Cpu, task: number): void {
    const { tasks } = this.#ports;
    assert(!tasks.call[task].woken, 'a wake-up came from inside the call that waits for it');
    this.#sleep(cpu, task);
    // A signal that came before the wait began must end it, or nobody would.
    if (tasks.attention[task] !== 0) this.#ports.interruptWait(task);
  }

  #sleep(cpu: Cpu, task: number): void {
    const { scheduler, tasks } = this.#ports;
    this.#account(cpu);
    scheduler.blocked(task);
    tasks.state[task] = TASK_BLOCKED;
    tasks.readyAt[task] = cpu.cells[TSC];
    tasks.sleptAt[task] = cpu.cells[TSC];
  }

  #end(cpu: Cpu, task: number): void {
    const { tasks, trace } = this.#ports;
    const status = tasks.exitStatus[task];
    this.#account(cpu);
    this.#loaded[cpu.id] = NIL;
    if (trace !== null) trace.emit(TRACE_SWITCH, task, NIL);
    const { stack } = this.#ports;
    const depth = stack.push(FRAME_EXIT);
    this.#ports.exit(task, status);
    stack.cut(depth);
  }
}
