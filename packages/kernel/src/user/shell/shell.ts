/** What one shell knows: variables, its last status, jobs, history. */

import type { Process, Step } from '../process.js';
import { type ExpansionSource, expand, expandToText } from './expansion.js';
import { Jobs } from './jobs.js';
import type { Word } from './words.js';

/** How the shell was started. */
export interface ShellOptions {
  /** `$0`, `$1`, ... */
  readonly parameters: readonly string[];
  /** It talks with a person: prompts, job control. */
  readonly interactive: boolean;
}

/** Who runs commands. */
export interface Execution {
  run(shell: Shell, text: string): Step;
  /** What commands print, without newlines at the end. */
  substitute(shell: Shell, commands: string): Step<string>;
}

/** State that commands read and change. */
export class Shell implements ExpansionSource {
  readonly process: Process;
  readonly parameters: readonly string[];
  readonly variables: Map<string, string>;
  readonly exported: Set<string>;
  readonly jobs = new Jobs();
  readonly history: string[];
  readonly interactive: boolean;
  /** The shell's own number, also in its subshells: `$$`. */
  readonly #number: number;
  /** `$?` */
  status = 0;
  /** `$!` */
  lastBackground = 0;
  /** True once it is to end with {@link status}. */
  exits = false;
  /** Loops that `break` is still to leave, and whether the last one goes on (`continue`). */
  breaks = 0;
  continues = false;
  readonly #execution: Execution;

  constructor(
    process: Process,
    options: ShellOptions,
    execution: Execution,
    parent: Shell | null = null,
  ) {
    this.process = process;
    this.parameters = options.parameters;
    this.interactive = options.interactive;
    this.#execution = execution;
    this.#number = parent?.number ?? process.sys.task;
    this.variables = new Map(parent?.variables ?? Object.entries(process.env));
    this.exported = new Set(parent?.exported ?? Object.keys(process.env));
    this.history = parent === null ? [] : [...parent.history];
    this.status = parent?.status ?? 0;
    this.lastBackground = parent?.lastBackground ?? 0;
  }

  /** A subshell in a forked child: a copy of everything, no job control. */
  inChild(process: Process): Shell {
    const { parameters } = this;
    return new Shell(process, { parameters, interactive: false }, this.#execution, this);
  }

  get number(): number {
    return this.#number;
  }

  /** What programs get as their environment. */
  get environment(): Record<string, string> {
    const environment: Record<string, string> = {};
    for (const name of this.exported) {
      const value = this.variables.get(name);
      if (value !== undefined) environment[name] = value;
    }
    return environment;
  }

  variable(name: string): string {
    if (name === '?') return String(this.status);
    if (name === '$') return String(this.#number);
    if (name === '!') return this.lastBackground === 0 ? '' : String(this.lastBackground);
    if (name === '#') return String(Math.max(0, this.parameters.length - 1));
    if (/^\d$/.test(name)) return this.parameters[Number(name)] ?? '';
    return this.variables.get(name) ?? '';
  }

  *output(commands: string): Step<string> {
    return yield* this.#execution.substitute(this, commands);
  }

  /** Runs a text of any number of lines; what comes out is in {@link status}. */
  *run(text: string): Step {
    yield* this.#execution.run(this, text);
  }

  /** Words as arguments. */
  *expand(words: readonly Word[]): Step<string[]> {
    return yield* expand(this, words);
  }

  /** A word as one text. */
  *expandToText(word: Word): Step<string> {
    return yield* expandToText(this, word);
  }
}
