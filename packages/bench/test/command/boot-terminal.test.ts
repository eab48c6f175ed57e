import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { testWithTools } from '../../../../scripts/testing/tools.js';

const CLI = join(import.meta.dirname, '../../src/cli.ts');
const WAIT_MS = 60_000;

/** A program on a pseudo-terminal of its own, as `script` of util-linux gives it. */
class Session {
  readonly #child: ChildProcess;
  #output = '';
  #seen = 0;
  #told = (): void => {};
  readonly ended: Promise<number | null>;

  constructor(script: string, command: string) {
    this.#child = spawn(script, ['-qec', command, '/dev/null']);
    this.#child.stdout?.on('data', (bytes: Buffer) => {
      this.#output += bytes.toString();
      this.#told();
    });
    this.ended = new Promise((resolve) => this.#child.on('exit', resolve));
  }

  type(text: string): void {
    this.#child.stdin?.write(text);
  }

  /** Waits until something more is shown. */
  async see(text: string): Promise<void> {
    const end = Date.now() + WAIT_MS;
    for (;;) {
      const at = this.#output.indexOf(text, this.#seen);
      if (at >= 0) {
        this.#seen = at + text.length;
        return;
      }
      if (Date.now() > end) {
        this.#child.kill();
        throw new Error(`'${text}' is not shown; shown is ${JSON.stringify(this.#output)}`);
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 1000);
        this.#told = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}

describe('hotpath boot on a terminal', () => {
  testWithTools(
    'edits lines, remembers them, refreshes top, and Ctrl-C ends what runs in the foreground',
    ['script'],
    async (script) => {
      const command = `'${process.execPath}' --conditions=@hotpath/source --import tsx '${CLI}' boot`;
      const session = new Session(script, command);
      await session.see('/ $ ');
      // Ctrl-B goes back, to put in what was left out; then the line before, with more behind it.
      session.type('eco hi\u0002\u0002\u0002\u0002h\r');
      await session.see('\r\nhi\r\n');
      session.type('\u001b[A there\r');
      await session.see('\r\nhi there\r\n');
      session.type('top -d 0.1\r');
      for (let screen = 0; screen < 3; screen++) await session.see('top - up');
      session.type('\u0003');
      await session.see('^C');
      session.type('echo status $?\r');
      await session.see('\r\nstatus 130\r\n');
      // The line discipline edits for programs that do not: a wrong letter is taken back.
      session.type('cat\r');
      await session.see('cat');
      await session.see('\n');
      session.type('abx\u007fc\r');
      await session.see('\r\nabc\r\n');
      session.type('\u0004');
      session.type('sleep 60 & jobs\r');
      await session.see('Running    sleep 60');
      session.type('poweroff\r');
      expect(await session.ended).toBe(0);
    },
    180_000,
  );
});
