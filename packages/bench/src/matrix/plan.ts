/** Which cells a matrix has, and which of them a file already holds. */
import { existsSync, readFileSync } from 'node:fs';
import { type CellChoice, type CellResult, cellKey } from './cell.js';

/** The values that are crossed. */
export interface MatrixAxes {
  readonly trace: string;
  readonly accesses: number;
  readonly seed: number;
  readonly evictions: readonly CellChoice['eviction'][];
  readonly schedulers: readonly string[];
  readonly pages: readonly string[];
  readonly disks: readonly string[];
}

/** Every combination, in a fixed order. */
export function cellsOf(axes: MatrixAxes): CellChoice[] {
  const { trace, accesses, seed } = axes;
  return axes.disks.flatMap((disk) =>
    axes.pages.flatMap((page) =>
      axes.schedulers.flatMap((scheduler) =>
        axes.evictions.map((eviction) => {
          return { trace, accesses, seed, eviction, scheduler, page, disk };
        }),
      ),
    ),
  );
}

/**
 * Cells that a file of JSON lines holds, by key. A last line that was cut off by an interrupt is left
 * out, and so is what belongs to other choices.
 */
export function finishedCells(path: string): Map<string, CellResult> {
  const finished = new Map<string, CellResult>();
  if (!existsSync(path)) return finished;
  for (const line of readFileSync(path, 'utf8').split('\n')) {
    try {
      const cell = JSON.parse(line) as CellResult;
      if (cell.schema === 'hotpath-matrix/1' && cell.key === cellKey(cell.choice)) {
        finished.set(cell.key, cell);
      }
    } catch {
      // Blank, or cut off: that cell is run again.
    }
  }
  return finished;
}
