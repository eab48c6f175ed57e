import { assert } from '@hotpath/hw-x86';
import { type ByteSink, CHUNK_BYTES, utf8 } from '../export/byte-writer.js';

// Wire types (protobuf encoding guide).
const VARINT = 0;
const FIXED64 = 1;
const LENGTH = 2;
/** Room that every record may use without asking. */
const RECORD_ROOM = 1024;
const LOW_WORD = 2 ** 32;

const DOUBLE = new Float64Array(1);
const DOUBLE_BYTES = new Uint8Array(DOUBLE.buffer);

/**
 * Protocol-buffer messages into chunks of about 64 KiB, without an object per message: `open` leaves
 * one byte for the length, `close` fills it in, and moves the message where it needs more.
 *
 * Invariant: `flushed <= messages still open <= at <= buffer.length`.
 */
export class ProtoWriter {
  /** Bytes handed to the sink so far. */
  byteCount = 0;
  private buffer = new Uint8Array(CHUNK_BYTES + RECORD_ROOM);
  private at = 0;
  private depth = 0;
  private readonly sink: ByteSink;

  constructor(sink: ByteSink) {
    this.sink = sink;
  }

  /** Starts a message in field `field`; pass the answer to `close`. */
  open(field: number): number {
    if (this.depth === 0 && this.at >= CHUNK_BYTES) this.flush();
    if (this.at + RECORD_ROOM > this.buffer.length) this.room(RECORD_ROOM);
    this.depth += 1;
    this.key(field, LENGTH);
    this.at += 1;
    return this.at;
  }

  /** Ends the message whose contents begin at `start`. */
  close(start: number): void {
    const length = this.at - start;
    this.depth -= 1;
    assert(length >= 0 && this.depth >= 0, 'messages close in order');
    if (length < 0x80) {
      this.buffer[start - 1] = length;
      return;
    }
    let extra = 1;
    for (let rest = length; rest >= 0x4000; rest = Math.floor(rest / 0x80)) extra += 1;
    this.room(extra);
    this.buffer.copyWithin(start + extra, start, this.at);
    const end = this.at + extra;
    this.at = start - 1;
    this.varint(length);
    this.at = end;
  }

  /** A whole number 0 .. 2**53 - 1. */
  unsigned(field: number, value: number): void {
    if (field < 16 && value < 0x80) {
      // Most fields: one byte of key, one of value.
      const { buffer, at } = this;
      buffer[at] = field * 8;
      buffer[at + 1] = value;
      this.at = at + 2;
      return;
    }
    this.key(field, VARINT);
    this.varint(value);
  }

  /** A safe integer as int64: negative ones take ten bytes. */
  signed(field: number, value: number): void {
    if (value >= 0) this.unsigned(field, value);
    else this.unsigned64(field, BigInt.asUintN(64, BigInt(value)));
  }

  /** A 64-bit number. */
  unsigned64(field: number, value: bigint): void {
    this.key(field, VARINT);
    let rest = value;
    while (rest >= 0x80n) {
      this.buffer[this.at++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.buffer[this.at++] = Number(rest);
  }

  /** An IEEE double. */
  double(field: number, value: number): void {
    this.key(field, FIXED64);
    DOUBLE[0] = value;
    for (let index = 0; index < 8; index += 1) this.buffer[this.at++] = DOUBLE_BYTES[index];
  }

  /** A fixed 64-bit number of two words. */
  fixed64(field: number, low: number, high: number): void {
    this.key(field, FIXED64);
    for (let shift = 0; shift < 32; shift += 8) this.buffer[this.at++] = low >>> shift;
    for (let shift = 0; shift < 32; shift += 8) this.buffer[this.at++] = high >>> shift;
  }

  /** A text of any length, or bytes that are one already. */
  text(field: number, text: string | Uint8Array): void {
    if (this.depth === 0 && this.at >= CHUNK_BYTES) this.flush();
    const bytes = typeof text === 'string' ? utf8(text) : text;
    this.room(bytes.length + RECORD_ROOM);
    this.key(field, LENGTH);
    this.varint(bytes.length);
    this.buffer.set(bytes, this.at);
    this.at += bytes.length;
  }

  /** Hands what is complete to the sink. No message may be open. */
  flush(): void {
    assert(this.depth === 0, 'no message is open');
    if (this.at === 0) return;
    this.byteCount += this.at;
    this.sink.write(this.buffer.subarray(0, this.at));
    this.buffer = new Uint8Array(CHUNK_BYTES + RECORD_ROOM);
    this.at = 0;
  }

  private room(byteCount: number): void {
    if (this.at + byteCount <= this.buffer.length) return;
    const larger = new Uint8Array((this.at + byteCount) * 2);
    larger.set(this.buffer.subarray(0, this.at));
    this.buffer = larger;
  }

  private key(field: number, wire: number): void {
    const key = field * 8 + wire;
    if (key < 0x80) this.buffer[this.at++] = key;
    else this.varint(key);
  }

  private varint(value: number): void {
    const buffer = this.buffer;
    let at = this.at;
    let rest = value;
    // Shifts see 32 bits: what lies above goes by division.
    while (rest >= LOW_WORD) {
      buffer[at++] = (rest & 0x7f) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    let word = rest >>> 0;
    while (word >= 0x80) {
      buffer[at++] = (word & 0x7f) | 0x80;
      word >>>= 7;
    }
    buffer[at++] = word;
    this.at = at;
  }
}
