/** Programs that some tests want beside Node (e2fsck, qemu-io, fio): found, or the test says why not. */

import { spawnSync } from 'node:child_process';
import { test } from 'vitest';
import { findTool, toolsRequired } from './find-tool.js';

export { findTool, toolsRequired };

/**
 * Path of `program`; inside a test. Absent: the test is skipped with a reason, or fails where
 * HOTPATH_REQUIRE_TOOLS=1. `skip` is the test context's own: `test('...', ({ skip }) => ...)`.
 */
export function requireTool(program: string, skip: (reason: string) => never): string {
  return findTool(program) ?? absent(program, skip);
}

/**
 * Path of a Python that has `module`; inside a test, as {@link requireTool}. The system's own comes
 * first, because that is the one for which Debian installs modules.
 */
export function requirePythonModule(module: string, skip: (reason: string) => never): string {
  for (const python of ['/usr/bin/python3', findTool('python3')]) {
    if (python !== undefined && spawnSync(python, ['-c', `import ${module}`]).status === 0) {
      return python;
    }
  }
  return absent(`Python's module ${module}`, skip);
}

function absent(what: string, skip: (reason: string) => never): never {
  const reason = `${what} is not installed`;
  if (toolsRequired) throw new Error(`${reason}, and HOTPATH_REQUIRE_TOOLS=1 forbids skipping`);
  console.log(`skipped: ${reason}`);
  return skip(reason);
}

/** `test` that gets the paths of the tools it names; skips or fails as {@link requireTool} does. */
export function testWithTools(
  title: string,
  programs: readonly string[],
  body: (...paths: string[]) => void | Promise<void>,
  timeoutMs?: number,
): void {
  test(
    title,
    async (context) => {
      const skip = (reason: string): never => context.skip(reason);
      await body(...programs.map((program) => requireTool(program, skip)));
    },
    timeoutMs,
  );
}
