import { KIB, MIB } from '../../units.js';

/** Figures of a flash disk (NVMe or SATA SSD). Times in nanoseconds, rates in bytes a second. */
export interface FlashFigures {
  /** Latency of a random 4 KiB read at queue depth 1. */
  readonly readNs: number;
  /** Latency of a random 4 KiB write at queue depth 1, accepted by the volatile cache. */
  readonly writeNs: number;
  /** Planes of all flash dies together, each busy with one page at a time. */
  readonly planes: number;
  /** Buses between flash and controller. Plane `p` hangs on channel `p % channels`. */
  readonly channels: number;
  /** Bytes a plane senses at once; consecutive pages lie on consecutive planes. */
  readonly pageBytes: number;
  /** Rate of one channel. */
  readonly channelBytesPerSecond: number;
  /** Rate of the link to the host. */
  readonly linkBytesPerSecond: number;
  /** Sustained rate from the cache to the flash: what FLUSH and a full cache wait for. */
  readonly programBytesPerSecond: number;
  /** Volatile write cache. */
  readonly cacheBytes: number;
  /** Commands the device works on at once; more wait in the host's queue. */
  readonly queueDepth: number;
}

/** Figures of a disk with a head and a spindle. Times in nanoseconds, rates in bytes a second. */
export interface HddFigures {
  /** Time of a command that needs no movement: accepted by or found in the cache. */
  readonly commandNs: number;
  /** Seek to the next track. */
  readonly seekTrackNs: number;
  /** Mean seek over random pairs of blocks. */
  readonly seekAverageNs: number;
  /** Full turns a minute. */
  readonly rotationsPerMinute: number;
  /** Bytes of one track; with the rotation this gives the rate of the medium. */
  readonly trackBytes: number;
  /** Rate of the link to the host. */
  readonly linkBytesPerSecond: number;
  /** Volatile write cache. */
  readonly cacheBytes: number;
  /** Commands the device chooses among (NCQ). */
  readonly queueDepth: number;
}

/** Figures of a disk where every access takes the same time: for teaching and for hand checks. */
export interface FlatFigures {
  /** Any READ that goes to the medium, and any FLUSH. */
  readonly accessNs: number;
  /** A WRITE accepted by the cache. */
  readonly writeNs: number;
  /** Commands served at once: 1 for a head, more for channels. */
  readonly queueDepth: number;
  /** Volatile write cache. */
  readonly cacheBytes: number;
}

/** One disk: its kind, its figures and where each figure comes from. */
export type DiskProfile =
  | Profile<'flash', FlashFigures>
  | Profile<'hdd', HddFigures>
  | Profile<'flat', FlatFigures>;

interface Profile<Kind extends string, Figures> {
  readonly kind: Kind;
  /** For tables and messages. */
  readonly name: string;
  readonly figures: Figures;
  /** For each figure the data sheet, standard or measurement it was taken or derived from. */
  readonly sources: Readonly<Record<keyof Figures, string>>;
}

/** An NVMe drive on PCIe 4.0 x4. */
export const NVME_SSD: DiskProfile = {
  kind: 'flash',
  name: 'NVMe SSD',
  figures: {
    readNs: 71_400,
    writeNs: 20_000,
    planes: 64,
    channels: 8,
    pageBytes: 16 * KIB,
    channelBytesPerSecond: 1.2e9,
    linkBytesPerSecond: 7.0e9,
    programBytesPerSecond: 1.2e9,
    cacheBytes: 64 * MIB,
    queueDepth: 1024,
  },
  sources: {
    readNs: 'Samsung 960 EVO 1 TB: 14,000 IOPS, 4 KiB random read at depth 1 (hothardware.com)',
    writeNs: 'Samsung 960 EVO 1 TB: 50,000 IOPS, 4 KiB random write at depth 1 (hothardware.com)',
    planes: 'Samsung 970 EVO 1 TB: 32 dies of 256 Gbit (thefpsreview.com 2020), two planes each',
    channels: 'Samsung 970 EVO: Phoenix controller, 8 channels',
    pageBytes: 'page of 3D TLC flash, 16 KiB (Samsung and Micron TLC data sheets)',
    channelBytesPerSecond: 'ONFI 4.1 (2017): 1,200 MT/s on 8 data lines',
    linkBytesPerSecond:
      'PCIe 4.0 x4 carries 7.88 GB/s; drives reach 5 to 7 GB/s in sequential reads',
    programBytesPerSecond: 'Samsung 970 EVO 1 TB, saturated writes 1.2 GB/s (pcper.com 2018)',
    cacheBytes: 'chosen: part of the 1 GB DRAM of the 970 EVO 1 TB; the rest holds the mapping',
    queueDepth:
      'NVMe base specification: up to 65,535 queues and entries; Linux uses 1,023 a queue',
  },
};

/** A SATA SSD behind AHCI. */
export const SATA_SSD: DiskProfile = {
  kind: 'flash',
  name: 'SATA SSD',
  figures: {
    readNs: 100_000,
    writeNs: 25_000,
    planes: 16,
    channels: 8,
    pageBytes: 16 * KIB,
    channelBytesPerSecond: 0.4e9,
    linkBytesPerSecond: 0.54e9,
    programBytesPerSecond: 0.52e9,
    cacheBytes: 32 * MIB,
    queueDepth: 32,
  },
  sources: {
    readNs: 'Samsung 850 EVO data sheet: 10,000 IOPS, 4 KiB random read at depth 1',
    writeNs: 'Samsung 850 EVO data sheet: 40,000 IOPS, 4 KiB random write at depth 1',
    planes: 'derived: 98,000 IOPS at depth 32 (850 EVO) times 100 us keep 10 planes busy',
    channels: 'Samsung 850 EVO: MEX controller, 8 channels',
    pageBytes: 'page of 3D TLC flash, 16 KiB (Samsung and Micron TLC data sheets)',
    channelBytesPerSecond: 'ONFI 3.x / Toggle 2.0: 400 MT/s on 8 data lines',
    linkBytesPerSecond: 'Samsung 850 EVO data sheet: 540 MB/s sequential read over SATA 6 Gb/s',
    programBytesPerSecond: 'Samsung 850 EVO data sheet: 520 MB/s sequential write',
    cacheBytes: 'chosen: part of the 1 GB DRAM of the 850 EVO 1 TB; the rest holds the mapping',
    queueDepth: 'Serial ATA 3.x, native command queueing: 32 tags',
  },
};

/** A 3.5-inch disk of 7,200 turns a minute behind AHCI. */
export const HDD_7200: DiskProfile = {
  kind: 'hdd',
  name: 'HDD 7200 rpm',
  figures: {
    commandNs: 25_000,
    seekTrackNs: 1_000_000,
    seekAverageNs: 8_500_000,
    rotationsPerMinute: 7200,
    trackBytes: 1_668_096,
    linkBytesPerSecond: 0.6e9,
    cacheBytes: 64 * MIB,
    queueDepth: 32,
  },
  sources: {
    commandNs:
      'a cached 4 KiB write over the same interface: Samsung 850 EVO, 40,000 IOPS at depth 1',
    seekTrackNs: 'Seagate Barracuda 7200.14 product manual: track to track 1.0 ms, read, typical',
    seekAverageNs: 'Seagate Barracuda 7200.14 product manual: average seek, read, 8.5 ms',
    rotationsPerMinute: 'Seagate Constellation ES.3 product manual, 4.1: 7,200 rpm',
    trackBytes: 'Seagate Constellation ES.3 product manual, 4.1: 1,668,096 bytes a track, average',
    linkBytesPerSecond: 'Seagate Constellation ES.3 product manual, 4.1.2: 600 MB/s a port',
    cacheBytes: 'Seagate Barracuda 1 TB ST1000DM010 data sheet: 64 MB',
    queueDepth: 'Serial ATA 3.x, native command queueing: 32 tags',
  },
};

const TEACHING = 'teaching ladder: NVMe 10 us, SATA SSD 100 us, HDD 10 ms for any access';
const TEACHING_SOURCES = {
  accessNs: TEACHING,
  writeNs: TEACHING,
  queueDepth: 'teaching ladder: flash serves 32 commands at once, a head one',
  cacheBytes: 'chosen: large enough for every exercise',
};

/** 10 us for any access. */
export const TEACHING_NVME: DiskProfile = {
  kind: 'flat',
  name: 'teaching NVMe',
  figures: { accessNs: 10_000, writeNs: 10_000, queueDepth: 32, cacheBytes: 16 * MIB },
  sources: TEACHING_SOURCES,
};

/** 100 us for any access. */
export const TEACHING_SSD: DiskProfile = {
  kind: 'flat',
  name: 'teaching SATA SSD',
  figures: { accessNs: 100_000, writeNs: 100_000, queueDepth: 32, cacheBytes: 16 * MIB },
  sources: TEACHING_SOURCES,
};

/** 10 ms for any access, one at a time. */
export const TEACHING_HDD: DiskProfile = {
  kind: 'flat',
  name: 'teaching HDD',
  figures: { accessNs: 10_000_000, writeNs: 10_000_000, queueDepth: 1, cacheBytes: 16 * MIB },
  sources: TEACHING_SOURCES,
};

/** The shipped profiles by the names that command lines use. */
export const DISK_PROFILES: Readonly<Record<string, DiskProfile>> = {
  nvme: NVME_SSD,
  ssd: SATA_SSD,
  hdd: HDD_7200,
  'teaching-nvme': TEACHING_NVME,
  'teaching-ssd': TEACHING_SSD,
  'teaching-hdd': TEACHING_HDD,
};
