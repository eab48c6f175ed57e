/** From results to a page. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { ChromeJsonReader } from '@hotpath/pmc-trace';
import { packageVersion } from '../package-folder.js';
import type { HostTimes } from '../suite/index.js';
import type { SuiteResults } from '../suite/results.js';
import { readTraceFile } from '../trace-files/read-trace-file.js';
import { SpanTracks } from '../trace-files/span-tracks.js';
import { reportHtml } from './html.js';
import { packTimeline } from './pack-timeline.js';
import type { DatedPeers } from './page-data.js';
import { pageScript } from './page-script.js';

/** What the page shows; what is null is left out. */
export interface ReportInput {
  readonly suite: SuiteResults | null;
  readonly host: HostTimes | null;
  /** A trace's tracks, and what they are of. */
  readonly timeline: { readonly title: string; readonly tracks: SpanTracks } | null;
  readonly peers: readonly DatedPeers[];
}

/** Writes the page; how many bytes it has. */
export async function writeReport(path: string, input: ReportInput): Promise<number> {
  const packed =
    input.timeline === null ? null : packTimeline(input.timeline.title, input.timeline.tracks);
  const data = {
    version: packageVersion(),
    suite: input.suite,
    host: input.host,
    timeline: packed === null ? null : packed.timeline,
    peers: input.peers,
  };
  const html = reportHtml(data, packed?.columns ?? '', await pageScript());
  mkdirSync(dirname(resolve(path)), { recursive: true });
  writeFileSync(path, html);
  return Buffer.byteLength(html);
}

/** Tracks of a trace file of either format. */
export async function tracksOfFile(path: string): Promise<SpanTracks> {
  const tracks = new SpanTracks();
  await readTraceFile(path, tracks);
  tracks.finish();
  return tracks;
}

/** Tracks of Chrome trace JSON in memory. */
export function tracksOfJson(bytes: Uint8Array): SpanTracks {
  const tracks = new SpanTracks();
  const reader = new ChromeJsonReader(tracks);
  reader.write(bytes);
  reader.end();
  tracks.finish();
  return tracks;
}
