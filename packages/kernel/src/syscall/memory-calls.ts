/** Calls on memory: mmap, munmap, mprotect, msync, madvise, mincore, brk. */
import {
  BLOCKED,
  EACCES,
  EEXIST,
  EINVAL,
  ENOMEM,
  EPERM,
  isErrno,
  NIL,
  OK,
  PAGE_BYTES,
  PENDING,
  PF_WRITE,
  VECTOR_PF,
  type VirtAddr,
} from '@hotpath/hw-x86';
import type { PageCache } from '@hotpath/pagecache';
import type { Current } from '../current.js';
import type { KernelLocks } from '../locks/kernel-locks.js';
import type { AddressRanges } from '../memory/address-ranges.js';
import type { AddressSpace } from '../memory/address-space.js';
import {
  AREA_EXECUTE,
  AREA_HUGE,
  AREA_MAY_WRITE,
  AREA_NO_HUGE,
  AREA_RANDOM,
  AREA_READ,
  AREA_SEQUENTIAL,
  AREA_SHARED,
  AREA_WRITE,
  anonymous,
} from '../memory/area-list.js';
import type { MappableFiles } from '../memory/mapped-files.js';
import { MMAP_BOTTOM, USER_END } from '../memory/memory-map.js';
import type { PageTables } from '../memory/page-tables.js';
import type { SharedMemory } from '../memory/shared-memory.js';
import { USER_HEAP_BYTES } from '../params.js';
import { type ResourceLimits, RLIMIT_AS } from '../task/resource-limits.js';
import type { Tasks } from '../task/tasks.js';
import type { UserAccess } from '../task/user-access.js';
import type { TaskWaits } from '../task/waits.js';
import type { Call } from './call.js';
import type { Handler } from './entry.js';
import { areaRights, isProtection, isRange, refuseMmap, roundUp } from './memory-arguments.js';
import {
  MADV_DONTNEED,
  MADV_HUGEPAGE,
  MADV_NOHUGEPAGE,
  MADV_NORMAL,
  MADV_RANDOM,
  MADV_SEQUENTIAL,
  MADV_WILLNEED,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_FIXED_NOREPLACE,
  MAP_POPULATE,
  MAP_SHARED,
  MS_ASYNC,
  MS_INVALIDATE,
  MS_SYNC,
  PROT_WRITE,
} from './memory-flags.js';
import {
  SYS_BRK,
  SYS_MADVISE,
  SYS_MINCORE,
  SYS_MMAP,
  SYS_MPROTECT,
  SYS_MSYNC,
  SYS_MUNMAP,
} from './numbers.js';

type MemoryHandler = (call: Call, space: AddressSpace) => number;

const RIGHTS = AREA_READ | AREA_WRITE | AREA_EXECUTE;
const READ_AHEAD = AREA_RANDOM | AREA_SEQUENTIAL;

/** What these calls work on. */
export interface MemoryCallPorts {
  readonly current: Current;
  readonly tasks: Tasks;
  readonly ranges: AddressRanges;
  readonly tables: PageTables;
  readonly pages: PageCache;
  readonly files: MappableFiles;
  readonly shared: SharedMemory;
  readonly waits: TaskWaits;
  readonly access: UserAccess;
  readonly limits: ResourceLimits;
  readonly locks: KernelLocks;
  /** Physical memory: a mapping that could never be backed is refused. */
  readonly memoryBytes: number;
}

/** The handlers. */
export class MemoryCalls {
  readonly #ports: MemoryCallPorts;

  constructor(ports: MemoryCallPorts) {
    this.#ports = ports;
  }

  /** Puts the handlers into the table. */
  install(table: (Handler | undefined)[]): void {
    const map = this.#alone((call, space) => this.#map(call, space));
    const handlers: readonly [number, MemoryHandler][] = [
      [
        SYS_MMAP,
        (call, space) => {
          const start = call.stage === 0 ? map(call, space) : OK;
          // Pages are brought in as faults do it, with the lock shared.
          return call.stage === 1 ? this.#populate(call, space) : start;
        },
      ],
      [SYS_MUNMAP, this.#alone((call, space) => this.#munmap(call, space))],
      [SYS_MPROTECT, this.#alone((call, space) => this.#mprotect(call, space))],
      [SYS_MSYNC, (call, space) => this.#msync(call, space)],
      [SYS_MADVISE, this.#alone((call, space) => this.#madvise(call, space))],
      [SYS_MINCORE, (call, space) => this.#mincore(call, space)],
      [SYS_BRK, this.#alone((call, space) => this.#brk(call, space))],
    ];
    for (const [number, handler] of handlers) {
      table[number] = (call) => {
        const space = this.#ports.tasks.space[call.task];
        // A kernel thread has no memory of its own to map into.
        return space === null ? ENOMEM : handler(call, space);
      };
    }
  }

  /** A handler that has the space's memory map for itself. It meets no fault. */
  #alone(handler: MemoryHandler): MemoryHandler {
    const { current, locks } = this.#ports;
    return (call, space) => {
      const { cpu } = current;
      const lock = locks.memoryMap(space.pcid);
      lock.acquire(cpu, true);
      const value = handler(call, space);
      lock.release(cpu);
      return value;
    };
  }

  /** mmap(address, length, protection, flags, fd, offset). Stage 1 brings pages in (MAP_POPULATE). */
  #map(call: Call, space: AddressSpace): number {
    const { ranges } = this.#ports;
    const refused = refuseMmap(call);
    if (refused !== OK) return refused;
    const bytes = roundUp(call.b);
    if (!this.#mayGrow(call, space, bytes)) return ENOMEM;
    const start = this.#place(call, space, bytes);
    if (isErrno(start)) return start;
    const kind = this.#kind(call, bytes);
    if (typeof kind === 'number') return kind;
    const status = ranges.map(space, start, start + bytes, kind);
    if (status !== OK) return status;
    if ((call.d & MAP_POPULATE) === 0 || call.c === 0) return start;
    call.stage = 1;
    call.a = start;
    call.b = bytes;
    return start;
  }

  /** RLIMIT_AS; what a fixed mapping replaces counts twice for the moment, as on Linux. */
  #mayGrow(call: Call, space: AddressSpace, bytes: number): boolean {
    const { limits, tasks } = this.#ports;
    const limit = limits.soft(tasks.leader[call.task], RLIMIT_AS);
    return limit === Number.POSITIVE_INFINITY || space.byteCount + bytes <= limit;
  }

  /** Where the mapping goes, or an errno. */
  #place(call: Call, space: AddressSpace, bytes: number): VirtAddr {
    const fixed = (call.d & (MAP_FIXED | MAP_FIXED_NOREPLACE)) !== 0;
    if (fixed) {
      if (call.a % PAGE_BYTES !== 0) return EINVAL;
      if (call.a < MMAP_BOTTOM) return EPERM;
      if (call.a + bytes > USER_END) return ENOMEM;
      const free = !space.areas.overlaps(call.a, call.a + bytes);
      return free || (call.d & MAP_FIXED_NOREPLACE) === 0 ? call.a : EEXIST;
    }
    const hint = Math.floor(call.a / PAGE_BYTES) * PAGE_BYTES;
    if (hint >= MMAP_BOTTOM && hint + bytes <= USER_END && space.isFree(hint, hint + bytes)) {
      return hint;
    }
    const start = space.findGap(bytes);
    return start === NIL ? ENOMEM : start;
  }

  /** What the new area is, or an errno. */
  #kind(call: Call, bytes: number) {
    const { files, shared, memoryBytes } = this.#ports;
    const isShared = (call.d & MAP_SHARED) !== 0;
    let flags = areaRights(call.c) | (isShared ? AREA_SHARED : 0);
    if ((call.d & MAP_ANONYMOUS) !== 0) {
      // More than all there is, and to be written: Linux's heuristic overcommit refuses that too.
      if ((flags & AREA_WRITE) !== 0 && bytes > memoryBytes) return ENOMEM;
      if (!isShared) return anonymous(flags);
      return { flags: flags | AREA_MAY_WRITE, open: shared.create(), file: NIL, page: 0 };
    }
    const open = files.openFile(call.task, call.e, isShared && (flags & AREA_WRITE) !== 0);
    if (isErrno(open)) return open;
    if (!isShared || files.mayWrite(open)) flags |= AREA_MAY_WRITE;
    return { flags, open, file: files.fileOf(open), page: call.f / PAGE_BYTES };
  }

  /** Touches page after page; behind one that cannot be had the rest of its area is left out, as on Linux. */
  #populate(call: Call, space: AddressSpace): number {
    const { access, tables } = this.#ports;
    while (call.done < call.b) {
      const page = call.a + call.done;
      const area = space.findArea(page);
      if (area === NIL) break;
      if (tables.find(space.root, page) === NIL) {
        const write = (space.areas.flags[area] & AREA_WRITE) !== 0;
        const outcome = access.touch(call, page, VECTOR_PF, write ? PF_WRITE : 0);
        if (outcome === BLOCKED) return BLOCKED;
        if (outcome !== OK) {
          call.done = Math.min(call.b, space.areas.end[area] - call.a);
          continue;
        }
      }
      call.done += PAGE_BYTES;
    }
    return call.a;
  }

  #munmap(call: Call, space: AddressSpace): number {
    if (!isRange(call.a, call.b) || call.b === 0) return EINVAL;
    return this.#ports.ranges.remove(space, call.a, call.a + roundUp(call.b));
  }

  #mprotect(call: Call, space: AddressSpace): number {
    if (!isRange(call.a, call.b) || !isProtection(call.c)) return EINVAL;
    if (call.b === 0) return OK;
    const end = call.a + roundUp(call.b);
    const { areas } = space;
    if (!areas.covers(call.a, end)) return ENOMEM;
    if ((call.c & PROT_WRITE) !== 0) {
      for (let at = areas.find(call.a); at < areas.count && areas.start[at] < end; at++) {
        const mayWrite = (areas.flags[at] & (AREA_SHARED | AREA_MAY_WRITE)) !== AREA_SHARED;
        if (!mayWrite) return EACCES;
      }
    }
    return this.#ports.ranges.change(space, call.a, end, RIGHTS, areaRights(call.c), true);
  }

  /** Stage 1 is behind the sync of one area; `done` is where the next one begins. */
  #msync(call: Call, space: AddressSpace): number {
    const { files, pages, waits } = this.#ports;
    const { areas } = space;
    if (call.stage === 0) {
      const flags = call.c;
      const known = (flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC)) === 0;
      if (!isRange(call.a, call.b) || !known) return EINVAL;
      if ((flags & MS_SYNC) !== 0 && (flags & MS_ASYNC) !== 0) return EINVAL;
      if (!areas.covers(call.a, call.a + roundUp(call.b))) return ENOMEM;
      if ((flags & MS_SYNC) === 0) return OK;
      call.done = call.a;
    } else if (isErrno(call.brought)) {
      return call.brought;
    }
    call.stage = 1;
    const end = call.a + roundUp(call.b);
    for (let at = areas.firstEndingAfter(call.done); at < areas.count; at++) {
      const from = Math.max(call.a, areas.start[at]);
      if (from >= end) break;
      call.done = areas.end[at];
      if (areas.file[at] === NIL || (areas.flags[at] & AREA_SHARED) === 0) continue;
      const handle = files.handleOf(areas.open[at]);
      const offset = areas.page[at] * PAGE_BYTES + (from - areas.start[at]);
      const bytes = Math.min(end, areas.end[at]) - from;
      const status = pages.syncRange(handle, offset, bytes, true, waits, waits.begin(call));
      if (status === PENDING) return BLOCKED;
      if (isErrno(status)) return status;
    }
    return OK;
  }

  #madvise(call: Call, space: AddressSpace): number {
    const { ranges } = this.#ports;
    if (!isRange(call.a, call.b)) return EINVAL;
    const start = call.a;
    const end = start + roundUp(call.b);
    const advice = call.c;
    if (ADVICE.indexOf(advice) < 0) return EINVAL;
    if (end === start) return OK;
    if (!space.areas.covers(start, end)) return ENOMEM;
    switch (advice) {
      case MADV_DONTNEED:
        return ranges.drop(space, start, end);
      case MADV_HUGEPAGE:
        return ranges.change(space, start, end, AREA_NO_HUGE, AREA_HUGE, false);
      case MADV_NOHUGEPAGE:
        return ranges.change(space, start, end, AREA_HUGE, AREA_NO_HUGE, false);
      case MADV_RANDOM:
        return ranges.change(space, start, end, READ_AHEAD, AREA_RANDOM, false);
      case MADV_SEQUENTIAL:
        return ranges.change(space, start, end, READ_AHEAD, AREA_SEQUENTIAL, false);
      case MADV_NORMAL:
        return ranges.change(space, start, end, READ_AHEAD, 0, false);
      default:
        return this.#willNeed(space, start, end);
    }
  }

  #willNeed(space: AddressSpace, start: VirtAddr, end: VirtAddr): number {
    const { pages } = this.#ports;
    const { areas } = space;
    for (let at = areas.find(start); at < areas.count && areas.start[at] < end; at++) {
      if (areas.file[at] === NIL) continue;
      const from = Math.max(start, areas.start[at]);
      const first = areas.page[at] + (from - areas.start[at]) / PAGE_BYTES;
      const inFile = Math.ceil(pages.size(areas.file[at]) / PAGE_BYTES) - first;
      const count = Math.min((Math.min(end, areas.end[at]) - from) / PAGE_BYTES, inFile);
      if (count > 0) pages.willNeed(areas.file[at], first, count);
    }
    return OK;
  }

  /** mincore(address, length, vector): one byte a page, 1 where it is in memory. */
  #mincore(call: Call, space: AddressSpace): number {
    if (!isRange(call.a, call.b)) return EINVAL;
    const end = call.a + roundUp(call.b);
    if (!space.areas.covers(call.a, end)) return ENOMEM;
    const { access } = this.#ports;
    for (let at = call.a + call.done * PAGE_BYTES; at < end; at += PAGE_BYTES) {
      const status = access.storeByte(call, call.c + call.done, this.#inCore(space, at) ? 1 : 0);
      if (status !== OK) return status;
      call.done += 1;
    }
    return OK;
  }

  #inCore(space: AddressSpace, address: VirtAddr): boolean {
    const { areas } = space;
    const at = areas.find(address);
    if (areas.file[at] === NIL) return this.#ports.tables.find(space.root, address) !== NIL;
    const page = areas.page[at] + (address - areas.start[at]) / PAGE_BYTES;
    return this.#ports.pages.isResident(areas.file[at], page);
  }

  /** Like Linux's brk: answers the end in force, unchanged where the asked one cannot be. */
  #brk(call: Call, space: AddressSpace): number {
    const { heapStart } = space.layout;
    const wanted = call.a;
    const possible =
      Number.isInteger(wanted) && wanted >= heapStart && wanted <= heapStart + USER_HEAP_BYTES;
    if (!possible) return space.heapEnd;
    const from = roundUp(space.heapEnd);
    const to = roundUp(wanted);
    const { ranges } = this.#ports;
    let status: number = OK;
    if (to < from) status = ranges.remove(space, to, from);
    else if (to > from) {
      if (!space.isFree(from, to) || !this.#mayGrow(call, space, to - from)) return space.heapEnd;
      status = ranges.map(space, from, to, anonymous(AREA_READ | AREA_WRITE));
    }
    if (status === OK) space.heapEnd = wanted;
    return space.heapEnd;
  }
}

const ADVICE: readonly number[] = [
  MADV_NORMAL,
  MADV_RANDOM,
  MADV_SEQUENTIAL,
  MADV_WILLNEED,
  MADV_DONTNEED,
  MADV_HUGEPAGE,
  MADV_NOHUGEPAGE,
];
