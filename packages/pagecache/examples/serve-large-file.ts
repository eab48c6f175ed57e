/**
 * Serves a file of 32 MiB through a page cache of 2 MiB to eight readers at once, over HTTP with
 * ranges, and checks every byte:
 *
 *   npx tsx --conditions=@hotpath/source packages/pagecache/examples/serve-large-file.ts
 */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileCache } from '@hotpath/pagecache/node';

/** An HTTP server that answers with a file, whole or the range asked for. */
export function serveFile(cache: FileCache, path: string): Server {
  const file = cache.open(path);
  return createServer(async (request, response) => {
    const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
    const first = range === null ? 0 : Number(range[1]);
    const end = range === null ? file.size : Math.min(Number(range[2]) + 1, file.size);
    response.writeHead(range === null ? 200 : 206, { 'content-length': end - first });
    try {
      for (let at = first; at < end; ) {
        const chunk = new Uint8Array(Math.min(64 * 1024, end - at));
        at += await file.read(chunk, at);
        if (!response.write(chunk)) await new Promise((drained) => response.once('drain', drained));
      }
      response.end();
    } catch (error) {
      response.destroy(error as Error);
    }
  }).on('close', () => file.close());
}

/** Runs the example; returns bytes served and the cache's counters. */
export async function serveLargeFile(
  fileBytes: number,
  cacheBytes: number,
  readers: number,
): Promise<{ served: number; resident: number; cache: FileCache }> {
  const folder = mkdtempSync(join(tmpdir(), 'pagecache-'));
  const path = join(folder, 'large');
  const bytes = new Uint8Array(fileBytes);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Math.imul(i, 2654435761) >>> 24;
  writeFileSync(path, bytes);
  const cache = new FileCache({ cacheBytes });
  const server = serveFile(cache, path);
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  let served = 0;
  await Promise.all(
    Array.from({ length: readers }, async (_, i) => {
      const first = Math.floor((fileBytes / readers) * i);
      const headers = { range: `bytes=${first}-${fileBytes - 1}` };
      const answer = await fetch(`http://127.0.0.1:${port}/`, { headers });
      const got = new Uint8Array(await answer.arrayBuffer());
      const same = digest(got) === digest(bytes.subarray(first));
      if (!same) throw new Error(`reader ${i} got other bytes than the file has`);
      served += got.length;
    }),
  );
  const resident = cache.pages.pageCount * 4096;
  const closed = new Promise((done) => server.close(done));
  server.closeAllConnections();
  await closed;
  cache.stop();
  rmSync(folder, { recursive: true });
  return { served, resident, cache };
}

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

if (process.argv[1]?.endsWith('serve-large-file.ts')) {
  const { served, resident, cache } = await serveLargeFile(32 * 2 ** 20, 2 * 2 ** 20, 8);
  const { hits, misses, pagesRead } = cache.counters;
  console.log(`served ${served} bytes from ${resident} bytes of cache`);
  console.log(`${hits} hits, ${misses} misses, ${pagesRead} pages read`);
}
