/**
 * Traces an HTTP server: requests, what they await, garbage collections. Writes a Perfetto trace and a
 * Chrome JSON file into a folder (first argument, default `out`) and says what is in them.
 *
 *     node --conditions=@hotpath/source --import tsx examples/http-server.ts out
 */
import { mkdirSync } from 'node:fs';
import { createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { formatReport, Tracer } from '@hotpath/pmc-trace';
import {
  AsyncSpans,
  checkTraceFile,
  hostClock,
  hostEpochNanoseconds,
  traceHttpServer,
  tracePerformanceEntries,
  writeTraceFile,
} from '@hotpath/pmc-trace/node';

const tracer = new Tracer({ cpuCount: 2, epochNanoseconds: hostEpochNanoseconds() });
tracer.registry.nameCpu(0, 'main thread');
const emitter = tracer.emitter(hostClock());
const detach = [traceHttpServer(tracer, emitter), tracePerformanceEntries(tracer, 1)];
const spans = new AsyncSpans(tracer.registry, emitter);
const query = spans.register('query');
const render = tracer.registry.register({ name: 'render', category: 'app', a: 'rows' });

const server = createServer(async (request, response) => {
  const rows = await spans.run(query, async () => {
    await delay(2);
    return Array.from({ length: 2000 }, (_, row) => ({ row, text: `row ${row}` }));
  });
  emitter.begin(render, rows.length);
  const body = JSON.stringify(rows);
  emitter.end(render);
  response.writeHead(request.url === '/missing' ? 404 : 200).end(body);
});

function fetchOnce(port: number, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    get({ port, path, host: '127.0.0.1', agent: false }, (response) => {
      response.resume().once('end', resolve);
    }).once('error', reject);
  });
}

server.listen(0, '127.0.0.1', async () => {
  const { port } = server.address() as AddressInfo;
  const paths = ['/', '/users?page=1', '/users?page=2', '/missing'];
  for (let round = 0; round < 10; round += 1) {
    await Promise.all(paths.map((path) => fetchOnce(port, path)));
  }
  server.close();
  await delay(20);
  for (const stop of detach) stop();
  const folder = process.argv[2] ?? 'out';
  mkdirSync(folder, { recursive: true });
  for (const name of ['http.pftrace', 'http.json']) {
    const path = join(folder, name);
    writeTraceFile(path, tracer.snapshot());
    console.log(name, formatReport(await checkTraceFile(path)).at(-1));
  }
});
