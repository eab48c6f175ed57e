import { TraceError } from './trace-error.js';

/** Reads little-endian words and LEB128 varints in order, and knows where a recording was cut. */
export class ByteReader {
  private readonly bytes: Uint8Array;
  private at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** Bytes read so far. */
  get position(): number {
    return this.at;
  }

  /** Bytes left to read. */
  get remaining(): number {
    return this.bytes.length - this.at;
  }

  /** The next byte. @throws TraceError ERR_TRACE_LENGTH at the end */
  byte(): number {
    if (this.at >= this.bytes.length) throw cutShort(this.at);
    return this.bytes[this.at++];
  }

  /** The next four bytes as an unsigned word. @throws TraceError ERR_TRACE_LENGTH at the end */
  word(): number {
    if (this.remaining < 4) throw cutShort(this.at);
    const { bytes, at } = this;
    this.at += 4;
    return (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0;
  }

  /** The next varint, below 2^53. Sums, not shifts: those truncate to 32 bits. */
  varint(): number {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = this.byte();
      value += (byte & 127) * scale;
      if (byte < 128) break;
      scale *= 128;
    }
    if (value <= Number.MAX_SAFE_INTEGER) return value;
    throw new TraceError('ERR_TRACE_VALUE', `a varint before byte ${this.at} passes 2^53`);
  }

  /** The next varint as a signed number: 0, -1, 1, -2, ... */
  zigzag(): number {
    const coded = this.varint();
    return coded % 2 === 1 ? -(coded + 1) / 2 : coded / 2;
  }

  /** True when the four letters come next; they are skipped. */
  magic(letters: string): boolean {
    for (let index = 0; index < letters.length; index++) {
      if (this.bytes[this.at + index] !== letters.charCodeAt(index)) return false;
    }
    this.at += letters.length;
    return true;
  }

  /** @throws TraceError ERR_TRACE_LENGTH unless exactly `payloadBytes` are left */
  expectPayload(payloadBytes: number): void {
    if (this.remaining === payloadBytes) return;
    throw new TraceError(
      'ERR_TRACE_LENGTH',
      `the header announces ${payloadBytes} bytes, ${this.remaining} follow it`,
    );
  }

  /** @throws TraceError ERR_TRACE_LENGTH unless everything was read */
  expectEnd(): void {
    if (this.remaining === 0) return;
    throw new TraceError('ERR_TRACE_LENGTH', `${this.remaining} bytes follow the last event`);
  }
}

function cutShort(at: number): TraceError {
  return new TraceError('ERR_TRACE_LENGTH', `the recording is cut short at byte ${at}`);
}
