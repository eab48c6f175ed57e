/** The console: lines from the host in, bytes to the host out. */
import { EAGAIN, EFAULT, EINTR, ENOTTY, OK, PAGE_BYTES, type VirtAddr } from '@hotpath/hw-x86';
import { type Call, RESTART } from '../syscall/call.js';
import { FIONREAD, TCGETS, TIOCGWINSZ } from '../syscall/flags.js';
import type { UserBytes } from '../syscall/user-bytes.js';
import type { TaskWaits } from '../task/waits.js';
import type { CharacterDevice } from '../vfs/character-device.js';
import { WaitingCalls } from '../vfs/waiting-calls.js';

const NEWLINE = 10;
/** The host keeps so much of what was written last. */
const HISTORY_BYTES = 65536;
/** c_lflag of struct termios: ISIG, ICANON, no echo: the host shows what its user types. */
const LOCAL_FLAGS = 0o1 | 0o2;
const ROWS = 25;
const COLUMNS = 80;

/** Told what programs write. */
export type ConsoleSink = (bytes: Uint8Array) => void;

/** A terminal in canonical mode: a read gives one line at most. */
export class Console implements CharacterDevice {
  readonly #bytes: UserBytes;
  readonly #readers: WaitingCalls;
  readonly #sink: ConsoleSink | null;
  readonly #page = new Uint8Array(PAGE_BYTES);
  /** Finished lines; an empty one is the end of input. */
  readonly #lines: Uint8Array[] = [];
  #unfinished: number[] = [];
  #history = new Uint8Array(0);

  constructor(bytes: UserBytes, waits: TaskWaits, sink: ConsoleSink | null) {
    this.#bytes = bytes;
    this.#readers = new WaitingCalls(waits);
    this.#sink = sink;
  }

  /** The last 64 KiB that programs wrote, as text. */
  get output(): string {
    return new TextDecoder().decode(this.#history);
  }

  /** The host's user types. Programs see a line when it is finished. Call it between runs. */
  feed(text: string): void {
    for (const byte of new TextEncoder().encode(text)) {
      this.#unfinished.push(byte);
      if (byte === NEWLINE) this.#finishLine();
    }
  }

  /** The host's user ends the input (Ctrl-D): an unfinished line is sent, or a read answers 0. */
  endInput(): void {
    this.#finishLine();
  }

  read(call: Call, buffer: VirtAddr, count: number, waits: boolean): number {
    if (call.brought === EINTR) return RESTART;
    if (count === 0) return 0;
    const line = this.#lines[0];
    if (line === undefined) return waits ? this.#readers.block(call) : EAGAIN;
    const length = Math.min(count, line.length);
    const status = this.#bytes.store(call, buffer, line, 0, length);
    if (status !== OK) return status;
    this.#lines.shift();
    if (length < line.length) this.#lines.unshift(line.subarray(length));
    if (this.#lines.length > 0) this.#readers.wakeOne(OK);
    return length;
  }

  write(call: Call, buffer: VirtAddr, count: number): number {
    while (call.done < count) {
      const length = Math.min(count - call.done, PAGE_BYTES);
      const status = this.#bytes.load(call, buffer + call.done, this.#page, length);
      if (status !== OK) return this.#bytes.settle(call, status);
      call.done += length;
      this.#put(this.#page.subarray(0, length));
    }
    return call.done;
  }

  control(call: Call, request: number, argument: VirtAddr): number {
    if (argument === 0) return EFAULT;
    if (request === FIONREAD) {
      const answer = new Uint8Array(4);
      new DataView(answer.buffer).setUint32(0, this.#lines[0]?.length ?? 0, true);
      return this.#bytes.store(call, argument, answer, 0, answer.length);
    }
    if (request === TIOCGWINSZ) {
      const answer = new Uint8Array(8);
      answer[0] = ROWS;
      answer[2] = COLUMNS;
      return this.#bytes.store(call, argument, answer, 0, answer.length);
    }
    if (request !== TCGETS) return ENOTTY;
    const answer = new Uint8Array(36);
    answer[12] = LOCAL_FLAGS;
    return this.#bytes.store(call, argument, answer, 0, answer.length);
  }

  #finishLine(): void {
    this.#lines.push(Uint8Array.from(this.#unfinished));
    this.#unfinished = [];
    this.#readers.wakeOne(OK);
  }

  #put(bytes: Uint8Array): void {
    const kept = this.#history.subarray(-Math.max(0, HISTORY_BYTES - bytes.length));
    const history = new Uint8Array(kept.length + bytes.length);
    history.set(kept);
    history.set(bytes, kept.length);
    this.#history = history;
    this.#sink?.(bytes.slice());
  }
}
