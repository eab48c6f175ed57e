import { EMFILE, NIL } from '@hotpath/hw-x86';
import { DESCRIPTOR_LIMIT } from '../params.js';
import { type ResourceLimits, RLIMIT_NOFILE } from '../task/resource-limits.js';
import type { Tasks } from '../task/tasks.js';

/** Descriptors of processes: small numbers that lead to open files. */
export class Descriptors {
  readonly #tasks: Tasks;
  readonly #limits: ResourceLimits;
  /** 1 for a descriptor that exec closes. */
  readonly #closedByExec: Uint8Array;

  /** @param limits - a process may have fewer descriptors than there is room for */
  constructor(tasks: Tasks, limits: ResourceLimits) {
    this.#limits = limits;
    this.#tasks = tasks;
    this.#closedByExec = new Uint8Array(tasks.descriptors.length);
  }

  /** Open file behind a descriptor, or NIL for a bad one. */
  openFile(task: number, fd: number): number {
    return this.#tasks.openFile(task, fd);
  }

  /** True if a descriptor is left that is not below `from`. */
  hasRoom(task: number, from = 0): boolean {
    return this.#lowest(task, from) !== NIL;
  }

  /** One past the highest descriptor that the process may take (RLIMIT_NOFILE). */
  limitOf(task: number): number {
    return this.#limits.soft(this.#tasks.leader[task], RLIMIT_NOFILE);
  }

  /** The lowest free descriptor from `from` on, leading to a row from now on: or EMFILE. */
  take(task: number, row: number, closedByExec: boolean, from = 0): number {
    const fd = this.#lowest(task, from);
    if (fd === NIL) return EMFILE;
    this.set(task, fd, row, closedByExec);
    return fd;
  }

  /** A descriptor leads to this row, or nowhere with NIL. */
  set(task: number, fd: number, row: number, closedByExec: boolean): void {
    const at = this.#base(task) + fd;
    this.#tasks.descriptors[at] = row;
    this.#closedByExec[at] = closedByExec ? 1 : 0;
  }

  /** True if exec closes the descriptor. */
  isClosedByExec(task: number, fd: number): boolean {
    return this.#closedByExec[this.#base(task) + fd] === 1;
  }

  #lowest(task: number, from: number): number {
    const base = this.#base(task);
    const at = this.#tasks.descriptors.indexOf(NIL, base + from);
    return at < 0 || at >= base + this.limitOf(task) ? NIL : at - base;
  }

  #base(task: number): number {
    return this.#tasks.leader[task] * DESCRIPTOR_LIMIT;
  }
}
