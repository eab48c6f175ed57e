import { DESCRIPTOR_LIMIT, TASK_LIMIT, USER_STACK_BYTES } from '../params.js';

/** Bytes of the largest file that may be written. */
export const RLIMIT_FSIZE = 1;
/** Bytes to which a stack may grow. */
export const RLIMIT_STACK = 3;
/** Tasks of the user; there is one user. */
export const RLIMIT_NPROC = 6;
/** One past the highest descriptor. */
export const RLIMIT_NOFILE = 7;
/** Bytes of address space. */
export const RLIMIT_AS = 9;
/** Resources there are; those without a name here are kept and not asked. */
export const RESOURCE_COUNT = 16;

/** No limit: RLIM_INFINITY is all bits set. */
const NONE = Number.POSITIVE_INFINITY;

/**
 * What each process may take (getrlimit(2)): a soft limit that is obeyed, and a hard one above which
 * the soft one cannot be set. Kept in the leader's row; a child has its parent's, exec changes none.
 *
 * For every process and resource: soft <= hard.
 */
export class ResourceLimits {
  readonly #soft = new Float64Array(TASK_LIMIT * RESOURCE_COUNT).fill(NONE);
  readonly #hard = new Float64Array(TASK_LIMIT * RESOURCE_COUNT).fill(NONE);

  /** The limit that is obeyed. */
  soft(leader: number, resource: number): number {
    return this.#soft[leader * RESOURCE_COUNT + resource];
  }

  /** The most that the soft limit may be. */
  hard(leader: number, resource: number): number {
    return this.#hard[leader * RESOURCE_COUNT + resource];
  }

  /** Sets both; the caller has checked them. */
  set(leader: number, resource: number, soft: number, hard: number): void {
    this.#soft[leader * RESOURCE_COUNT + resource] = soft;
    this.#hard[leader * RESOURCE_COUNT + resource] = hard;
  }

  /** A process that nobody forked: none, but what the tables hold. */
  reset(leader: number): void {
    const row = leader * RESOURCE_COUNT;
    this.#soft.fill(NONE, row, row + RESOURCE_COUNT);
    this.#hard.fill(NONE, row, row + RESOURCE_COUNT);
    this.set(leader, RLIMIT_NOFILE, DESCRIPTOR_LIMIT, DESCRIPTOR_LIMIT);
    this.set(leader, RLIMIT_NPROC, TASK_LIMIT, TASK_LIMIT);
    this.set(leader, RLIMIT_STACK, USER_STACK_BYTES, NONE);
  }

  /** A child has the limits of its parent. */
  inherit(parent: number, child: number): void {
    const from = parent * RESOURCE_COUNT;
    const to = child * RESOURCE_COUNT;
    this.#soft.copyWithin(to, from, from + RESOURCE_COUNT);
    this.#hard.copyWithin(to, from, from + RESOURCE_COUNT);
  }
}
