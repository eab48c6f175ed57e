/// <reference lib="esnext.disposable" />
import { ArgumentError, type ByteCount } from '@hotpath/hw-x86';
import type { ArenaViews } from './arena-memory.js';
import { makeGetter, makeSetter } from './field-access.js';
import type { StructFields, StructType } from './struct.js';

/** Where structs of a pool come from: a slab cache, or a worker's end of a shared one. */
export interface StructSource {
  allocate(): number;
  free(offset: number): void;
}

/** A view of one struct at a time: move it instead of making another. */
export type StructCursor<Fields extends StructFields> = {
  /** The struct that it shows. */
  offset: number;
  /** Shows another struct. */
  move(offset: number): StructCursor<Fields>;
} & { -readonly [Name in keyof Fields]: number };

/** Frees its struct at the end of a `using` block. */
export type ScopedStruct<Fields extends StructFields> = StructCursor<Fields> & Disposable;

/** Reads a field of the struct at an offset. */
export type FieldGetters<Fields extends StructFields> = {
  readonly [Name in keyof Fields]: (offset: number) => number;
};

/** Writes a field of the struct at an offset. */
export type FieldSetters<Fields extends StructFields> = {
  readonly [Name in keyof Fields]: (offset: number, value: number) => void;
};

/**
 * Structs of one type in an arena. `get.field(offset)` and `set.field(offset, value)` allocate
 * nothing and survive `memory.grow`; a cursor reads like an object.
 */
export class StructPool<Fields extends StructFields> {
  readonly type: StructType<Fields>;
  readonly get: FieldGetters<Fields>;
  readonly set: FieldSetters<Fields>;
  private readonly views: ArenaViews;
  private readonly source: StructSource;
  private readonly prototype: object;

  /** For `arena.pool`. */
  constructor(type: StructType<Fields>, views: ArenaViews, source: StructSource) {
    this.type = type;
    this.views = views;
    this.source = source;
    const get: Record<string, (offset: number) => number> = {};
    const set: Record<string, (offset: number, value: number) => void> = {};
    const prototype = {
      move(this: { offset: number }, offset: number): unknown {
        this.offset = offset;
        return this;
      },
    };
    for (const name of Object.keys(type.fields)) {
      const at: ByteCount = type.offsetOf[name];
      const getter = makeGetter(views, type.fields[name], at);
      const setter = makeSetter(views, type.fields[name], at);
      get[name] = getter;
      set[name] = setter;
      Object.defineProperty(prototype, name, {
        enumerable: true,
        get(this: { offset: number }): number {
          return getter(this.offset);
        },
        set(this: { offset: number }, value: number): void {
          setter(this.offset, value);
        },
      });
    }
    this.get = get as FieldGetters<Fields>;
    this.set = set as FieldSetters<Fields>;
    this.prototype = prototype;
  }

  /** Offset of a new struct, all bytes 0; 0 when memory is out. O(byteCount). */
  create(): number {
    const offset = this.source.allocate();
    if (offset !== 0) this.views.fill(offset, this.type.byteCount, 0);
    return offset;
  }

  /** Frees a struct. O(1). @throws ArgumentError as `SlabCache.free` */
  free(offset: number): void {
    this.source.free(offset);
  }

  /** A cursor on the struct at `offset`; make one and {@link StructCursor.move} it. */
  at(offset: number): StructCursor<Fields> {
    const cursor = Object.create(this.prototype) as StructCursor<Fields>;
    cursor.offset = offset;
    return cursor;
  }

  /**
   * For `using`: a new struct that is freed at the end of the block.
   * @throws ArgumentError ERR_ARENA_FULL when memory is out: a block cannot go on without it
   */
  scoped(): ScopedStruct<Fields> {
    const offset = this.create();
    if (offset === 0) throw new ArgumentError('ERR_ARENA_FULL', 'no memory is left for a struct');
    const cursor = this.at(offset) as ScopedStruct<Fields>;
    const { source } = this;
    Object.defineProperty(cursor, Symbol.dispose, { value: () => source.free(offset) });
    return cursor;
  }
}
