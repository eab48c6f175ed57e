import type { SlabAllocator } from './slab-allocator.js';
import type { SlabCache } from './slab-cache.js';

/** One cache's line of slabinfo; the names are Linux's. */
export interface SlabInfo {
  readonly name: string;
  /** Objects handed out. */
  readonly activeObjs: number;
  /** Slots of all slabs. */
  readonly numObjs: number;
  /** Bytes of a slot. */
  readonly objSize: number;
  readonly objPerSlab: number;
  readonly pagesPerSlab: number;
  /** Objects of a magazine. */
  readonly limit: number;
  /** Slabs with an object that is handed out or in a magazine. */
  readonly activeSlabs: number;
  readonly numSlabs: number;
  /** Objects in magazines. */
  readonly sharedAvail: number;
}

/** A cache's figures. O(CPUs). */
export function infoOf(cache: SlabCache): SlabInfo {
  const { lists, geometry } = cache;
  return {
    name: cache.name,
    activeObjs: cache.liveObjects,
    numObjs: lists.objectTotal,
    objSize: geometry.stride,
    objPerSlab: geometry.objectCount,
    pagesPerSlab: 2 ** geometry.order,
    limit: cache.magazineObjects,
    activeSlabs: lists.slabCount - lists.emptyCount,
    numSlabs: lists.slabCount,
    sharedAvail: cache.magazineFill,
  };
}

/** Figures of all caches, by id. */
export function slabInfo(slabs: SlabAllocator): SlabInfo[] {
  return slabs.list().map(infoOf);
}

/** The figures as the text of /proc/slabinfo, version 2.1 (man 5 slabinfo). */
export function slabInfoText(slabs: SlabAllocator): string {
  const lines = [
    'slabinfo - version: 2.1',
    '# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables <limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>',
  ];
  for (const info of slabInfo(slabs)) {
    const numbers = [
      info.activeObjs,
      info.numObjs,
      info.objSize,
      info.objPerSlab,
      info.pagesPerSlab,
    ];
    const [active, total, size, perSlab, pages] = numbers.map(String);
    lines.push(
      `${info.name.padEnd(17)} ${active.padStart(6)} ${total.padStart(6)} ${size.padStart(6)} ${perSlab.padStart(4)} ${pages.padStart(4)}` +
        ` : tunables ${String(info.limit).padStart(4)} ${String((info.limit + 1) >>> 1).padStart(4)}    0` +
        ` : slabdata ${String(info.activeSlabs).padStart(6)} ${String(info.numSlabs).padStart(6)} ${String(info.sharedAvail).padStart(6)}`,
    );
  }
  return `${lines.join('\n')}\n`;
}

/** The caches that hold most memory, as the text of slabtop (procps), without its screen control. */
export function slabTopText(slabs: SlabAllocator, rows = 20): string {
  const infos = slabInfo(slabs).filter((info) => info.numSlabs > 0);
  const kib = (info: SlabInfo): number => info.numSlabs * info.pagesPerSlab * 4;
  const sum = (of: (info: SlabInfo) => number): number =>
    infos.reduce((total, info) => total + of(info), 0);
  const share = (part: number, whole: number): string =>
    `${part} / ${whole} (${whole === 0 ? '0.0' : ((100 * part) / whole).toFixed(1)}%)`;
  const activeKib = sum((info) => (info.activeObjs * info.objSize) / 1024);
  const lines = [
    ` Active / Total Objects (% used)    : ${share(
      sum((i) => i.activeObjs),
      sum((i) => i.numObjs),
    )}`,
    ` Active / Total Slabs (% used)      : ${share(
      sum((i) => i.activeSlabs),
      sum((i) => i.numSlabs),
    )}`,
    ` Active / Total Caches (% used)     : ${share(infos.length, slabs.list().length)}`,
    ` Active / Total Size (% used)       : ${share(Math.round(activeKib), sum(kib))}`,
    '',
    '  OBJS ACTIVE  USE OBJ SIZE  SLABS OBJ/SLAB CACHE SIZE NAME',
  ];
  const largest = [...infos].sort((a, b) => kib(b) - kib(a) || (a.name < b.name ? -1 : 1));
  for (const info of largest.slice(0, rows)) {
    const use = info.numObjs === 0 ? 0 : Math.floor((100 * info.activeObjs) / info.numObjs);
    lines.push(
      `${String(info.numObjs).padStart(6)} ${String(info.activeObjs).padStart(6)} ${String(use).padStart(3)}%` +
        ` ${(info.objSize / 1024).toFixed(2).padStart(7)}K ${String(info.numSlabs).padStart(6)}` +
        ` ${String(info.objPerSlab).padStart(8)} ${`${kib(info)}K`.padStart(10)} ${info.name}`,
    );
  }
  return `${lines.join('\n')}\n`;
}
