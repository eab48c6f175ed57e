import { openSync, readSync } from 'node:fs';
import type { Contestant } from '../../harness/contestant.js';
import { COLD_BYTES, makeFile, PAGE, type PageWorkload, taste } from './work.js';

/** Reads into memory that keeps the whole file: what every cache that keeps all of it must pay. */
export const contestant: Contestant<PageWorkload> = {
  name: 'fs.readSync into 64 MiB that stay',
  prepare(workload) {
    const descriptor = openSync(makeFile(workload), 'r');
    const kept = new Uint8Array(new ArrayBuffer(workload.fileBytes + PAGE), 1024);
    return {
      operationCount: workload.fileBytes / PAGE,
      run() {
        let sum = 0;
        for (let at = 0; at < workload.fileBytes; at += COLD_BYTES) {
          const count = readSync(descriptor, kept, at, COLD_BYTES, at);
          for (let piece = 0; piece < count; piece += PAGE) sum += taste(kept, at + piece);
        }
        return sum;
      },
    };
  },
};
