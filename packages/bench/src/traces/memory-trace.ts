import { ByteReader } from './byte-reader.js';
import { TraceError } from './trace-error.js';

export const REF_INSTRUCTION = 0;
export const REF_LOAD = 1;
export const REF_STORE = 2;
/** A load and a store of the same bytes; cachegrind counts it as one read. */
export const REF_MODIFY = 3;

const HEADER_BYTES = 16;

/** Memory references of a program, one column entry per reference, in order. */
export interface MemoryTrace {
  readonly referenceCount: number;
  /** REF_INSTRUCTION, REF_LOAD, REF_STORE or REF_MODIFY. */
  readonly kind: Uint8Array;
  /** Bytes, 0 to 63. */
  readonly size: Uint8Array;
  /** User addresses, below 2^47. */
  readonly address: Float64Array;
}

/**
 * Decodes a recording in format MEM1 (unpacked bytes).
 * @throws TraceError with a code when it is another format, cut short or inconsistent
 */
export function decodeMemoryTrace(bytes: Uint8Array): MemoryTrace {
  const reader = new ByteReader(bytes);
  if (bytes.length < HEADER_BYTES || !reader.magic('MEM1')) {
    throw new TraceError('ERR_TRACE_FORMAT', `not a memory trace: it must begin with 'MEM1'`);
  }
  const referenceCount = reader.word();
  const payloadBytes = reader.word();
  reader.word();
  reader.expectPayload(payloadBytes);
  if (referenceCount * 2 > payloadBytes) {
    throw new TraceError(
      'ERR_TRACE_LENGTH',
      `${referenceCount} references do not fit into ${payloadBytes} bytes`,
    );
  }
  const kind = new Uint8Array(referenceCount);
  const size = new Uint8Array(referenceCount);
  const address = new Float64Array(referenceCount);
  const last = [0, 0, 0, 0];
  for (let index = 0; index < referenceCount; index++) {
    const head = reader.byte();
    const of = head >> 6;
    const at = last[of] + reader.zigzag();
    if (at < 0 || at >= 2 ** 47) {
      throw new TraceError(
        'ERR_TRACE_VALUE',
        `reference ${index} has the address ${at}; allowed: 0 up to 2^47`,
      );
    }
    kind[index] = of;
    size[index] = head & 63;
    address[index] = at;
    // An instruction's address is coded from the end of the one before it.
    last[of] = of === REF_INSTRUCTION ? at + size[index] : at;
  }
  reader.expectEnd();
  return { referenceCount, kind, size, address };
}
