/** Calls on what a process may take and has taken: prlimit, getrlimit, setrlimit, times. */
import { EFAULT, EINVAL, EPERM, ESRCH, NIL, OK, type VirtAddr } from '@hotpath/hw-x86';
import { TASK_LIMIT } from '../params.js';
import type { CycleAccounts } from '../task/cycle-accounts.js';
import { TIME_SYSCALL } from '../task/cycle-accounts.js';
import type { ProcessTimes } from '../task/process-times.js';
import { RESOURCE_COUNT, type ResourceLimits } from '../task/resource-limits.js';
import { TASK_FREE, type Tasks } from '../task/tasks.js';
import type { Call } from './call.js';
import type { Handler } from './entry.js';
import { SYS_GETRLIMIT, SYS_PRLIMIT, SYS_SETRLIMIT, SYS_TIMES } from './numbers.js';
import type { UserBytes } from './user-bytes.js';

/** Bytes of struct rlimit64 and of struct tms. */
const RLIMIT_BYTES = 16;
const TMS_BYTES = 32;
/** Ticks of times(2) in a second (Linux: USER_HZ). */
const TICKS_PER_SECOND = 100;

/** What these calls work on. */
export interface LimitCallPorts {
  readonly tasks: Tasks;
  readonly limits: ResourceLimits;
  readonly times: ProcessTimes;
  readonly accounts: CycleAccounts;
  readonly bytes: UserBytes;
  readonly frequencyHz: number;
  /** Cycles of the CPU that runs. */
  cycles(): number;
  /** A soft limit of a process has changed. */
  changed(leader: number): void;
}

/** Puts the handlers into the table. */
export function installLimitCalls(table: (Handler | undefined)[], ports: LimitCallPorts): void {
  table[SYS_PRLIMIT] = (call) => prlimit(call, ports, call.a, call.b, call.c, call.d);
  table[SYS_GETRLIMIT] = (call) =>
    call.b === 0 ? EFAULT : prlimit(call, ports, 0, call.a, 0, call.b);
  table[SYS_SETRLIMIT] = (call) =>
    call.b === 0 ? EFAULT : prlimit(call, ports, 0, call.a, call.b, 0);
  table[SYS_TIMES] = (call) => times(call, ports);
}

/** The old limits are stored at `old`, if not 0, and those at `wanted`, if not 0, are in force. */
function prlimit(
  call: Call,
  ports: LimitCallPorts,
  pid: number,
  resource: number,
  wanted: VirtAddr,
  old: VirtAddr,
): number {
  const { bytes, limits } = ports;
  const leader = processOf(pid, call, ports.tasks);
  if (leader === NIL) return ESRCH;
  if (!Number.isInteger(resource) || resource < 0 || resource >= RESOURCE_COUNT) return EINVAL;
  const given = new Uint8Array(RLIMIT_BYTES);
  let soft = 0;
  let hard = 0;
  if (wanted !== 0) {
    const status = bytes.load(call, wanted, given, RLIMIT_BYTES);
    if (status !== OK) return status;
    soft = limitAt(given, 0);
    hard = limitAt(given, 8);
    if (soft > hard) return EINVAL;
    // Nobody has more than what the kernel's tables hold.
    if (hard > limits.hard(leader, resource)) return EPERM;
  }
  if (old !== 0) {
    const told = new Uint8Array(RLIMIT_BYTES);
    putLimit(told, 0, limits.soft(leader, resource));
    putLimit(told, 8, limits.hard(leader, resource));
    const status = bytes.store(call, old, told, 0, RLIMIT_BYTES);
    if (status !== OK) return status;
  }
  if (wanted !== 0) {
    limits.set(leader, resource, soft, hard);
    ports.changed(leader);
  }
  return OK;
}

function processOf(pid: number, call: Call, tasks: Tasks): number {
  if (pid === 0) return tasks.leader[call.task];
  if (!Number.isInteger(pid) || pid < 1 || pid >= TASK_LIMIT) return NIL;
  return tasks.state[pid] !== TASK_FREE && tasks.leader[pid] === pid ? pid : NIL;
}

function limitAt(bytes: Uint8Array, at: number): number {
  const value = new DataView(bytes.buffer).getBigUint64(at, true);
  return value === 2n ** 64n - 1n ? Number.POSITIVE_INFINITY : Number(value);
}

function putLimit(bytes: Uint8Array, at: number, limit: number): void {
  const value = Number.isFinite(limit) ? BigInt(limit) : 2n ** 64n - 1n;
  new DataView(bytes.buffer).setBigUint64(at, value, true);
}

/** times(2): CPU time of the process and of its children in ticks; the answer is the time since boot. */
function times(call: Call, ports: LimitCallPorts): number {
  const { accounts, bytes, frequencyHz, tasks } = ports;
  const ticks = (cycles: number): number => Math.floor((cycles * TICKS_PER_SECOND) / frequencyHz);
  if (call.a !== 0) {
    // What the caller has used up to now counts.
    accounts.enter(TIME_SYSCALL);
    const leader = tasks.leader[call.task];
    const own = ports.times.own(leader);
    const children = ports.times.children(leader);
    const record = new Uint8Array(TMS_BYTES);
    const view = new DataView(record.buffer);
    for (const [i, cycles] of [own.user, own.system, children.user, children.system].entries()) {
      view.setBigUint64(i * 8, BigInt(ticks(cycles)), true);
    }
    const status = bytes.store(call, call.a, record, 0, TMS_BYTES);
    if (status !== OK) return status;
  }
  return ticks(ports.cycles());
}
