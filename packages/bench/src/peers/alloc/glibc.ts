/** The C library's malloc, compiled from data/native/malloc.c by the machine's own compiler. */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Contestant, PreparedWork, Spent } from '../../harness/contestant.js';
import { packageFolder } from '../../package-folder.js';
import type { AllocTrace } from '../../traces/alloc-trace.js';
import type { PatternWorkload } from './patterns.js';
import { type AllocWorkload, readRecording } from './recording.js';

/** True where gcc is installed; without it this contestant does not race. */
export function hasCompiler(): boolean {
  return spawnSync('gcc', ['--version'], { stdio: 'ignore' }).status === 0;
}

export const contestant: Contestant<AllocWorkload | PatternWorkload> = {
  name: 'C library malloc (native)',
  prepare(workload) {
    const folder = mkdtempSync(join(tmpdir(), 'hotpath-malloc-'));
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
    const program = join(folder, 'malloc');
    const source = join(packageFolder(), 'data', 'native', 'malloc.c');
    const built = spawnSync('gcc', ['-O2', '-o', program, source], { encoding: 'utf8' });
    if (built.status !== 0) throw new Error(`gcc could not build malloc.c: ${built.stderr}`);
    if ('pattern' in workload) {
      const { pattern, objectBytes, live, pairs } = workload;
      const numbers = [objectBytes, live, pairs].map(String);
      return rounds(program, ['pattern', pattern, ...numbers], pairs);
    }
    const trace = readRecording(workload);
    const file = join(folder, 'trace');
    writeFileSync(file, unpacked(trace));
    return rounds(program, ['trace', file], trace.eventCount);
  },
};

/** Events as the program reads them: four words each. */
function unpacked(trace: AllocTrace): Uint32Array {
  const words = new Uint32Array(2 + 4 * trace.eventCount);
  words[0] = trace.eventCount;
  words[1] = trace.objectCount;
  for (let event = 0; event < trace.eventCount; event++) {
    const at = 2 + 4 * event;
    words[at] = trace.op[event];
    words[at + 1] = trace.size[event];
    words[at + 2] = trace.object[event];
    words[at + 3] = trace.align[event];
  }
  return words;
}

/** A round is a line to the program and a line back, which holds its own clocks' figures. */
function rounds(program: string, args: readonly string[], operationCount: number): PreparedWork {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  process.once('exit', () => child.kill());
  const input = descriptor(child.stdin);
  const output = descriptor(child.stdout);
  const line = Buffer.alloc(64);
  let spent: Spent = { ns: 0, cpuNs: 0 };
  return {
    operationCount,
    run() {
      writeSync(input, '\n');
      const answer = line.toString('latin1', 0, readLine(output, line)).split(' ').map(Number);
      spent = { ns: answer[1], cpuNs: answer[2] };
      return answer[0];
    },
    spent: () => spent,
  };
}

/** File descriptor of a pipe, for synchronous use: an event-loop turn would be timed as well. */
function descriptor(stream: ChildProcess['stdin'] | ChildProcess['stdout']): number {
  const { fd } = (stream as unknown as { _handle: { fd: number } })._handle;
  return fd;
}

/** Nobody wakes who waits for this. */
const NEVER = new Int32Array(new SharedArrayBuffer(4));

function readLine(fd: number, line: Buffer): number {
  for (;;) {
    try {
      return readSync(fd, line, 0, line.length, null);
    } catch (error) {
      // The pipe is non-blocking: ask again, but leave the processor to the round meanwhile.
      if ((error as { code?: string }).code !== 'EAGAIN') throw error;
      Atomics.wait(NEVER, 0, 0, 0.2);
    }
  }
}
