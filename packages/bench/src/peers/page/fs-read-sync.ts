import { closeSync, openSync, readSync } from 'node:fs';
import type { Contestant } from '../../harness/contestant.js';
import {
  COLD_BYTES,
  makeFile,
  PAGE,
  type PageWorkload,
  pageOrder,
  taste,
  unalignedBuffer,
} from './work.js';

/** Node's own: 4 KiB a call; 128 KiB a call in the cold race. The host's page cache is warm. */
export const contestant: Contestant<PageWorkload> = {
  name: 'fs.readSync',
  prepare(workload, seed) {
    const path = makeFile(workload);
    let descriptor = openSync(path, 'r');
    const order = pageOrder(workload, seed);
    const buffer = unalignedBuffer(COLD_BYTES);
    const readCold = (): number => {
      // Ours empties its cache by opening the file again.
      closeSync(descriptor);
      descriptor = openSync(path, 'r');
      let sum = 0;
      for (let at = 0; at < workload.fileBytes; at += COLD_BYTES) {
        const count = readSync(descriptor, buffer, 0, COLD_BYTES, at);
        for (let piece = 0; piece < count; piece += PAGE) sum += taste(buffer, piece);
      }
      return sum;
    };
    const readPieces = (): number => {
      let sum = 0;
      for (let i = 0; i < order.length; i++) {
        readSync(descriptor, buffer, 0, PAGE, order[i] * PAGE);
        sum += taste(buffer, 0);
      }
      return sum;
    };
    return { operationCount: order.length, run: workload.kind === 'cold' ? readCold : readPieces };
  },
};
