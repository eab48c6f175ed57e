import type { BlockCache } from '@hotpath/blockcache';
import { BLOCKED, NIL, PENDING } from '@hotpath/hw-x86';
import type { TaskWaits } from '../task/waits.js';
import type { Handler } from './entry.js';

/** A kernel thread's `getBlock(device, block)`: the block cache's task front. */
export function blockHandler(blocks: BlockCache, waits: TaskWaits): Handler {
  return (call) => {
    // The wake-up has brought the pinned slot itself; nobody looks again.
    if (call.stage === 1) return call.brought;
    const slot = blocks.tryGet(call.a, call.b);
    if (slot !== NIL) return slot;
    call.stage = 1;
    const status = blocks.get(call.a, call.b, waits, waits.begin(call));
    return status === PENDING ? BLOCKED : status;
  };
}
