/** Reads a trace file of any size, in pieces, whichever of the two formats it has. */
import { open } from 'node:fs/promises';
import { createGunzip, inflateSync } from 'node:zlib';
import {
  ChromeJsonReader,
  PerfettoReader,
  type TraceReader,
  type TraceVisitor,
} from '@hotpath/pmc-trace';
import { UsageError } from '../command/failure.js';

const CHUNK_BYTES = 1 << 20;

/**
 * Tells `visitor` everything that is in the file, in its order; gzip is unpacked.
 * @throws UsageError when the file cannot be read or is no trace
 */
export async function readTraceFile(path: string, visitor: TraceVisitor): Promise<void> {
  let reader: TraceReader | null = null;
  for await (const chunk of chunksOf(path)) {
    reader ??= readerFor(path, chunk, visitor);
    reader.write(chunk);
  }
  if (reader === null) throw new UsageError(`trace file '${path}' is empty`);
  reader.end();
}

async function* chunksOf(path: string): AsyncGenerator<Uint8Array> {
  const handle = await open(path).catch(() => {
    throw new UsageError(`trace file '${path}' cannot be read`);
  });
  try {
    const magic = new Uint8Array(2);
    await handle.read(magic, 0, 2, 0);
    const options = { start: 0, highWaterMark: CHUNK_BYTES, autoClose: false };
    const source = handle.createReadStream(options);
    const packed = magic[0] === 0x1f && magic[1] === 0x8b;
    const stream: AsyncIterable<Uint8Array> = packed ? source.pipe(createGunzip()) : source;
    for await (const chunk of stream) yield chunk;
  } finally {
    await handle.close();
  }
}

const LINE_FEED = 0x0a;
const BRACE = 0x7b;
const BRACKET = 0x5b;

function readerFor(path: string, chunk: Uint8Array, visitor: TraceVisitor): TraceReader {
  const first = chunk.find((byte) => byte > 0x20 && ![0xef, 0xbb, 0xbf].includes(byte));
  // A Perfetto file is packets, each field 1 with its length; the packet in it begins with a tag.
  if (chunk[0] === LINE_FEED && !looksLikeJson(chunk)) {
    return new PerfettoReader(visitor, { inflate: (bytes) => inflateSync(bytes) });
  }
  if (first === BRACE || first === BRACKET) return new ChromeJsonReader(visitor);
  throw new UsageError(`'${path}' is neither trace-event JSON nor a Perfetto trace`);
}

function looksLikeJson(chunk: Uint8Array): boolean {
  const shown = [...chunk.subarray(0, 4096)].filter((byte) => byte > 0x20);
  const opens = shown[0] === BRACE || shown[0] === BRACKET;
  return opens && [0x22, BRACE, 0x7d, 0x5d].includes(shown[1] ?? 0);
}
