import type { EventRegistry } from '../index.js';

/** Distinct texts that an adapter interns before it says `(other)`: names of URLs have no end. */
export const TEXT_LIMIT = 10_000;

/**
 * Interns texts that come from outside, at most so many different ones.
 *
 * Invariant: `count <= limit`.
 */
export class BoundedTexts {
  private readonly registry: EventRegistry;
  private readonly limit: number;
  private readonly numbers = new Map<string, number>();

  constructor(registry: EventRegistry, limit: number = TEXT_LIMIT) {
    this.registry = registry;
    this.limit = limit;
  }

  /** A number for an argument of type `string`. */
  number(text: string): number {
    const known = this.numbers.get(text);
    if (known !== undefined) return known;
    if (this.numbers.size >= this.limit) return this.registry.intern('(other)');
    const number = this.registry.intern(text);
    this.numbers.set(text, number);
    return number;
  }
}
