/** The same sum over an array of structs and over a struct of arrays. */

import { assert, NIL } from '@hotpath/hw-x86';
import { boot } from '@hotpath/kernel';
import { Meter, type Reading } from '../reading.js';
import { SMALL_MEMORY } from './small-memory.js';

const RECORDS = 65_536;
const RECORD_BYTES = 64;
const FIELD_BYTES = 4;

/** Cycles of both layouts. */
export interface LayoutResult {
  readonly records: number;
  readonly recordBytes: number;
  readonly arrayOfStructs: Reading;
  readonly structOfArrays: Reading;
  readonly ratio: number;
}

/** One field of 65,536 records of 64 bytes is read, once, from memory that was written before. */
export function measureLayout(seed: number): LayoutResult {
  const arrayOfStructs = sumField(seed, RECORD_BYTES);
  const structOfArrays = sumField(seed, FIELD_BYTES);
  return {
    records: RECORDS,
    recordBytes: RECORD_BYTES,
    arrayOfStructs,
    structOfArrays,
    ratio: arrayOfStructs.cycles / structOfArrays.cycles,
  };
}

function sumField(seed: number, strideBytes: number): Reading {
  const kernel = boot({ memoryBytes: SMALL_MEMORY, seed, mode: 'full' });
  const { current, vmalloc } = kernel.parts;
  let reading: Reading | undefined;
  kernel.spawn(
    'layout',
    // biome-ignore lint/correctness/useYield: a program is a generator, also where it never waits
    function* () {
      // All records are there in both layouts; only how far apart the fields lie differs.
      const start = vmalloc.vmallocHuge(RECORDS * RECORD_BYTES);
      assert(start !== NIL, 'no memory for the records');
      const { mmu } = current.cpu;
      for (let at = 0; at < RECORDS * RECORD_BYTES; at += 64) mmu.store32(start + at, 1);
      const meter = new Meter(current.cpu);
      meter.start();
      let sum = 0;
      for (let record = 0; record < RECORDS; record++) {
        sum += mmu.load32(start + record * strideBytes);
      }
      reading = meter.stop();
      assert(sum > 0, 'the records are not there');
    },
    { kernelThread: true },
  );
  kernel.run();
  assert(reading !== undefined, 'the layout was not measured');
  return reading;
}
