/**
 * An NBD server over a host file with the block cache in front.
 *
 *     node --import tsx nbd-server.ts FILE SOCKET [--cache MiB]
 */
import { createServer, type Server } from 'node:net';
import { parseArgs } from 'node:util';
import { AwaitFront } from '@hotpath/blockcache';
import type { BlockDevice, InterruptLine } from '@hotpath/hw-x86';
import { createArenaMemory, openFileDisk } from '@hotpath/hw-x86/host';
import { type Export, NbdConnection } from './nbd-connection.js';

const BLOCK_BYTES = 4096;

/** A running server. */
export interface NbdServer {
  readonly server: Server;
  readonly front: AwaitFront;
  /** Ends connections, flushes and closes. */
  close(): Promise<void>;
}

/** Serves a device on a unix socket; the device is made with the line that it must raise. */
export async function serve(
  socketPath: string,
  cacheBytes: number,
  openDevice: (line: InterruptLine) => BlockDevice,
): Promise<NbdServer> {
  const front = new AwaitFront({
    memory: createArenaMemory(cacheBytes),
    base: 0,
    blockBytes: BLOCK_BYTES,
    capacity: Math.floor(cacheBytes / BLOCK_BYTES),
  });
  const disk = openDevice(front.line);
  const served: Export = {
    front,
    device: front.cache.addDevice(disk),
    byteCount: disk.blockBytes * disk.blockCount,
    readOnly: disk.readOnly,
  };
  const server = createServer((socket) => new NbdConnection(socket, served));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(socketPath, resolve);
  });
  return {
    server,
    front,
    async close() {
      await new Promise((resolve) => server.close(resolve));
      await front.close();
    },
  };
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { cache: { type: 'string', default: '64' } },
  });
  const [path, socketPath] = positionals;
  if (path === undefined || socketPath === undefined) {
    console.error('usage: nbd-server FILE SOCKET [--cache MiB]');
    process.exitCode = 2;
    return;
  }
  const cacheBytes = Number(values.cache) * 1024 * 1024;
  let disk: ReturnType<typeof openFileDisk> | null = null;
  const running = await serve(socketPath, cacheBytes, (line) => {
    disk = openFileDisk({ path, blockBytes: 512, asynchronous: true, line });
    return disk;
  });
  console.log(`serving ${path} on ${socketPath}`);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      void running.close().then(() => {
        disk?.close();
        process.exit(0);
      });
    });
  }
}

if (process.argv[1]?.includes('nbd-server')) {
  main().catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : String(error));
    process.exitCode = 2;
  });
}
