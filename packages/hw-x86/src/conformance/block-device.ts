import { ArgumentError } from '../errors.js';
import { completionCases } from './block-completion.js';
import { dataCases } from './block-data.js';
import { type BlockDeviceUnderTest, Rig } from './block-rig.js';
import type { ConformanceCase } from './case.js';

/** A case as it is written: it gets a rig with a fresh device. */
export interface RigCase {
  readonly name: string;
  run(rig: Rig): Promise<void>;
}

/**
 * The promises of BlockDevice as cases to run, for those who write a device: a third machine, an
 * adapter, a wrapper. Each case makes a device of its own with `create` and closes it.
 *
 * Cases that a device cannot be asked (PENDING for a synchronous one, power cuts without a cut)
 * hold trivially for it.
 */
export function blockDeviceConformance(
  create: () => BlockDeviceUnderTest | Promise<BlockDeviceUnderTest>,
): ConformanceCase[] {
  return [...dataCases(), ...completionCases()].map(({ name, run }) => ({
    name,
    run: async (): Promise<void> => {
      const under = await create();
      checkUnderTest(under);
      try {
        await run(new Rig(under));
      } finally {
        await under.close?.();
      }
    },
  }));
}

function checkUnderTest({ device, memory }: BlockDeviceUnderTest): void {
  if (device.blockCount < 64 || memory.byteCount < 2 ** 22) {
    throw new ArgumentError(
      'ERR_CONFORMANCE',
      `device of ${device.blockCount} blocks, memory of ${memory.byteCount} bytes; ` +
        'allowed: at least 64 blocks and 4 MiB',
    );
  }
}
