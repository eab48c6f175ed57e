import { EINVAL, OK } from '@hotpath/hw-x86';
import { isUserAddress } from '../memory/memory-map.js';
import { TASK_LIMIT } from '../params.js';
import type { Call } from './call.js';
import type { UserBytes } from './user-bytes.js';

/** Most buffers of one call (Linux: UIO_MAXIOV). */
const VECTOR_LIMIT = 1024;
/** struct iovec: address and length, 64 bits each. */
const VECTOR_BYTES = 16;
/** Vectors that are taken in at once: a page. */
const BATCH = 256;

/** Buffers of a readv or writev, one after another. */
export interface IoVectors {
  readonly address: readonly number[];
  readonly length: readonly number[];
  /** Of a pipe or device: the buffer whose turn it is, and bytes moved before it. */
  index: number;
  done: number;
}

/** Takes in the vectors of each task's readv or writev, and keeps them while the call waits. */
export class VectorArguments {
  readonly #bytes: UserBytes;
  readonly #vectors: (IoVectors | null)[] = new Array<IoVectors | null>(TASK_LIMIT).fill(null);

  constructor(bytes: UserBytes) {
    this.#bytes = bytes;
  }

  /** Vectors of the task's call, or null: its one buffer is in its arguments. */
  of(task: number): IoVectors | null {
    return this.#vectors[task];
  }

  /**
   * Reads `count` vectors at `address`: bytes of all buffers; EINVAL, EFAULT, ENOMEM, BLOCKED.
   */
  take(call: Call, address: number, count: number): number {
    if (!Number.isInteger(count) || count < 0 || count > VECTOR_LIMIT) return EINVAL;
    const vectors = { address: [] as number[], length: [] as number[], index: 0, done: 0 };
    let total = 0;
    for (let at = 0; at < count; at += BATCH) {
      const batch = Math.min(BATCH, count - at);
      const raw = new Uint8Array(batch * VECTOR_BYTES);
      const status = this.#bytes.load(call, address + at * VECTOR_BYTES, raw, raw.length);
      if (status !== OK) return status;
      const view = new DataView(raw.buffer);
      for (let i = 0; i < batch; i++) {
        const base = Number(view.getBigInt64(i * VECTOR_BYTES, true));
        const length = Number(view.getBigInt64(i * VECTOR_BYTES + 8, true));
        total += length;
        if (length < 0 || total > 2 ** 47) return EINVAL;
        if (length === 0) continue;
        vectors.address.push(base);
        vectors.length.push(length);
      }
    }
    this.#vectors[call.task] = vectors;
    return total;
  }

  /** True if every buffer lies in the user half. */
  areUserAddresses(task: number): boolean {
    const vectors = this.#vectors[task];
    return (
      vectors?.address.every(
        (base, i) => isUserAddress(base) && isUserAddress(base + vectors.length[i]),
      ) ?? true
    );
  }

  /** The call has ended. */
  drop(task: number): void {
    this.#vectors[task] = null;
  }
}
