import { assert } from '@hotpath/hw-x86';

/**
 * Takes an exported file piece by piece. The chunk belongs to the sink from then on: it may keep it
 * or queue it without a copy.
 */
export interface ByteSink {
  write(chunk: Uint8Array): void;
}

/** Bytes per chunk. One record must fit into a chunk, except texts, which are split. */
export const CHUNK_BYTES = 65_536;
/** Largest record that {@link ByteWriter.reserve} can promise room for. */
const RESERVE_MAX = 4096;

/** `00`, `01`, ... `99`. */
const PAIRS = new Uint8Array(200);
for (let pair = 0; pair < 100; pair += 1) {
  PAIRS[pair * 2] = 0x30 + Math.floor(pair / 10);
  PAIRS[pair * 2 + 1] = 0x30 + (pair % 10);
}

/** Decimal digits of a whole number below 1e9. */
function digitsOf(value: number): number {
  if (value < 1e4) return value < 100 ? (value < 10 ? 1 : 2) : value < 1000 ? 3 : 4;
  if (value < 1e6) return value < 1e5 ? 5 : 6;
  return value < 1e7 ? 7 : value < 1e8 ? 8 : 9;
}

const ENCODER = new TextEncoder();
const HEX = '0123456789abcdef';

/**
 * Text and numbers as bytes, in chunks. Call `reserve` before each record of at most 4 KiB; texts
 * of any length go through `raw`.
 *
 * Invariant: `0 <= used <= CHUNK_BYTES`.
 */
export class ByteWriter {
  /** Bytes handed to the sink so far. */
  byteCount = 0;
  private chunk = new Uint8Array(CHUNK_BYTES);
  private used = 0;
  private readonly sink: ByteSink;

  constructor(sink: ByteSink) {
    this.sink = sink;
  }

  /** Makes room for `byteCount <= 4,096` bytes in the current chunk. */
  reserve(byteCount: number): void {
    assert(byteCount <= RESERVE_MAX, 'a record fits into the reserve');
    if (this.used + byteCount > CHUNK_BYTES) this.flush();
  }

  /** One byte; room must be reserved. */
  byte(value: number): void {
    this.chunk[this.used++] = value;
  }

  /** Bytes of any number, copied. */
  raw(bytes: Uint8Array): void {
    if (this.used + bytes.length > CHUNK_BYTES) {
      this.block(bytes);
      return;
    }
    // `set` copies 80 bytes in 20 ns; a loop takes 200.
    this.chunk.set(bytes, this.used);
    this.used += bytes.length;
  }

  private block(bytes: Uint8Array): void {
    let from = 0;
    while (from < bytes.length) {
      if (this.used === CHUNK_BYTES) this.flush();
      const part = Math.min(bytes.length - from, CHUNK_BYTES - this.used);
      this.chunk.set(bytes.subarray(from, from + part), this.used);
      this.used += part;
      from += part;
    }
  }

  /** A short text of ASCII characters only; room must be reserved. */
  ascii(text: string): void {
    const chunk = this.chunk;
    let used = this.used;
    for (let index = 0; index < text.length; index += 1) chunk[used++] = text.charCodeAt(index);
    this.used = used;
  }

  /** A safe integer in decimal; room for 17 bytes must be reserved. */
  integer(value: number): void {
    if (value < 0) {
      this.byte(0x2d);
      value = -value;
    }
    if (value >= 1e9) {
      const high = Math.floor(value / 1e9);
      this.integer(high);
      this.padded(value - high * 1e9, 9);
      return;
    }
    this.padded(value, digitsOf(value | 0));
  }

  /** Nanoseconds as microseconds with three decimals, none where they are zero; room for 22 bytes. */
  microseconds(nanoseconds: number): void {
    const whole = Math.floor(nanoseconds / 1000);
    const rest = nanoseconds - whole * 1000;
    this.integer(whole);
    if (rest === 0) return;
    const chunk = this.chunk;
    const at = this.used;
    const tens = (rest / 10) | 0;
    chunk[at] = 0x2e;
    chunk[at + 1] = PAIRS[tens * 2];
    chunk[at + 2] = PAIRS[tens * 2 + 1];
    chunk[at + 3] = 0x30 + rest - tens * 10;
    this.used = at + 4;
  }

  /** A whole number below 1e9, padded with zeros to `digits`. Two digits at a time. */
  padded(value: number, digits: number): void {
    const chunk = this.chunk;
    const start = this.used;
    let at = start + digits;
    this.used = at;
    let rest = value | 0;
    while (at - start >= 2) {
      const quotient = (rest / 100) | 0;
      const pair = (rest - quotient * 100) * 2;
      at -= 2;
      chunk[at] = PAIRS[pair];
      chunk[at + 1] = PAIRS[pair + 1];
      rest = quotient;
    }
    if (at > start) chunk[start] = 0x30 + (rest % 10);
  }

  /** A whole number >= 0 as `0x...`; room for 16 bytes must be reserved. */
  hexadecimal(value: number): void {
    this.ascii('0x');
    if (value < 2 ** 32) {
      let shift = 28;
      while (shift > 0 && value >>> shift === 0) shift -= 4;
      for (; shift >= 0; shift -= 4) this.byte(HEX.charCodeAt((value >>> shift) & 15));
      return;
    }
    this.ascii(value.toString(16));
  }

  /** Hands the current chunk to the sink. */
  flush(): void {
    if (this.used === 0) return;
    this.byteCount += this.used;
    this.sink.write(this.chunk.subarray(0, this.used));
    this.chunk = new Uint8Array(CHUNK_BYTES);
    this.used = 0;
  }
}

/** Bytes of a text in UTF-8. A lone surrogate becomes U+FFFD. */
export function utf8(text: string): Uint8Array {
  return ENCODER.encode(text);
}

/**
 * Bytes of a text as a JSON string with its quotes. `<`, U+2028 and U+2029 are escaped, so that the
 * result may also stand inside an HTML script; lone surrogates are escaped, so that none is lost.
 */
export function jsonText(text: string): Uint8Array {
  const json = JSON.stringify(text)
    .replaceAll('<', '\\u003c')
    .replaceAll('\u2028', '\\u2028')
    .replaceAll('\u2029', '\\u2029');
  return utf8(json);
}

/** A sink that keeps everything, for files that fit into memory. */
export class ByteCollector implements ByteSink {
  private readonly chunks: Uint8Array[] = [];
  private total = 0;

  write(chunk: Uint8Array): void {
    this.chunks.push(chunk);
    this.total += chunk.length;
  }

  /** Everything written so far, as one array. */
  bytes(): Uint8Array {
    const whole = new Uint8Array(this.total);
    let at = 0;
    for (const chunk of this.chunks) {
      whole.set(chunk, at);
      at += chunk.length;
    }
    return whole;
  }

  /** Everything written so far, read as UTF-8. */
  text(): string {
    return new TextDecoder().decode(this.bytes());
  }
}
