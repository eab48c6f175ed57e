import { cpus, type } from 'node:os';

/** What a figure in host time was measured on. */
export interface HostDescription {
  readonly node: string;
  readonly v8: string;
  readonly system: string;
  readonly cpu: string;
  readonly cpuCount: number;
}

/** The machine and the runtime of this process. */
export function describeHost(): HostDescription {
  const all = cpus();
  return {
    node: process.versions.node,
    v8: process.versions.v8,
    system: `${type()} ${process.arch}`,
    cpu: all[0]?.model ?? 'unknown',
    cpuCount: all.length,
  };
}
