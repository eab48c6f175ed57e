/** The experiments' results as lines for a console, one or two each. */
import type { JobResults } from '../jobs.js';

/** All lines of mission row 32. */
export function mindsetLines(results: JobResults): string[] {
  return [
    ...computing(results),
    ...desktopLines(results),
    ...storage(results),
    ...contention(results),
  ].map((line) => `[MIND] ${line}`);
}

const x = (ratio: number): string => `${ratio.toFixed(2)}x`;
const ms = (value: number): string => `${value.toFixed(1)} ms`;
const percent = (share: number): string => `${(share * 100).toFixed(1)}%`;

function computing({ amdahl, layout, zeroCopy }: JobResults): string[] {
  const points = amdahl.slice(1).map(({ cpus, speedup, limit }) => {
    return `${cpus} CPUs ${x(speedup)} (limit ${x(limit)})`;
  });
  return [
    `Amdahl, a tenth serial: ${points.join(', ')}`,
    `Layout, one field of ${layout.records} records: ${layout.arrayOfStructs.cycles} cycles as ` +
      `array of structs, ${layout.structOfArrays.cycles} as struct of arrays (${x(layout.ratio)})`,
    `Zero-copy, ${zeroCopy.recordBytes} B of a cached block: ` +
      `${(zeroCopy.copy.cycles / zeroCopy.reads).toFixed(0)} cycles through a copy, ` +
      `${(zeroCopy.zeroCopy.cycles / zeroCopy.reads).toFixed(0)} in place (${x(zeroCopy.ratio)})`,
  ];
}

function desktopLines({ desktop, latency, shares }: JobResults): string[] {
  const worst = (hogs: number): string =>
    latency
      .filter((point) => point.hogs === hogs)
      .map(({ policy, p99Ms }) => `${policy} ${ms(p99Ms)}`)
      .join(', ');
  return [
    ...desktop.map(
      (desk) =>
        `Desktop under ${desk.scheduler}: ${desk.framesMissed} of ${desk.frames} frames late ` +
        `(worst ${ms(desk.frameLateMaxMs)}), a key takes ${ms(desk.keyMedianMs)}, ` +
        `worst ${ms(desk.keyMaxMs)}; copies ${desk.copiedMegabytesPerSecond.toFixed(1)} MB/s`,
    ),
    `Latency p99 beside 2 hogs: ${worst(2)}; beside 8: ${worst(8)}`,
    `Shares under cfs: ${shares
      .map(({ nice, share, deserved }) => `nice ${nice} ${percent(share)} (${percent(deserved)})`)
      .join(', ')}`,
  ];
}

function storage({ eviction, readAhead, requests, writePolicy }: JobResults): string[] {
  const hits = eviction.map(({ policy, cyclesPerHit, recordings }) => {
    const misses = recordings.map((recording) => recording.misses).join(' and ');
    return `${policy} ${cyclesPerHit.toFixed(1)} cycles a hit, ${misses} misses`;
  });
  return [
    ...requests.map(
      ({ disk, oneEachUs, oneRequestUs, ratio, sectors }) =>
        `${sectors} sectors of ${disk}: ${oneRequestUs.toFixed(0)} us in one request, ` +
        `${oneEachUs.toFixed(0)} us one at a time (${x(ratio)})`,
    ),
    ...readAhead.map(
      ({ disk, withMs, withoutMs, ratio }) =>
        `Read-ahead on ${disk}: ${ms(withMs)} with, ${ms(withoutMs)} without (${x(ratio)})`,
    ),
    `Eviction on ${eviction[0]!.recordings.map(({ trace }) => trace).join(' and ')}: ${hits.join('; ')}`,
    ...writePolicy.map(
      (disk) =>
        `Writes to ${disk.disk}: write-back ${ms(disk.writeBackMs)} in ${disk.writeBackRequests} ` +
        `requests, write-through ${ms(disk.writeThroughMs)} in ${disk.writeThroughRequests} ` +
        `(${x(disk.ratio)})`,
    ),
  ];
}

function contention({ locks, profiler }: JobResults): string[] {
  const points = locks.map(
    ({ cpus, contended, lockedCyclesPerPair, perCpuCyclesPerPair }) =>
      `${cpus} CPUs ${lockedCyclesPerPair.toFixed(0)} (${percent(contended)} waited) ` +
      `and ${perCpuCyclesPerPair.toFixed(0)}`,
  );
  return [
    `Cycles an allocation and free, one lock and per-CPU lists: ${points.join(', ')}`,
    `Profiler: ${profiler.startCycles} cycles to start five counters, ${profiler.stopCycles} to ` +
      `stop and read them; a traced run of ${profiler.events} events takes ` +
      `${profiler.tracedCycles - profiler.untracedCycles} simulated cycles more`,
  ];
}
