/**
 * Debugging of a cache, all off by default: what it costs is paid only by caches that ask for it.
 * Bytes are those of Linux (include/linux/poison.h), so that a dump reads the same.
 */

/** Options of a cache's debugging; red zones, poison and guards need the allocator's memory. */
export interface SlabDebugOptions {
  /** 16 bytes in front of and at least 16 behind every object, checked at free and by validate. */
  readonly redZones?: boolean;
  /** Free objects are filled; a changed byte is reported at the next allocation and by validate. */
  readonly poison?: boolean;
  /** Remembers who allocated: `true` takes the caller's stack line, a function names it itself. */
  readonly sites?: boolean | (() => string);
  /** Every n-th allocation fails, 1..2**31; default 0: none does. */
  readonly failEvery?: number;
  /** Freed objects wait behind this many others before they are used again, 0..65,536; default 0. */
  readonly quarantine?: number;
  /** Every n-th object lies in a page of its own, checked over all its bytes, 1..2**31; default 0. */
  readonly guardEvery?: number;
}

/** Kinds of damage. */
export type SlabDamage = 'red zone' | 'poison' | 'guard' | 'lost slot' | 'two states' | 'count';

/** One finding. */
export interface SlabReport {
  readonly cache: string;
  readonly damage: SlabDamage;
  /** Address of the object, or of the slab. */
  readonly address: number;
  /** First wrong byte's address; the object's or slab's where no byte is meant. */
  readonly at: number;
  readonly expected: number;
  readonly found: number;
  /** Who allocated the object, where sites are remembered. */
  readonly site: string | null;
  /** What was wrong was set right. */
  readonly repaired: boolean;
}

/** What a cache asks its debugging layer; the cache knows nothing of how it is done. */
export interface ObjectChecks {
  /** False: this allocation shall fail. */
  mayAllocate(): boolean;
  /** An address from elsewhere (a guarded page) that shall be handed out instead, or NIL. */
  substitute(): number;
  /** An object is handed out. */
  allocated(address: number): void;
  /** An object comes back; its address was found good. */
  freed(address: number): void;
  /** Takes a substitute back; false where the address is none. */
  freeSubstitute(address: number): boolean;
  /** Delays the reuse of a freed object: the offset that may be used again now, or NIL. */
  delay(offset: number): number;
  /** Ends all delays: calls `release` with each offset. */
  drain(release: (offset: number) => void): void;
  /** Objects whose reuse is delayed. */
  readonly delayedCount: number;
  /** Substitutes handed out. */
  readonly substituteCount: number;
  /** Who allocated the object, or null. */
  siteOf(address: number): string | null;
  /** Calls `visit` with every substitute handed out. */
  forEachSubstitute(visit: (address: number) => void): void;
  /** Calls `visit` with the offset of every object whose reuse is delayed. */
  forEachDelayed(visit: (offset: number) => void): void;
  /** Findings of allocate and free since the last call. */
  takeReports(): SlabReport[];
  /** Checks and repairs the bytes of one object in its slab. */
  inspect(address: number, inUse: boolean, reports: SlabReport[]): void;
  /** Checks and repairs all guarded pages. */
  inspectGuards(reports: SlabReport[]): void;
}

/** Right red zone and left red zone while the object is free (SLUB_RED_INACTIVE). */
export const RED_INACTIVE = 0xbb;
/** The same while it is in use (SLUB_RED_ACTIVE). */
export const RED_ACTIVE = 0xcc;
/** Free bytes (POISON_FREE). */
export const POISON_FREE = 0x6b;
/** The last free byte (POISON_END). */
export const POISON_END = 0xa5;
/** Bytes of an object handed out and not yet written (POISON_INUSE). */
export const POISON_IN_USE = 0x5a;
/** Bytes around an object in a page of its own. */
export const GUARD_FILL = 0xe7;
/** Least bytes of a red zone. */
export const RED_ZONE_BYTES = 16;
