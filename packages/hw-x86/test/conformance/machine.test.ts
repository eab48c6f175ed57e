import {
  countersConformance,
  machineConformance,
  memoryConformance,
  mmuConformance,
} from '@hotpath/hw-x86/conformance';
import { createMachine } from '@hotpath/hw-x86/model';
import { describe, expect, test } from 'vitest';

describe.each(['flat', 'full'] as const)('the model in %s mode', (mode) => {
  const create = (cpus = 1) => createMachine({ cpus, mode, memoryBytes: 2 ** 24 });
  const suites = [
    ...memoryConformance(() => create().memory),
    ...mmuConformance(() => {
      const machine = create();
      return { mmu: machine.cpus[0].mmu, memory: machine.memory };
    }),
    ...countersConformance(() => {
      const [cpu] = create().cpus;
      return { counters: cpu, retire: (count) => cpu.retire(count) };
    }),
    ...machineConformance(create),
  ];
  for (const { name, run } of suites) test(name, run);
});

test('the suites see a machine that is wrong: one that never delivers, one that forgets INVLPG', async () => {
  const failures = async (suite: { name: string; run(): Promise<void> }[]): Promise<string[]> => {
    const names: string[] = [];
    for (const { name, run } of suite) {
      await run().catch(() => {
        names.push(name);
      });
    }
    return names;
  };
  const deaf = machineConformance((cpus) => {
    const machine = createMachine({ cpus, memoryBytes: 2 ** 24 });
    for (const cpu of machine.cpus) cpu.apic.request = () => {};
    return machine;
  });
  expect(await failures(deaf)).toContain(
    'a timer wakes a halted CPU at its deadline; cancel and a new deadline replace it',
  );
  const forgetful = mmuConformance(() => {
    const machine = createMachine({ memoryBytes: 2 ** 24 });
    const { mmu } = machine.cpus[0];
    mmu.invalidate = () => {};
    return { mmu, memory: machine.memory };
  });
  expect(await failures(forgetful)).toEqual([
    'after INVLPG the tables are believed, and absence is never remembered',
  ]);
});
