/** Reads a file through the block cache: `node --import tsx cached-reader.ts FILE`. */
import { AwaitFront, ReadAhead } from '@hotpath/blockcache';
import { createArenaMemory, openFileDisk } from '@hotpath/hw-x86/host';

export async function* readThroughCache(path: string): AsyncGenerator<Uint8Array, void, void> {
  const memory = createArenaMemory(1024 * 4096);
  const front = new AwaitFront({ memory, base: 0, blockBytes: 4096, capacity: 1024 });
  const disk = openFileDisk({
    path,
    blockBytes: 512,
    readOnly: true,
    asynchronous: true,
    line: front.line,
  });
  const device = front.cache.addDevice(disk);
  const ahead = new ReadAhead(32);
  const size = disk.blockBytes * disk.blockCount;
  for (let offset = 0; offset < size; offset += 4096) {
    const chunk = new Uint8Array(Math.min(4096, size - offset));
    await front.readBytes(device, offset, chunk, ahead);
    yield chunk;
  }
  disk.close();
}
