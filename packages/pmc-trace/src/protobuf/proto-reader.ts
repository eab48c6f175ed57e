const LOW_WORD = 2 ** 32;
const DECODER = new TextDecoder();

/** Wire type of a field. */
export const WIRE_VARINT = 0;
/** Wire type of a field. */
export const WIRE_FIXED64 = 1;
/** Wire type of a field. */
export const WIRE_LENGTH = 2;
/** Wire type of a field. */
export const WIRE_FIXED32 = 5;

/**
 * Goes through the fields of one protocol-buffer message: `while (reader.next()) switch (reader.field)`.
 * A field that the caller does not read is skipped. A message that is cut off or malformed ends early
 * with `bad` set; nothing is ever read outside the bytes.
 */
export class ProtoReader {
  /** Number of the current field. */
  field = 0;
  /** Its wire type. */
  wire = 0;
  /** True when the message was malformed. */
  bad = false;
  private readonly bytes: Uint8Array;
  private at: number;
  private readonly stop: number;
  private low = 0;
  private high = 0;
  private start = 0;
  private length = 0;

  constructor(bytes: Uint8Array, start = 0, stop = bytes.length) {
    this.bytes = bytes;
    this.at = start;
    this.stop = stop;
  }

  /** Goes to the next field; false at the end. */
  next(): boolean {
    if (this.at >= this.stop || this.bad) return false;
    this.varint();
    const key = this.low;
    this.field = key >>> 3;
    this.wire = key & 7;
    if (this.wire === WIRE_VARINT) this.varint();
    else if (this.wire === WIRE_LENGTH) {
      this.varint();
      this.length = this.high * LOW_WORD + this.low;
      this.start = this.at;
      if (this.length > this.stop - this.at) return this.fail();
      this.at += this.length;
    } else if (this.wire === WIRE_FIXED64 || this.wire === WIRE_FIXED32) {
      this.length = this.wire === WIRE_FIXED64 ? 8 : 4;
      this.start = this.at;
      if (this.length > this.stop - this.at) return this.fail();
      this.low = this.word(this.at);
      this.high = this.length === 8 ? this.word(this.at + 4) : 0;
      this.at += this.length;
    } else return this.fail();
    return !this.bad && this.field > 0;
  }

  /** The current value as an unsigned number; rounded above 2**53. */
  unsigned(): number {
    return this.high * LOW_WORD + this.low;
  }

  /** The current value as a signed number. */
  signed(): number {
    return (this.high | 0) * LOW_WORD + this.low;
  }

  /** The current value as 16 hexadecimal digits at most: exact for all 64 bits. */
  identity(): string {
    if (this.high === 0) return this.low.toString(16);
    return this.high.toString(16) + this.low.toString(16).padStart(8, '0');
  }

  /** The current value as an IEEE double. */
  double(): number {
    const view = new DataView(this.bytes.buffer, this.bytes.byteOffset + this.start, 8);
    return view.getFloat64(0, true);
  }

  /** The current value as text. */
  text(): string {
    return DECODER.decode(this.contents());
  }

  /** The bytes of the current value; a view. */
  contents(): Uint8Array {
    return this.bytes.subarray(this.start, this.start + this.length);
  }

  /** A reader of the message in the current field. */
  message(): ProtoReader {
    const length = this.wire === WIRE_LENGTH ? this.length : 0;
    return new ProtoReader(this.bytes, this.start, this.start + length);
  }

  /** Position after the current field. */
  get position(): number {
    return this.at;
  }

  private fail(): boolean {
    this.bad = true;
    return false;
  }

  private word(at: number): number {
    const { bytes } = this;
    return (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0;
  }

  private varint(): void {
    const { bytes } = this;
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.at >= this.stop) break;
      const byte = bytes[this.at++];
      const part = byte & 0x7f;
      if (shift < 28) low |= part << shift;
      else if (shift === 28) {
        low |= part << 28;
        high |= part >>> 4;
      } else high |= part << (shift - 32);
      if (byte < 0x80) {
        this.low = low >>> 0;
        this.high = high >>> 0;
        return;
      }
    }
    this.bad = true;
  }
}
