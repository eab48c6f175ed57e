/** Jobs on all cores: a pool of worker threads (piscina), each with this package's code. */
import { availableParallelism } from 'node:os';
import { Piscina } from 'piscina';
import { runsFromSource } from '../package-folder.js';
import { modulePath } from './runner.js';

/** A pool whose threads run one exported function of one module. */
export class JobPool<Argument, Result> {
  private readonly pool: Piscina<Argument, Result>;

  /**
   * @param module - inside this package, without suffix: `matrix/worker`
   * @param name - of the exported function
   * @param threads - at most; default: as many as there are cores
   */
  constructor(module: string, name: string, threads: number = availableParallelism()) {
    const loader = runsFromSource ? ['--import', 'tsx', '--conditions=@hotpath/source'] : [];
    this.pool = new Piscina<Argument, Result>({
      filename: modulePath(module),
      name,
      maxThreads: threads,
      minThreads: 1,
      concurrentTasksPerWorker: 1,
      execArgv: loader,
    });
  }

  /** Queues a job; rejects with what it throws. */
  run(argument: Argument): Promise<Result> {
    return this.pool.run(argument);
  }

  /** Ends all threads. */
  async close(): Promise<void> {
    await this.pool.destroy();
  }
}
