import { closeSync, openSync, writeSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { createGunzip, inflateSync } from 'node:zlib';
import { ArgumentError } from '@hotpath/hw-x86';
import {
  type ByteSink,
  ChromeJsonWriter,
  PerfettoWriter,
  type SnapshotConsumer,
  type TimelineCounts,
  TraceChecker,
  type TraceReport,
  type TraceSnapshot,
} from '../index.js';

/** A file that takes chunks; written synchronously, so that nothing waits in memory or is lost. */
export class FileSink implements ByteSink {
  private readonly descriptor: number;
  private isOpen = true;

  /** Creates or empties the file. Throws what `fs.openSync` throws. */
  constructor(path: string) {
    this.descriptor = openSync(path, 'w');
  }

  write(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; ) at += writeSync(this.descriptor, chunk, at);
  }

  /** Closes the file; a second call does nothing. */
  close(): void {
    if (this.isOpen) closeSync(this.descriptor);
    this.isOpen = false;
  }
}

/** An exporter into a file: a consumer for stream mode, or for single snapshots. */
export interface TraceFile extends SnapshotConsumer {
  /** What has been found up to now. */
  readonly counts: TimelineCounts;
  /** Closes open spans and the file. */
  end(): void;
}

/**
 * Opens a trace file: `.json` is Chrome JSON; `.pftrace` and `.perfetto-trace` are Perfetto.
 * @throws ArgumentError ERR_TRACE_FILE for another ending
 */
export function openTraceFile(path: string): TraceFile {
  const json = path.endsWith('.json');
  if (!json && !path.endsWith('.pftrace') && !path.endsWith('.perfetto-trace')) {
    throw new ArgumentError(
      'ERR_TRACE_FILE',
      `trace file is "${path}"; allowed endings: .json, .pftrace, .perfetto-trace`,
    );
  }
  const sink = new FileSink(path);
  const writer = json ? new ChromeJsonWriter(sink) : new PerfettoWriter(sink);
  return {
    counts: writer.counts,
    write: (snapshot) => writer.write(snapshot),
    end: () => {
      writer.end();
      sink.close();
    },
  };
}

/** Writes one snapshot as a file; the ending chooses the format, as in {@link openTraceFile}. */
export function writeTraceFile(path: string, snapshot: TraceSnapshot): TimelineCounts {
  const file = openTraceFile(path);
  file.write(snapshot);
  file.end();
  return file.counts;
}

/**
 * Judges a trace file of any size, read in pieces; gzip is unpacked. Rejects with the error of `fs`
 * or `zlib` where the file cannot be read.
 */
export async function checkTraceFile(path: string): Promise<TraceReport> {
  const checker = new TraceChecker({ inflate: (bytes) => inflateSync(bytes) });
  const handle = await open(path);
  try {
    const magic = new Uint8Array(2);
    await handle.read(magic, 0, 2, 0);
    const source = handle.createReadStream({ start: 0, highWaterMark: 1 << 20, autoClose: false });
    const packed = magic[0] === 0x1f && magic[1] === 0x8b;
    const stream: AsyncIterable<Uint8Array> = packed ? source.pipe(createGunzip()) : source;
    for await (const chunk of stream) checker.write(chunk);
  } finally {
    await handle.close();
  }
  return checker.finish();
}
