import type { Mappings } from '../src/index.js';

interface Entry {
  slot: number;
  frame: number;
  writable: boolean;
  dirty: boolean;
  accessed: boolean;
}

/** Page tables as plain maps: one address space that maps pages of files, with A, D and W bits. */
export class SoftMmu implements Mappings {
  private readonly entries: Map<string, Entry> = new Map();

  entry(file: number, page: number): Entry | undefined {
    return this.entries.get(`${file}:${page}`);
  }
  map(file: number, page: number, slot: number, frame: number): Entry {
    const entry = { slot, frame, writable: false, dirty: false, accessed: true };
    this.entries.set(`${file}:${page}`, entry);
    return entry;
  }
  drop(file: number, page: number): Entry | undefined {
    const entry = this.entry(file, page);
    this.entries.delete(`${file}:${page}`);
    return entry;
  }
  get count(): number {
    return this.entries.size;
  }
  clean(slot: number): boolean {
    let stored = false;
    for (const entry of this.entries.values()) {
      if (entry.slot !== slot) continue;
      stored ||= entry.dirty;
      entry.dirty = false;
      entry.writable = false;
    }
    return stored;
  }
  unmap(slot: number): boolean {
    let stored = false;
    for (const [key, entry] of this.entries) {
      if (entry.slot !== slot) continue;
      stored ||= entry.dirty;
      this.entries.delete(key);
    }
    return stored;
  }
  referenced(slot: number): boolean {
    let used = false;
    for (const entry of this.entries.values()) {
      if (entry.slot !== slot) continue;
      used ||= entry.accessed;
      entry.accessed = false;
    }
    return used;
  }
  unmapRange(): void {}
}
