import { ArgumentError } from '@hotpath/hw-x86';
import type { ProgramFactory } from '../syscall/program.js';

/** Programs that exec finds, by the last part of a path. */
export class Programs {
  readonly #factories = new Map<string, ProgramFactory>();

  /** @throws ArgumentError `ERR_PROGRAM` for an empty name, one with a slash, or one that is taken */
  register(name: string, factory: ProgramFactory): void {
    if (name === '' || name.includes('/') || this.#factories.has(name)) {
      throw new ArgumentError(
        'ERR_PROGRAM',
        `program name is "${name}"; allowed: a new name without a slash`,
      );
    }
    this.#factories.set(name, factory);
  }

  /** The program that a path names, or null. */
  find(path: string): ProgramFactory | null {
    return this.#factories.get(path.slice(path.lastIndexOf('/') + 1)) ?? null;
  }

  /** Every name, in order of registration. */
  get names(): string[] {
    return [...this.#factories.keys()];
  }
}
