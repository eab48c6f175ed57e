/** Between text and the byte strings that names on a disk are. Node's and a browser's own coders are not in a core. */

/** UTF-8 as a byte string, one character for each byte. */
export function encodeUtf8(text: string): string {
  let bytes = '';
  for (const character of text) {
    const code = character.codePointAt(0) as number;
    if (code < 0x80) bytes += character;
    else if (code < 0x800) bytes += String.fromCharCode(0xc0 | (code >>> 6), 0x80 | (code & 63));
    else if (code < 0x10000) {
      bytes += String.fromCharCode(
        0xe0 | (code >>> 12),
        0x80 | ((code >>> 6) & 63),
        0x80 | (code & 63),
      );
    } else {
      bytes += String.fromCharCode(0xf0 | (code >>> 18), 0x80 | ((code >>> 12) & 63));
      bytes += String.fromCharCode(0x80 | ((code >>> 6) & 63), 0x80 | (code & 63));
    }
  }
  return bytes;
}

/** A byte string of UTF-8 as text; what is none becomes U+FFFD. */
export function decodeUtf8(bytes: string): string {
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const first = bytes.charCodeAt(at);
    const length = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0;
    let code = length <= 1 ? first : first & (0xff >>> (length + 1));
    let good = length > 0 && at + length <= bytes.length;
    for (let i = 1; good && i < length; i++) {
      const next = bytes.charCodeAt(at + i);
      if ((next & 0xc0) !== 0x80) good = false;
      code = code * 64 + (next & 63);
    }
    if (code > 0x10ffff) good = false;
    text += good ? String.fromCodePoint(code) : '\ufffd';
    at += good ? length : 1;
  }
  return text;
}
