/**
 * Line editing and history on a terminal in raw mode, with the keys of Emacs and readline. The editor
 * echoes itself; the terminal is put back while programs run.
 */
import { isErrno } from '@hotpath/hw-x86';
import { ECHO, ICANON, ISIG, TCGETS, TCSETS } from '../../syscall/flags.js';
import { type Process, STDIN, type Step } from '../process.js';

/** Where c_lflag stands in struct termios, and its size. */
const LOCAL_FLAGS_AT = 12;
const TERMIOS_BYTES = 36;
/** What a terminal does for programs, and the editor does itself. */
const COOKED = ICANON | ECHO | ISIG;
const CONTROL = (letter: string): string => String.fromCharCode(letter.charCodeAt(0) & 31);
const ESCAPE = '\u001b';
const KEYS: Readonly<Record<string, string>> = {
  '[A': CONTROL('P'),
  '[B': CONTROL('N'),
  '[C': CONTROL('F'),
  '[D': CONTROL('B'),
  '[H': CONTROL('A'),
  '[F': CONTROL('E'),
  '[1~': CONTROL('A'),
  '[4~': CONTROL('E'),
  '[3~': 'delete',
  OH: CONTROL('A'),
  OF: CONTROL('E'),
};

/** Reads lines from the terminal. */
export class LineEditor {
  readonly #process: Process;
  readonly #history: readonly string[];
  readonly #decoder = new TextDecoder();
  /** Typed ahead: characters that belong to the next line. */
  #pending: string[] = [];
  #line: string[] = [];
  /** Settings of the terminal before it was made raw. */
  readonly #before = new Uint8Array(TERMIOS_BYTES);
  #cursor = 0;

  constructor(process: Process, history: readonly string[]) {
    this.#process = process;
    this.#history = history;
  }

  /** One line without its end; null for Ctrl-D on an empty one, or when the input has ended. */
  *readLine(prompt: string): Step<string | null> {
    yield* this.#makeRaw();
    const line = yield* this.#edit(prompt);
    yield* this.#set(this.#before);
    return line;
  }

  *#edit(prompt: string): Step<string | null> {
    this.#line = [];
    this.#cursor = 0;
    let entry = this.#history.length;
    yield* this.#draw(prompt);
    for (;;) {
      const key = yield* this.#nextKey();
      if (key === null) return null;
      if (key === '\r' || key === '\n') {
        this.#cursor = this.#line.length;
        yield* this.#show(prompt);
        yield* this.#write('\n');
        return this.#line.join('');
      }
      if (key === CONTROL('D') && this.#line.length === 0) {
        yield* this.#write('\n');
        return null;
      }
      if (key === CONTROL('C')) {
        yield* this.#write('^C\n');
        this.#line = [];
        this.#cursor = 0;
        entry = this.#history.length;
      } else if (key === CONTROL('P') || key === CONTROL('N')) {
        const step = key === CONTROL('P') ? -1 : 1;
        entry = Math.min(this.#history.length, Math.max(0, entry + step));
        this.#line = [...(this.#history[entry] ?? '')];
        this.#cursor = this.#line.length;
      } else if (key === CONTROL('L')) yield* this.#write(`${ESCAPE}[H${ESCAPE}[2J`);
      else this.#change(key);
      yield* this.#draw(prompt);
    }
  }

  #change(key: string): void {
    const line = this.#line;
    const at = this.#cursor;
    if (key === CONTROL('A')) this.#cursor = 0;
    else if (key === CONTROL('E')) this.#cursor = line.length;
    else if (key === CONTROL('B')) this.#cursor = Math.max(0, at - 1);
    else if (key === CONTROL('F')) this.#cursor = Math.min(line.length, at + 1);
    else if (key === CONTROL('K')) line.splice(at);
    else if (key === CONTROL('U')) this.#removeBefore(at);
    else if (key === CONTROL('W')) {
      const before = line.slice(0, at).join('');
      this.#removeBefore([...(/\S*\s*$/.exec(before)?.[0] ?? '')].length);
    } else if (key === '\u007f' || key === '\b') this.#removeBefore(Math.min(1, at));
    else if (key === 'delete' || key === CONTROL('D')) line.splice(at, 1);
    else if (key >= ' ' && key.length <= 2) {
      line.splice(at, 0, key);
      this.#cursor += 1;
    }
  }

  #removeBefore(count: number): void {
    this.#line.splice(this.#cursor - count, count);
    this.#cursor -= count;
  }

  /** The next character, or what a sequence of them stands for; null at the end of input. */
  *#nextKey(): Step<string | null> {
    const first = yield* this.#nextCharacter();
    if (first !== ESCAPE) return first;
    let sequence = '';
    for (;;) {
      const next = yield* this.#nextCharacter();
      if (next === null) return null;
      sequence += next;
      const introduces = sequence === '[' || sequence === 'O';
      if (!introduces && !/^\[[0-9;]+$/.test(sequence)) return KEYS[sequence] ?? '';
    }
  }

  *#nextCharacter(): Step<string | null> {
    while (this.#pending.length === 0) {
      const bytes = yield* this.#process.readBytes(STDIN);
      if (bytes === null || typeof bytes === 'number') return null;
      this.#pending = [...this.#decoder.decode(bytes, { stream: true })];
    }
    return this.#pending.shift() ?? null;
  }

  *#draw(prompt: string): Step {
    // Typed ahead or pasted: shown when all of it has been taken in.
    if (this.#pending.length === 0) yield* this.#show(prompt);
  }

  *#show(prompt: string): Step {
    const back = this.#line.length - this.#cursor;
    const move = back > 0 ? `${ESCAPE}[${back}D` : '';
    yield* this.#write(`\r${prompt}${this.#line.join('')}${ESCAPE}[K${move}`);
  }

  *#write(text: string): Step {
    yield* this.#process.print(text);
    yield* this.#process.flush();
  }

  *#makeRaw(): Step {
    const { scratch, sys } = this.#process;
    if (isErrno(yield* sys.ioctl(STDIN, TCGETS, scratch))) return;
    yield* sys.loadBytes(scratch, this.#before);
    const raw = this.#before.slice();
    const view = new DataView(raw.buffer);
    view.setUint32(LOCAL_FLAGS_AT, view.getUint32(LOCAL_FLAGS_AT, true) & ~COOKED, true);
    yield* this.#set(raw);
  }

  *#set(settings: Uint8Array): Step {
    const { scratch, sys } = this.#process;
    yield* sys.storeBytes(scratch, settings);
    yield* sys.ioctl(STDIN, TCSETS, scratch);
  }
}
