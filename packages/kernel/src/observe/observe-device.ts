/**
 * /dev/observe: how programs ask what looks into the kernel. A program writes one request, words with
 * blanks between them, and reads the answer, to its end. Each process has an answer of its own.
 */
import { assert, EINVAL, isErrno, OK, PAGE_BYTES, type VirtAddr } from '@hotpath/hw-x86';
import type { Call } from '../syscall/call.js';
import type { UserBytes } from '../syscall/user-bytes.js';
import type { Tasks } from '../task/tasks.js';
import type { CharacterDevice } from '../vfs/character-device.js';

/** Answers a request: text or bytes, or an errno. `caller` is the process that asks. */
export type AnswerRequest = (words: readonly string[], caller: number) => Uint8Array | number;

interface Answer {
  readonly bytes: Uint8Array;
  read: number;
}

/** The device. */
export class ObserveDevice implements CharacterDevice {
  readonly #bytes: UserBytes;
  readonly #tasks: Tasks;
  readonly #answer: AnswerRequest;
  readonly #page = new Uint8Array(PAGE_BYTES);
  /** By a process's report and not its number, which another has after it. */
  readonly #answers = new WeakMap<object, Answer>();

  constructor(bytes: UserBytes, tasks: Tasks, answer: AnswerRequest) {
    this.#bytes = bytes;
    this.#tasks = tasks;
    this.#answer = answer;
  }

  write(call: Call, buffer: VirtAddr, count: number): number {
    if (count > PAGE_BYTES) return EINVAL;
    const status = this.#bytes.load(call, buffer, this.#page, count);
    if (status !== OK) return status;
    const text = new TextDecoder().decode(this.#page.subarray(0, count));
    const caller = this.#tasks.leader[call.task];
    const process = this.#process(call);
    this.#answers.delete(process);
    const answer = this.#answer(text.trim().split(/\s+/), caller);
    if (typeof answer === 'number') return isErrno(answer) ? answer : count;
    this.#answers.set(process, { bytes: answer, read: 0 });
    return count;
  }

  read(call: Call, buffer: VirtAddr, count: number): number {
    const process = this.#process(call);
    const answer = this.#answers.get(process);
    if (answer === undefined) return 0;
    const length = Math.min(count, answer.bytes.length - answer.read);
    const status = this.#bytes.store(call, buffer, answer.bytes, answer.read, length);
    if (status !== OK) return status;
    answer.read += length;
    if (answer.read === answer.bytes.length) this.#answers.delete(process);
    return length;
  }

  #process(call: Call): object {
    const report = this.#tasks.report[this.#tasks.leader[call.task]];
    assert(report !== null, 'a task that calls is one of a process');
    return report;
  }
}
