/** The console: what the host's user types in, what programs write out. */
import { EAGAIN, EFAULT, EINTR, ENOTTY, OK, PAGE_BYTES, type VirtAddr } from '@hotpath/hw-x86';
import { type Call, RESTART } from '../syscall/call.js';
import {
  ECHO,
  FIONREAD,
  ICANON,
  ISIG,
  TCGETS,
  TCSETS,
  TIOCGPGRP,
  TIOCGWINSZ,
  TIOCSPGRP,
} from '../syscall/flags.js';
import type { UserBytes } from '../syscall/user-bytes.js';
import type { TaskWaits } from '../task/waits.js';
import type { CharacterDevice } from '../vfs/character-device.js';
import { POLLIN, POLLOUT } from '../vfs/pollers.js';
import { WaitingCalls } from '../vfs/waiting-calls.js';
import { LineDiscipline } from './line-discipline.js';

/** The host keeps so much of what was written last. */
const HISTORY_BYTES = 65536;
/** struct termios of Linux, and where its c_lflag stands. */
const TERMIOS_BYTES = 36;
const LOCAL_FLAGS_AT = 12;

/** Size of a terminal in characters. */
export interface TerminalSize {
  readonly rows: number;
  readonly columns: number;
}

/** Told what programs write. */
export type ConsoleSink = (bytes: Uint8Array) => void;

/** A signal for the processes of a group. */
export type SignalGroup = (group: number, signal: number) => void;

/** A terminal; in canonical mode a read gives one line at most. */
export class Console implements CharacterDevice {
  readonly #bytes: UserBytes;
  readonly #readers: WaitingCalls;
  readonly #sink: ConsoleSink | null;
  readonly #page = new Uint8Array(PAGE_BYTES);
  /** Finished lines; an empty one is the end of input. */
  readonly #lines: Uint8Array[] = [];
  readonly #discipline: LineDiscipline;
  #size: TerminalSize | null = { rows: 25, columns: 80 };
  /** Process group that Ctrl-C reaches; 0: none. */
  #foreground = 0;
  #history = new Uint8Array(0);

  constructor(
    bytes: UserBytes,
    waits: TaskWaits,
    sink: ConsoleSink | null,
    signalGroup: SignalGroup,
  ) {
    this.#bytes = bytes;
    this.#readers = new WaitingCalls(waits);
    this.#sink = sink;
    // No echo: until a terminal is connected, the host shows what its user types.
    this.#discipline = new LineDiscipline(ISIG | ICANON, {
      deliver: (typed) => this.#deliver(typed),
      signal: (signal) => {
        if (this.#foreground > 0) signalGroup(this.#foreground, signal);
      },
      echo: (text) => this.#put(new TextEncoder().encode(text)),
    });
  }

  /** Told when a line can be read; poll listens. */
  changed: () => void = () => {};

  /** The last 64 KiB that programs wrote, as text. */
  get output(): string {
    return new TextDecoder().decode(this.#history);
  }

  /**
   * Says what the host has at the other end: a terminal, which sends every key as it is struck, so that
   * the console echoes and edits; or null: none, as when a script is piped in.
   */
  connect(size: TerminalSize | null): void {
    this.#size = size;
    const { flags } = this.#discipline;
    this.#discipline.flags = size === null ? flags & ~(ECHO | ISIG) : flags | ECHO | ISIG;
  }

  /** The host's user types; programs see a line when it is finished. Call it between runs. */
  feed(typed: string | Uint8Array): void {
    this.#discipline.type(typeof typed === 'string' ? new TextEncoder().encode(typed) : typed);
  }

  /** The host's user ends the input (Ctrl-D): an unfinished line is sent, or a read answers 0. */
  endInput(): void {
    this.#discipline.endInput();
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

  ready(): number {
    return (this.#lines.length > 0 ? POLLIN : 0) | POLLOUT;
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
    if (this.#size === null && request !== FIONREAD) return ENOTTY;
    if (argument === 0) return EFAULT;
    if (request === FIONREAD) {
      const answer = new Uint8Array(4);
      new DataView(answer.buffer).setUint32(0, this.#lines[0]?.length ?? 0, true);
      return this.#bytes.store(call, argument, answer, 0, answer.length);
    }
    if (request === TIOCGWINSZ && this.#size !== null) {
      const answer = new Uint8Array(8);
      const view = new DataView(answer.buffer);
      view.setUint16(0, this.#size.rows, true);
      view.setUint16(2, this.#size.columns, true);
      return this.#bytes.store(call, argument, answer, 0, answer.length);
    }
    if (request === TIOCGPGRP) {
      const answer = new Uint8Array(4);
      new DataView(answer.buffer).setInt32(0, this.#foreground, true);
      return this.#bytes.store(call, argument, answer, 0, answer.length);
    }
    if (request === TIOCSPGRP) {
      const given = new Uint8Array(4);
      const status = this.#bytes.load(call, argument, given, given.length);
      if (status === OK) this.#foreground = new DataView(given.buffer).getInt32(0, true);
      return status;
    }
    return this.#settings(call, request, argument);
  }

  #settings(call: Call, request: number, argument: VirtAddr): number {
    const settings = new Uint8Array(TERMIOS_BYTES);
    const view = new DataView(settings.buffer);
    if (request === TCGETS) {
      view.setUint32(LOCAL_FLAGS_AT, this.#discipline.flags, true);
      return this.#bytes.store(call, argument, settings, 0, settings.length);
    }
    if (request !== TCSETS) return ENOTTY;
    const status = this.#bytes.load(call, argument, settings, settings.length);
    if (status === OK) this.#discipline.setFlags(view.getUint32(LOCAL_FLAGS_AT, true));
    return status;
  }

  #deliver(typed: Uint8Array): void {
    this.#lines.push(typed);
    this.#readers.wakeOne(OK);
    this.changed();
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
