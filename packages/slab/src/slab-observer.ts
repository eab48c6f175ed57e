/** Told when slabs come and go: constructors, poison, generations. */
export interface SlabObserver {
  /** A new slab, before any of its slots is handed out. `first` is the offset of slot 0's object. */
  slabCreated(head: number, first: number): void;
  /** A slab of which nothing is handed out goes back to the page allocator. */
  slabDestroyed(head: number, first: number): void;
}
