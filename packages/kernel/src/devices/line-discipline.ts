/**
 * What a terminal does to what is typed before a program reads it (POSIX.1-2024, 11.1): lines with
 * erase and kill, echo, Ctrl-C as a signal; or, without ICANON, every byte at once.
 */
import { ECHO, ICANON, ISIG } from '../syscall/flags.js';
import { SIGINT, SIGQUIT } from '../task/signal-numbers.js';

const CONTROL_C = 3;
const CONTROL_D = 4;
const BACKSPACE = 8;
const NEWLINE = 10;
const RETURN = 13;
const CONTROL_U = 21;
const CONTROL_BACKSLASH = 28;
const DELETE = 127;

/** What it does to the rest of the terminal. */
export interface LineDisciplinePorts {
  /** Bytes that a read may have; none: the end of input. */
  deliver(bytes: Uint8Array): void;
  /** A signal for the group in the foreground. */
  signal(signal: number): void;
  /** Shows what is typed. */
  echo(text: string): void;
}

/** One terminal's. */
export class LineDiscipline {
  /** c_lflag: ISIG, ICANON, ECHO. */
  flags: number;
  readonly #ports: LineDisciplinePorts;
  #line: number[] = [];

  constructor(flags: number, ports: LineDisciplinePorts) {
    this.flags = flags;
    this.#ports = ports;
  }

  /** Bytes are typed. */
  type(bytes: Uint8Array): void {
    const plain: number[] = [];
    for (const byte of bytes) {
      if ((this.flags & ICANON) !== 0 || this.#isSignal(byte)) this.#typeByte(byte);
      else plain.push(byte);
    }
    if (plain.length > 0) this.#ports.deliver(Uint8Array.from(plain));
  }

  /** What is unfinished is given as it is; nothing unfinished is the end of input. */
  endInput(): void {
    this.#finish();
  }

  /** Without ICANON what was typed so far can be read at once. */
  setFlags(flags: number): void {
    this.flags = flags;
    if ((flags & ICANON) === 0 && this.#line.length > 0) this.#finish();
  }

  #isSignal(byte: number): boolean {
    return (this.flags & ISIG) !== 0 && (byte === CONTROL_C || byte === CONTROL_BACKSLASH);
  }

  #typeByte(byte: number): void {
    // A terminal that does not echo is fed by a program: its bytes are left as they are.
    const edits = (this.flags & ECHO) !== 0;
    if (this.#isSignal(byte) && edits) {
      this.#line = [];
      this.#ports.echo(byte === CONTROL_C ? '^C' : '^\\');
      this.#ports.signal(byte === CONTROL_C ? SIGINT : SIGQUIT);
    } else if (edits && byte === CONTROL_D) this.#finish();
    else if (edits && (byte === BACKSPACE || byte === DELETE)) this.#erase();
    else if (edits && byte === CONTROL_U) {
      while (this.#line.length > 0) this.#erase();
    } else {
      const stored = edits && byte === RETURN ? NEWLINE : byte;
      this.#line.push(stored);
      if (edits) this.#ports.echo(String.fromCharCode(stored));
      if (stored === NEWLINE) this.#finish();
    }
  }

  /** Takes the last character off, all its bytes. */
  #erase(): void {
    if (this.#line.length === 0) return;
    let byte: number | undefined;
    do {
      byte = this.#line.pop();
    } while (byte !== undefined && (byte & 0xc0) === 0x80);
    this.#ports.echo('\b \b');
  }

  #finish(): void {
    const line = Uint8Array.from(this.#line);
    this.#line = [];
    this.#ports.deliver(line);
  }
}
