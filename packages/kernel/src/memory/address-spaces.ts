import {
  assert,
  ENOMEM,
  LARGE_PAGE_BYTES,
  NIL,
  OK,
  PAGE_BYTES,
  type PhysAddr,
  PTE_LARGE,
  PTE_NO_EXECUTE_HIGH,
  PTE_WRITE,
  type VirtAddr,
} from '@hotpath/hw-x86';
import { type KernelPaths, PATH_FORK_AREA, PATH_FORK_PAGE } from '../kernel-paths.js';
import { SPACE_LIMIT } from '../params.js';
import { type CallStack, frameNamed } from '../task/call-stack.js';
import { AddressSpace } from './address-space.js';
import type { FrameReferences } from './frame-references.js';
import type { Layouts } from './layout.js';
import type { MappedFiles } from './mapped-files.js';
import { frameOf } from './page-table-entries.js';
import { type LeafVisitor, MAP_NO_EXECUTE, type PageTables } from './page-tables.js';
import type { TlbShootdown } from './tlb-shootdown.js';
import type { Unmapper } from './unmapper.js';

const FRAME_FORK = frameNamed('fork_space');
const FRAME_DESTROY = frameNamed('destroy_space');

/** What address spaces are made of. */
export interface AddressSpacesPorts {
  readonly kernelRoot: PhysAddr;
  readonly cpuCount: number;
  readonly tables: PageTables;
  readonly frames: FrameReferences;
  readonly shootdown: TlbShootdown;
  readonly unmapper: Unmapper;
  readonly files: MappedFiles;
  readonly layouts: Layouts;
  readonly stack: CallStack;
  readonly paths: KernelPaths;
}

/** Makes, copies and destroys address spaces and gives out PCIDs. */
export class AddressSpaces implements LeafVisitor {
  readonly #ports: AddressSpacesPorts;
  readonly #freePcids: number[] = [];
  readonly #byPcid: (AddressSpace | null)[];
  #liveCount = 0;
  /** Target of the copy under way, and what came of it. */
  #child: AddressSpace | null = null;
  #status: number = OK;

  constructor(ports: AddressSpacesPorts) {
    this.#ports = ports;
    this.#byPcid = new Array<AddressSpace | null>(SPACE_LIMIT + 1).fill(null);
    for (let pcid = SPACE_LIMIT; pcid >= 1; pcid--) this.#freePcids.push(pcid);
  }

  /** Address spaces alive. */
  get liveCount(): number {
    return this.#liveCount;
  }

  /** The space of a PCID that is in use. */
  byPcid(pcid: number): AddressSpace {
    const space = this.#byPcid[pcid];
    assert(space !== null, 'a PCID names no address space');
    return space;
  }

  /** Every space alive, by PCID. */
  *live(): Generator<AddressSpace> {
    for (const space of this.#byPcid) if (space !== null) yield space;
  }

  /** An empty address space that shares the kernel half, or null without memory or PCIDs. */
  create(): AddressSpace | null {
    return this.#make(this.#ports.layouts.next());
  }

  /**
   * A copy of a space: the same areas, every frame of private anonymous memory shared, and in both
   * spaces writable only after a fault that copies it. Pages of files and of shared memory are not
   * copied; they come back by a fault (Linux: vma_needs_copy). Null without memory or PCIDs; the
   * parent's pages then take one fault more.
   */
  fork(parent: AddressSpace): AddressSpace | null {
    const child = this.#make(parent.layout);
    if (child === null) return null;
    const { stack } = this.#ports;
    const depth = stack.push(FRAME_FORK);
    const { areas } = parent;
    areas.copyTo(child.areas);
    this.#ports.paths.pass(areas.count * PATH_FORK_AREA);
    child.heapEnd = parent.heapEnd;
    child.stackBytes = parent.stackBytes;
    this.#child = child;
    this.#status = OK;
    for (let at = 0; at < areas.count && this.#status === OK; at++) {
      this.#ports.tables.visit(parent.root, areas.start[at], areas.end[at], this);
    }
    this.#child = null;
    this.#ports.shootdown.userSpace(parent);
    stack.cut(depth);
    if (this.#status === OK) return child;
    this.destroy(child);
    return null;
  }

  /** Gives back the frames, tables and PCID of a space that no task runs any more. */
  destroy(space: AddressSpace): void {
    const { stack } = this.#ports;
    const depth = stack.push(FRAME_DESTROY);
    this.#ports.unmapper.unmapAll(space);
    stack.cut(depth);
    assert(space.residentPages === 0, 'a space that ends has pages left');
    while (space.areas.count > 0) space.areas.remove(space.areas.count - 1);
    this.#byPcid[space.pcid] = null;
    this.#freePcids.push(space.pcid);
    this.#liveCount -= 1;
  }

  leaf(entry: PhysAddr, virtual: VirtAddr, pageBytes: number): void {
    const { frames, tables } = this.#ports;
    const { entries } = tables;
    const { low, high } = entries;
    const large = pageBytes === LARGE_PAGE_BYTES;
    const frame = frameOf(low, high, large);
    const child = this.#child;
    assert(child !== null, 'a page is copied into no space');
    if (this.#status !== OK || !frames.isAnonymous(frame)) return;
    const area = child.areas.find(virtual);
    // Shared memory finds its frames by itself.
    if (child.areas.open[area] !== NIL && child.areas.file[area] === NIL) return;
    if (!frames.share(frame, pageBytes)) {
      this.#status = ENOMEM;
      return;
    }
    this.#ports.paths.pass(PATH_FORK_PAGE);
    if ((low & PTE_WRITE) !== 0) entries.write(entry, (low & ~PTE_WRITE) >>> 0, high);
    const flags = (low & 0xfff & ~(PTE_WRITE | PTE_LARGE)) | this.#noExecute(high);
    this.#status = tables.place(child.root, virtual, frame, large ? pageBytes : PAGE_BYTES, flags);
    if (this.#status !== OK) {
      if (large) frames.freeLarge(frame);
      else frames.free(frame);
      return;
    }
    child.residentPages += pageBytes / PAGE_BYTES;
    if (large) child.largePages += 1;
  }

  #noExecute(high: number): number {
    return (high & PTE_NO_EXECUTE_HIGH) !== 0 ? MAP_NO_EXECUTE : 0;
  }

  #make(layout: AddressSpace['layout']): AddressSpace | null {
    const { cpuCount, files, kernelRoot, tables } = this.#ports;
    const pcid = this.#freePcids.pop();
    if (pcid === undefined) return null;
    const root = tables.createRoot(kernelRoot);
    if (root === NIL) {
      this.#freePcids.push(pcid);
      return null;
    }
    this.#liveCount += 1;
    const space = new AddressSpace(root, pcid, cpuCount, files.forSpace(pcid), layout);
    this.#byPcid[pcid] = space;
    return space;
  }
}
