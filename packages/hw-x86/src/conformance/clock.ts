import type { Clock } from '../clock.js';
import { type ConformanceCase, expectThat } from './case.js';

/** A clock with a way to let time pass. */
export interface ClockUnderTest {
  readonly clock: Clock;
  /** Lets time pass: in the model charge some cycles, on the host wait a millisecond. */
  advance(): void | Promise<void>;
}

/** The promises of Clock as cases to run. */
export function clockConformance(create: () => ClockUnderTest): ConformanceCase[] {
  return [
    {
      name: 'time is a finite number, not negative and below 2**53',
      run: async (): Promise<void> => {
        const now = create().clock.now();
        expectThat(now >= 0 && now <= Number.MAX_SAFE_INTEGER, `now() is ${now}`);
      },
    },
    {
      name: 'time never goes backwards',
      run: async (): Promise<void> => {
        const { clock, advance } = create();
        let last = clock.now();
        for (let i = 0; i < 10_000; i++) {
          if (i % 1000 === 0) await advance();
          const now = clock.now();
          expectThat(now >= last, `${now} after ${last}`);
          last = now;
        }
      },
    },
    {
      name: 'time goes on when time passes',
      run: async (): Promise<void> => {
        const { clock, advance } = create();
        for (let i = 0; i < 5; i++) {
          const before = clock.now();
          await advance();
          const after = clock.now();
          expectThat(after > before, `${after} after ${before}, though time passed`);
        }
      },
    },
  ];
}
