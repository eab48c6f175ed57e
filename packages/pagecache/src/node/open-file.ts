/** A file that is open at least once: its pages are shared by all who opened it. */
export interface OpenFile {
  /** Number in the page cache. */
  readonly file: number;
  /** Device and inode. */
  readonly key: string;
  /** The descriptor may be written to. */
  writable: boolean;
  /** CachedFiles over it. */
  users: number;
}
