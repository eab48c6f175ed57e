/**
 * Numbers and names inside blocks. ext2 is little-endian, its journal big-endian; a block is a view
 * of its own, so that an offset beyond it reads nothing and writes nothing.
 */

/** Little-endian, 0 <= value < 2**16. */
export function get16(bytes: Uint8Array, at: number): number {
  return bytes[at] | (bytes[at + 1] << 8);
}

/** Little-endian, 0 <= value < 2**32. */
export function get32(bytes: Uint8Array, at: number): number {
  return (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0;
}

/** Stores the low 16 bits, little-endian. */
export function put16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
}

/** Stores the low 32 bits, little-endian. */
export function put32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}

/** Big-endian, 0 <= value < 2**32. */
export function getBig32(bytes: Uint8Array, at: number): number {
  return ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0;
}

/** Stores the low 32 bits, big-endian. */
export function putBig32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

/** A byte string: one character, 0 to 255, for each byte. */
export function getName(bytes: Uint8Array, at: number, length: number): string {
  let name = '';
  for (let i = 0; i < length; i++) name += String.fromCharCode(bytes[at + i]);
  return name;
}

/** Stores a byte string. */
export function putName(bytes: Uint8Array, at: number, name: string): void {
  for (let i = 0; i < name.length; i++) bytes[at + i] = name.charCodeAt(i);
}
