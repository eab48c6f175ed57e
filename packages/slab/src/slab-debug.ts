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
  /**
   * Delays the reuse of a freed object.
   * @returns the offset of the object that may be reused now, or NIL
   */
  delay(offset: number): number;
  /** Ends all delays: calls `release` with each offset. */
  drain(release: (offset: number) => void): void;
  /** Objects whose reuse is delayed. */
  readonly delayedCount: number;
  /** Substitutes handed out. */
  readonly substituteCount: number;
}
