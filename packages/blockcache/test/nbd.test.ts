import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { READ } from '@hotpath/hw-x86';
import { openFileDisk } from '@hotpath/hw-x86/host';
import { afterEach, describe, expect } from 'vitest';
import { testWithTools } from '../../../scripts/testing/tools.js';
import { readThroughCache } from '../examples/cached-reader.js';
import { serve } from '../examples/nbd-server.js';
import { FakeDisk } from './support/fake-disk.js';

const MIB = 1024 * 1024;
const folders: string[] = [];

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'hotpath-nbd-'));
  folders.push(folder);
  return folder;
}

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** Runs a program to its end; its output, and its exit code. */
async function run(program: string, ...args: string[]): Promise<{ text: string; code: number }> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  child.stdout.on('data', (chunk) => (text += chunk));
  child.stderr.on('data', (chunk) => (text += chunk));
  const [code] = (await once(child, 'close')) as [number];
  return { text, code };
}

/** A server in this process over a file of `mebibytes`, with a cache of one. */
async function fileServer(mebibytes: number) {
  const folder = temporaryFolder();
  const path = join(folder, 'disk');
  writeFileSync(path, '');
  truncateSync(path, mebibytes * MIB);
  const socket = join(folder, 'socket');
  let disk: ReturnType<typeof openFileDisk> | undefined;
  const server = await serve(socket, MIB, (line) => {
    disk = openFileDisk({ path, blockBytes: 512, asynchronous: true, line });
    return disk;
  });
  return {
    path,
    folder,
    uri: `nbd+unix:///?socket=${socket}`,
    async close() {
      await server.close();
      disk?.close();
    },
  };
}

describe('NBD server', () => {
  testWithTools(
    'qemu-io reads back what it wrote, flushed, forced, trimmed',
    ['qemu-io'],
    async (io) => {
      const server = await fileServer(8);
      const { text, code } = await run(
        io,
        '-f',
        'raw',
        ...['-c', 'write -P 0x5a 0 1M', '-c', 'write -P 0xa5 4095 3', '-c', 'read -P 0x5a 0 4095'],
        ...['-c', 'read -P 0xa5 4095 3', '-c', 'read -P 0x5a 4098 100k', '-c', 'flush'],
        ...['-c', 'write -f -P 0x77 3M 64k', '-c', 'write -z 64k 4k', '-c', 'read -P 0 64k 4k'],
        ...['-c', 'discard 512k 64k', '-c', 'read -P 0x77 3M 64k', '-c', 'read -P 0 7M 1M'],
        server.uri,
      );
      expect(text).not.toMatch(/fail|error|mismatch/i);
      expect(code).toBe(0);
      await server.close();
      const bytes = readFileSync(server.path);
      expect(bytes[4096]).toBe(0xa5);
      expect(bytes[3 * MIB + 5]).toBe(0x77);
      expect(bytes[64 * 1024]).toBe(0);
    },
  );

  testWithTools(
    'nbdcopy brings a file there and back over several connections',
    ['nbdcopy'],
    async (copy) => {
      const server = await fileServer(12);
      const source = join(server.folder, 'source');
      const back = join(server.folder, 'back');
      const bytes = Buffer.alloc(12 * MIB);
      for (let i = 0; i < bytes.length; i += 4)
        bytes.writeUInt32LE(Math.imul(i, 2_654_435_761) >>> 0, i);
      writeFileSync(source, bytes);
      expect(await run(copy, '--connections=4', '--flush', source, server.uri)).toEqual({
        text: '',
        code: 0,
      });
      expect(readFileSync(server.path).equals(bytes)).toBe(true);
      expect(await run(copy, '--connections=4', server.uri, back)).toEqual({ text: '', code: 0 });
      expect(readFileSync(back).equals(bytes)).toBe(true);
      await server.close();
      const read: Uint8Array[] = [];
      for await (const chunk of readThroughCache(server.path)) read.push(chunk);
      expect(Buffer.concat(read).equals(bytes)).toBe(true);
    },
  );

  testWithTools('fio finds no wrong data at depth 16', ['fio'], async (fio) => {
    const server = await fileServer(8);
    const { text, code } = await run(
      fio,
      ...['--name=verify', '--ioengine=nbd', `--uri=${server.uri}`, '--rw=randwrite', '--bs=4k'],
      ...[
        '--iodepth=16',
        '--size=8m',
        '--verify=crc32c',
        '--verify_state_save=0',
        '--fsync=64',
        '--output-format=terse',
      ],
    );
    expect(text).not.toMatch(/bad|verify failed/i);
    expect(code).toBe(0);
    await server.close();
  });

  testWithTools('on a flaky device fio sees errors and never wrong data', ['fio'], async (fio) => {
    const folder = temporaryFolder();
    const disk = new FakeDisk({
      blockBytes: 512,
      blockCount: 4096,
      immediate: true,
      volatileCache: true,
    });
    let failures = 0;
    disk.fault = (request, operation) => {
      const fails = operation % 37 === 0 && (request.op === READ || operation % 3 === 0);
      if (fails) failures += 1;
      return fails;
    };
    const socket = join(folder, 'socket');
    const server = await serve(socket, 64 * 4096, () => disk);
    const { text } = await run(
      fio,
      ...[
        '--name=flaky',
        '--ioengine=nbd',
        `--uri=nbd+unix:///?socket=${socket}`,
        '--rw=randwrite',
      ],
      ...[
        '--bs=4k',
        '--iodepth=8',
        '--size=2m',
        '--verify=crc32c',
        '--verify_state_save=0',
        '--continue_on_error=io',
      ],
      ...['--verify_fatal=0', '--fsync=32', '--randrepeat=1'],
    );
    expect(failures).toBeGreaterThan(5);
    expect(text).not.toMatch(/bad magic|verify failed|bad header/i);
    disk.fault = () => false;
    await server.front.flush(0);
    expect(server.front.cache.dirtyCount).toBe(0);
    await server.close().catch(() => {});
  });

  testWithTools(
    'kill -9 under write load loses nothing that a flush acknowledged',
    ['qemu-io'],
    async (io) => {
      const folder = temporaryFolder();
      const path = join(folder, 'disk');
      writeFileSync(path, '');
      truncateSync(path, 8 * MIB);
      const first = join(folder, 'first');
      const server = startServer(path, first);
      await once(server.stdout as NodeJS.ReadableStream, 'data');
      const uri = `nbd+unix:///?socket=${first}`;
      const { code } = await run(
        io,
        ...[
          '-f',
          'raw',
          '-c',
          'write -P 0x11 0 2M',
          '-c',
          'write -P 0x22 2M 1M',
          '-c',
          'flush',
          uri,
        ],
      );
      expect(code).toBe(0);
      // A second server on the same file is refused: two caches would overwrite each other.
      const rival = startServer(path, join(folder, 'refused'), 'ignore');
      expect(await once(rival, 'close')).toEqual([2, null]);
      // The load goes on elsewhere on the disk while the server dies.
      const load = run(
        io,
        '-f',
        'raw',
        '-c',
        'write -P 0x33 4M 2M',
        '-c',
        'write -P 0x44 6M 2M',
        uri,
      );
      await new Promise((resolve) => setTimeout(resolve, 30));
      server.kill('SIGKILL');
      await once(server, 'close');
      await load;
      const bytes = readFileSync(path);
      expect(bytes.subarray(0, 2 * MIB).every((byte) => byte === 0x11)).toBe(true);
      expect(bytes.subarray(2 * MIB, 3 * MIB).every((byte) => byte === 0x22)).toBe(true);
      const second = join(folder, 'second');
      const again = startServer(path, second);
      await once(again.stdout as NodeJS.ReadableStream, 'data');
      const check = await run(
        io,
        ...['-f', 'raw', '-c', 'read -P 0x11 0 2M', '-c', 'read -P 0x22 2M 1M'],
        `nbd+unix:///?socket=${second}`,
      );
      expect(check.text).not.toMatch(/fail|mismatch/i);
      again.kill('SIGTERM');
      await once(again, 'close');
    },
  );
});

/** The server as a process of its own, on a host file that is locked against a second one. */
function startServer(
  path: string,
  socket: string,
  errors: 'inherit' | 'ignore' = 'inherit',
): ChildProcess {
  const script = join(dirname(fileURLToPath(import.meta.url)), '..', 'examples', 'nbd-server.ts');
  const options = ['--import', 'tsx', '--conditions=@hotpath/source'];
  return spawn(process.execPath, [...options, script, path, socket, '--cache', '1'], {
    stdio: ['ignore', 'pipe', errors],
  });
}
