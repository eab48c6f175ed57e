import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  accessSync,
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

/** A disk to read: a crash explorer's is one. */
export interface ReadableDisk {
  readonly blockBytes: number;
  readonly blockCount: number;
  readBlock(block: number, target: Uint8Array, offset?: number): void;
}

/** Path of e2fsck (e2fsprogs) on this machine, or null. */
export function findE2fsck(): string | null {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  for (const folder of folders) {
    const path = join(folder, 'e2fsck');
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not in this folder: look in the next.
    }
  }
  return null;
}

/**
 * Runs e2fsck again and again: forked by this small shell, that costs a third of what it would, forked
 * by a Node process. It reads a flag, and answers the exit code.
 */
const LOOP = `exec 3<"$2/ask" 4>"$2/answer"
while read -r flag <&3; do "$1" "$flag" "$2/image" >"$2/output" 2>&1; echo $? >&4; done`;

/**
 * Linux's own judge: e2fsck over an image file of which only the blocks are written that differ from
 * what lies there. A few milliseconds a disk, most of them for the process.
 */
export class E2fsck {
  readonly #folder: string;
  readonly #shell: ChildProcess;
  readonly #ask: number;
  readonly #answer: number;
  readonly #file: number;
  /** What lies in the file; empty before the first disk. */
  #shadow = Buffer.alloc(0);
  #contents = Buffer.alloc(0);

  constructor(program: string) {
    this.#folder = mkdtempSync(join(tmpdir(), 'hotpath-crash-'));
    const pipes = ['ask', 'answer'].map((name) => join(this.#folder, name));
    const { error, status } = spawnSync('mkfifo', pipes);
    if (error !== undefined || status !== 0) throw error ?? new Error('mkfifo failed');
    this.#file = openSync(join(this.#folder, 'image'), 'w+');
    this.#shell = spawn('/bin/sh', ['-c', LOOP, 'sh', program, this.#folder], {
      stdio: 'ignore',
      env: { LC_ALL: 'C' },
    });
    this.#ask = openSync(pipes[0]!, 'w');
    this.#answer = openSync(pipes[1]!, 'r');
  }

  /** Replays the journal itself and checks: what it had to mend beyond that, or null. */
  recover(disk: ReadableDisk): string | null {
    this.#write(disk);
    const wrong = this.#run('-fy');
    // What e2fsck wrote lies there now.
    readSync(this.#file, this.#shadow, 0, this.#shadow.length, 0);
    return wrong;
  }

  /** Checks a disk that has been unmounted: what is wrong, or null. */
  check(disk: ReadableDisk): string | null {
    this.#write(disk);
    return this.#run('-fn');
  }

  close(): void {
    // The shell ends when nobody asks any more.
    for (const file of [this.#ask, this.#answer, this.#file]) closeSync(file);
    this.#shell.unref();
    rmSync(this.#folder, { recursive: true });
  }

  #write(disk: ReadableDisk): void {
    const { blockBytes, blockCount } = disk;
    const byteCount = blockBytes * blockCount;
    if (this.#contents.length !== byteCount) this.#contents = Buffer.alloc(byteCount);
    const contents = this.#contents;
    for (let block = 0; block < blockCount; block++) {
      disk.readBlock(block, contents, block * blockBytes);
    }
    if (this.#shadow.length !== byteCount) {
      writeSync(this.#file, contents, 0, byteCount, 0);
      this.#shadow = Buffer.from(contents);
      return;
    }
    for (let at = 0; at < byteCount; at += blockBytes) {
      const end = at + blockBytes;
      if (contents.compare(this.#shadow, at, end, at, end) === 0) continue;
      writeSync(this.#file, contents, at, blockBytes, at);
      contents.copy(this.#shadow, at, at, end);
    }
  }

  #run(flag: string): string | null {
    writeSync(this.#ask, `${flag}\n`);
    const answer = Buffer.alloc(16);
    const length = readSync(this.#answer, answer, 0, answer.length, null);
    if (length === 0) throw new Error('the shell that runs e2fsck has ended');
    const status = Number(answer.toString('latin1', 0, length));
    const output = readFileSync(join(this.#folder, 'output'), 'utf8');
    return verdictOf(status, output, flag);
  }
}

/** Lines of e2fsck that mend nothing: passes, replay, orphans that a crash leaves behind. */
const ORDINARY = [
  /^$/,
  /^e2fsck \d/,
  /^Pass \d/,
  /recovering journal$/,
  /^Clearing orphaned inode /,
  /^Truncating orphaned inode /,
  /\*\*\*\*\* FILE SYSTEM WAS MODIFIED \*\*\*\*\*$/,
  /: \d+\/\d+ files \(/,
];

/** What e2fsck's output complains of, or null. */
function verdictOf(status: number, output: string, flag: string): string | null {
  const lines = output.split('\n').map((line) => line.trim());
  const wrong = lines.filter((line) => !ORDINARY.some((pattern) => pattern.test(line)));
  if (status === 0 && wrong.length === 0) return null;
  return `e2fsck ${flag} (exit code ${status}): ${wrong.slice(0, 3).join(' ') || 'no reason given'}`;
}
