/**
 * Runs programs of e2fsprogs over one image file, of which only the blocks are written that differ
 * from what lies there. A small shell forks them: forked by a Node process, with its memory, each
 * would cost five times as much.
 */
import { spawn, spawnSync } from 'node:child_process';
import { ftruncateSync, mkdtempSync, openSync, readFileSync, readSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Reads a command, answers its exit code; cleans up when nobody asks any more. */
const LOOP = `exec 3<"$1/ask" 4>"$1/answer"; cd "$1"
while IFS= read -r line <&3; do eval "$line" >output 2>&1 </dev/null; echo $? >&4; done
cd /; rm -rf "$1"`;
const BLOCK_BYTES = 1024;

/** What a program left behind. */
interface ToolResult {
  readonly status: number;
  readonly output: string;
}

/** One shell and one image file. */
export class ToolLoop {
  readonly #folder = mkdtempSync(join(tmpdir(), 'ext2-'));
  readonly #ask: number;
  readonly #answer: number;
  readonly #file: number;
  /** What lies in the file. */
  #shadow = Buffer.alloc(0);

  constructor() {
    const pipes = ['ask', 'answer'].map((name) => join(this.#folder, name));
    const { status } = spawnSync('mkfifo', pipes);
    if (status !== 0) throw new Error('mkfifo failed');
    this.#file = openSync(join(this.#folder, 'image'), 'w+');
    const options = { stdio: 'ignore', env: { LC_ALL: 'C', PATH: process.env['PATH'] } } as const;
    spawn('/bin/sh', ['-c', LOOP, 'sh', this.#folder], options).unref();
    this.#ask = openSync(pipes[0], 'w');
    this.#answer = openSync(pipes[1], 'r');
  }

  /** Puts an image into the file. */
  write(bytes: Uint8Array): void {
    const image = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    if (this.#shadow.length !== image.length) {
      ftruncateSync(this.#file, 0);
      ftruncateSync(this.#file, image.length);
      this.#shadow = Buffer.alloc(image.length);
    }
    for (let at = 0; at < image.length; at += BLOCK_BYTES) {
      const end = at + BLOCK_BYTES;
      if (image.compare(this.#shadow, at, end, at, end) === 0) continue;
      writeSync(this.#file, image, at, BLOCK_BYTES, at);
      image.copy(this.#shadow, at, at, end);
    }
  }

  /** An empty file, for a program that makes an image. */
  clear(): void {
    ftruncateSync(this.#file, 0);
    this.#shadow = Buffer.alloc(0);
  }

  /** The image as programs left it: a copy. */
  read(): Uint8Array {
    const bytes = readFileSync(join(this.#folder, 'image'));
    this.#shadow = bytes;
    return new Uint8Array(bytes);
  }

  /** Runs a program in the file's folder; the image is the file `image`. */
  run(program: string, args: readonly string[]): ToolResult {
    const words = [program, ...args].map((word) => `'${word.replaceAll("'", "'\\''")}'`);
    writeSync(this.#ask, `${words.join(' ')}\n`);
    const answer = Buffer.alloc(16);
    const length = readSync(this.#answer, answer, 0, answer.length, null);
    if (length === 0) throw new Error('the shell that runs e2fsprogs has ended');
    const output = readFileSync(join(this.#folder, 'output'), 'utf8');
    return { status: Number(answer.toString('latin1', 0, length)), output };
  }
}
