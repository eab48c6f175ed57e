/** Runs in a worker of a browser: writes through a small cache, closes, reopens, reads back. */
import { AwaitFront } from '@hotpath/blockcache';
import { createArenaMemory } from '@hotpath/hw-x86/model';
import { OpfsDisk, type SyncAccessHandle } from './opfs-disk.js';

interface WorkerScope {
  navigator: {
    storage: {
      getDirectory(): Promise<{
        getFileHandle(name: string, options: object): Promise<FileHandle>;
      }>;
    };
  };
  postMessage(message: unknown): void;
}

interface FileHandle {
  createSyncAccessHandle(): Promise<SyncAccessHandle>;
}

const BLOCK_BYTES = 4096;
const BLOCKS = 256;
const scope = globalThis as unknown as WorkerScope;

async function open(): Promise<{ front: AwaitFront; device: number; handle: SyncAccessHandle }> {
  const root = await scope.navigator.storage.getDirectory();
  const file = await root.getFileHandle('hotpath-disk', { create: true });
  const handle = await file.createSyncAccessHandle();
  const memory = createArenaMemory(16 * BLOCK_BYTES);
  const front = new AwaitFront({ memory, base: 0, blockBytes: BLOCK_BYTES, capacity: 16 });
  const device = front.cache.addDevice(new OpfsDisk(handle, BLOCK_BYTES, BLOCKS));
  return { front, device, handle };
}

async function run(): Promise<string> {
  const first = await open();
  const source = new Uint8Array(BLOCK_BYTES);
  for (let block = 0; block < BLOCKS; block++) {
    source.fill(block + 1);
    await first.front.writeBytes(first.device, block * BLOCK_BYTES, source);
  }
  await first.front.close();
  first.handle.close();
  const second = await open();
  const target = new Uint8Array(BLOCK_BYTES);
  let right = 0;
  for (let block = 0; block < BLOCKS; block++) {
    await second.front.readBytes(second.device, block * BLOCK_BYTES, target);
    if (target.every((byte) => byte === ((block + 1) & 255))) right += 1;
  }
  const { evictions } = second.front.cache.statistics();
  second.handle.close();
  return `${right} of ${BLOCKS} blocks right, ${evictions} evictions`;
}

run().then(
  (text) => scope.postMessage(text),
  (error: unknown) => scope.postMessage(`failed: ${String(error)}`),
);
