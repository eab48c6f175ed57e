/**
 * Adapters for Node programs: a fair task queue for worker pools (Piscina). Nothing is imported from
 * the pool: its symbol is handed in.
 *
 * @module
 */
export {
  FairTaskQueue,
  type FairTaskQueueOptions,
  type PoolTaskOptions,
  type PoolTaskQueue,
} from './fair-task-queue.js';
