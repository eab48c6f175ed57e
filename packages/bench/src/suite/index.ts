/** The benchmark suite on the composed kernel. */

/** What `hotpath suite` is asked for. */
export interface SuiteOptions {
  readonly seed: number;
  /** File that all results are written to. */
  readonly json?: string;
  /** Folder of output files. */
  readonly out: string;
  print(line: string): void;
  progress(text: string): void;
}

/** Runs the suite. @throws Error: the suite is not built yet */
export function runSuite(_options: SuiteOptions): Promise<void> {
  return Promise.reject(new Error('the suite is not built yet'));
}
