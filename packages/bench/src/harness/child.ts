/** The child process of one contestant: prepares, runs and times on the parent's command. */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Command, Contestant, PreparedWork, Reply } from './contestant.js';

const collectGarbage = (globalThis as { gc?: () => void }).gc;

/** Version in the package.json that belongs to an installed package, or null. */
function versionOf(packageName: string): string | null {
  let folder = dirname(createRequire(import.meta.url).resolve(packageName));
  for (; folder !== dirname(folder); folder = dirname(folder)) {
    try {
      const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
      if (manifest.name === packageName) return manifest.version;
    } catch {
      // No package.json here: look above.
    }
  }
  return null;
}

class Child {
  private work: PreparedWork | null = null;

  async answer(command: Command): Promise<Reply> {
    if (command.kind === 'prepare') return this.prepare(command);
    if (this.work === null) return { kind: 'failed', message: 'nothing was prepared' };
    if (command.kind === 'finish') return { kind: 'finished', facts: this.work.facts?.() ?? {} };
    // Garbage of the round before is not this round's cost.
    collectGarbage?.();
    const cpuStart = process.cpuUsage();
    const start = process.hrtime.bigint();
    const result = this.work.run();
    // Awaiting a number would add a turn of the event loop to contestants that need none.
    const checksum = typeof result === 'number' ? result : await result;
    const ns = Number(process.hrtime.bigint() - start);
    const { user, system } = process.cpuUsage(cpuStart);
    const spent = this.work.spent?.() ?? { ns, cpuNs: (user + system) * 1000 };
    return { kind: 'ran', ...spent, checksum };
  }

  private async prepare(command: Command & { kind: 'prepare' }): Promise<Reply> {
    const { contestant } = (await import(command.module)) as { contestant: Contestant<unknown> };
    this.work = await contestant.prepare(command.parameters, command.seed);
    return {
      kind: 'prepared',
      name: contestant.name,
      version: contestant.package === undefined ? null : versionOf(contestant.package),
      semantics: contestant.semantics ?? null,
      operationCount: this.work.operationCount,
    };
  }
}

const child = new Child();
process.on('message', (command: Command) => {
  child
    .answer(command)
    .catch(
      (error): Reply => ({
        kind: 'failed',
        message: error instanceof Error ? `${error.name}: ${error.message}` : String(error),
      }),
    )
    .then((reply) => process.send?.(reply));
});
