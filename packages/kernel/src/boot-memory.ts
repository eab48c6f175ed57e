/**
 * The part of boot that is about memory, top to bottom: physical frames, page tables and the direct
 * map, slab and vmalloc, address spaces and their faults.
 */
import {
  assert,
  CR0_PE,
  CR0_PG,
  CR0_WP,
  CR4_PAE,
  CR4_PCE,
  CR4_PCIDE,
  CR4_PGE,
  CR4_SMAP,
  CR4_SMEP,
  EFER_LMA,
  EFER_LME,
  EFER_NXE,
  EFER_SCE,
  type Meter,
  NIL,
  OK,
  type PhysAddr,
  PTE_GLOBAL,
  PTE_WRITE,
  type TraceHook,
} from '@hotpath/hw-x86';
import type { ModelMachine } from '@hotpath/hw-x86/model';
import { Kmalloc, PageAllocator, SlabAllocator, type SlabCache } from '@hotpath/slab';
import type { Current } from './current.js';
import type { KernelPaths } from './kernel-paths.js';
import { AddressSpaces } from './memory/address-spaces.js';
import { Collapser } from './memory/collapser.js';
import { FrameReferences } from './memory/frame-references.js';
import { KernelMemory } from './memory/kernel-memory.js';
import { LargePages } from './memory/large-pages.js';
import { Layouts } from './memory/layout.js';
import { MappedFiles } from './memory/mapped-files.js';
import {
  DIRECT_MAP,
  directAddress,
  largestPage,
  VMALLOC,
  VMALLOC_HUGE,
} from './memory/memory-map.js';
import { PageFaults } from './memory/page-fault.js';
import { MAP_NO_EXECUTE, PageTables } from './memory/page-tables.js';
import { PressuredFrames } from './memory/pressured-frames.js';
import { ReverseMap } from './memory/reverse-map.js';
import { SharedMemory } from './memory/shared-memory.js';
import { TlbShootdown } from './memory/tlb-shootdown.js';
import { Unmapper } from './memory/unmapper.js';
import { Vmalloc } from './memory/vmalloc.js';
import type { Settings } from './options.js';
import { RESERVED_BYTES } from './params.js';
import type { CallStack, FrameName } from './task/call-stack.js';
import { VECTOR_SHOOTDOWN } from './vectors.js';

/** CR4 as this kernel wants it: global pages, PCIDs, and no ring-0 access to user pages by accident. */
const CR4 = CR4_PAE | CR4_PGE | CR4_PCE | CR4_PCIDE | CR4_SMEP | CR4_SMAP;
const CR0 = (CR0_PE | CR0_WP | CR0_PG) >>> 0;
const EFER = EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE;

/** What memory is made over. */
export interface MemoryBootPorts {
  readonly settings: Settings;
  readonly machine: ModelMachine;
  readonly current: Current;
  readonly stack: CallStack;
  readonly paths: KernelPaths;
  readonly trace: TraceHook | null;
  /** The meter of a part, by its name for whoever observes. */
  meterOf(part: FrameName): Meter;
}

/** What boot needs of it afterwards. */
export interface BootedMemory {
  readonly pages: PageAllocator;
  readonly frames: PressuredFrames;
  readonly tables: PageTables;
  readonly kernelRoot: PhysAddr;
  readonly words: KernelMemory;
  readonly slabs: SlabAllocator;
  readonly kmalloc: Kmalloc;
  readonly taskObjects: SlabCache;
  readonly shootdown: TlbShootdown;
  readonly vmalloc: Vmalloc;
  readonly userFrames: FrameReferences;
  readonly shared: SharedMemory;
  readonly mapped: MappedFiles;
  readonly reverse: ReverseMap;
  readonly unmapper: Unmapper;
  readonly spaces: AddressSpaces;
  readonly large: LargePages;
  readonly collapser: Collapser;
  readonly faults: PageFaults;
}

/** Makes everything. */
// biome-ignore lint/complexity/noExcessiveLinesPerFunction: cutting the list in two would hide its order
export function bootMemory(ports: MemoryBootPorts): BootedMemory {
  const { current, machine, meterOf, paths, settings, stack, trace } = ports;
  const { memory, meter } = machine;

  // Memory map: what is RAM and not ours goes to the page allocator.
  const pages = new PageAllocator({
    ranges: [{ start: RESERVED_BYTES, byteCount: settings.memoryBytes - RESERVED_BYTES }],
    cpuCount: settings.cpus,
    meter: meterOf('page_allocator'),
    trace,
  });

  const frames = new PressuredFrames(pages, lowWaterMark(pages.pageCount), stack);

  // Page tables: the direct map with the largest pages, and the tables all spaces will share.
  const tables = new PageTables(memory, frames, current);
  const kernelRoot = tables.createTable();
  mapPhysicalMemory(tables, kernelRoot, settings.memoryBytes);
  tables.reserveTopLevel(kernelRoot, VMALLOC);
  tables.reserveTopLevel(kernelRoot, VMALLOC_HUGE);
  turnPagingOn(machine, kernelRoot);
  const zeroFrame = pages.allocate();
  memory.fill(zeroFrame, 4096, 0);
  tables.useDirectMap(zeroFrame);
  const words = new KernelMemory(current);

  // Kernel memory: slab caches for objects, kmalloc for buffers, vmalloc for what must be contiguous.
  const slabs = new SlabAllocator({
    pages,
    memory,
    cpuCount: settings.cpus,
    meter: meterOf('slab_allocator'),
    trace,
  });
  const kmalloc = new Kmalloc(slabs);
  const taskObjects = slabs.createCache({ name: 'task', objectBytes: 512 });
  const shootdown = new TlbShootdown(
    current,
    machine.cpus,
    machine.interrupts,
    VECTOR_SHOOTDOWN,
    kernelRoot,
  );
  const vmalloc = new Vmalloc(kernelRoot, tables, frames, shootdown);
  const userFrames = new FrameReferences(frames, settings.memoryBytes);
  const shared = new SharedMemory(userFrames);
  const mapped = new MappedFiles(shared);
  const reverse = new ReverseMap(settings.memoryBytes, settings.pageCachePages);
  const unmapper = new Unmapper(tables, userFrames, shootdown, reverse, paths);
  const spaces = new AddressSpaces({
    kernelRoot,
    cpuCount: settings.cpus,
    tables,
    frames: userFrames,
    shootdown,
    unmapper,
    files: mapped,
    layouts: new Layouts(settings.seed, settings.aslr),
    stack,
    paths,
  });
  const large = new LargePages({
    current,
    tables,
    frames: userFrames,
    shootdown,
    unmapper,
    zeroFrame,
    policy: settings.hugePages,
  });
  const collapser = new Collapser({
    current,
    spaces,
    tables,
    frames: userFrames,
    shootdown,
    large,
  });
  const faults = new PageFaults({
    current,
    tables,
    frames: userFrames,
    shootdown,
    shared,
    large,
    zeroFrame,
    meter,
    paths,
  });

  return {
    pages,
    frames,
    tables,
    kernelRoot,
    words,
    slabs,
    kmalloc,
    taskObjects,
    shootdown,
    vmalloc,
    userFrames,
    shared,
    mapped,
    reverse,
    unmapper,
    spaces,
    large,
    collapser,
    faults,
  };
}

/** Free frames below which caches are asked to give some back: a 256th of memory, 64 at least. */
function lowWaterMark(pageCount: number): number {
  return Math.max(64, Math.floor(pageCount / 256));
}

/** All physical memory at DIRECT_MAP, global, never executable, in the largest pages that fit. */
function mapPhysicalMemory(tables: PageTables, root: number, memoryBytes: number): void {
  for (let at = 0; at < memoryBytes; ) {
    const virtual = directAddress(at);
    const bytes = largestPage(virtual, at, memoryBytes - at);
    const status = tables.map(root, virtual, at, bytes, PTE_WRITE | PTE_GLOBAL | MAP_NO_EXECUTE);
    assert(status === OK, 'no memory for the direct map');
    at += bytes;
  }
  assert(tables.find(root, DIRECT_MAP) !== NIL, 'the direct map is empty');
}

/** The switch to virtual addresses, on every CPU. */
function turnPagingOn(machine: ModelMachine, root: number): void {
  for (const cpu of machine.cpus) {
    cpu.mmu.setRoot(root);
    cpu.mmu.setControl(CR0, CR4, EFER);
  }
}
