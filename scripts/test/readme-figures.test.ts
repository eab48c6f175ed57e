import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { runCommand } from '../../packages/bench/test/command/run-command.js';
import { commandsOf, readFigures, unprinted } from '../readme-figures.js';
import { packageNames, readText, root } from '../workspace.js';

/** What the command prints, run from the sources: `hotpath` in this process, a file in its own. */
async function printed(folder: string, command: string): Promise<string> {
  const [program, ...args] = command.split(' ');
  if (program === 'hotpath') {
    const result = await runCommand(...args);
    if (result.status !== 0) throw new Error(`${command}: ${result.errors.join('\n')}`);
    return result.printed.join('\n');
  }
  return new Promise((resolve, reject) => {
    const child = spawn(
      process.execPath,
      ['--import', 'tsx', '--conditions=@hotpath/source', program!, ...args],
      { cwd: join(root, folder) },
    );
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => (stdout += chunk));
    child.stderr.on('data', (chunk) => (stderr += chunk));
    child.on('error', reject);
    child.on('close', (status) =>
      status === 0 ? resolve(stdout) : reject(new Error(`${command}: ${stderr}`)),
    );
  });
}

const readmes = packageNames
  .map((name) => ({ name, vouched: readFigures(readText(`packages/${name}/README.md`)) }))
  .filter(({ vouched }) => vouched.length > 0);

describe.each(readmes)('README of $name', ({ name, vouched }) => {
  const folder = `packages/${name}`;
  for (const figures of vouched) {
    test(`its figures at line ${figures.line} are printed by ${figures.command}`, async () => {
      const outputs: string[] = [];
      for (const command of commandsOf(figures)) outputs.push(await printed(folder, command));
      expect(unprinted(figures, outputs), outputs.join('\n')).toEqual([]);
    });
  }
});

const TABLE = '| of | a | b |\n|---|---|---|\n| x | 1,234 | 0.5 |\n| y | 2 | 3 |\n';

test('a row of a table has its numbers in one line, in their order', () => {
  const [figures] = readFigures(`text\n<!-- figures: examples/e.ts -->\n\n${TABLE}`);
  expect(figures!.line).toBe(2);
  expect(commandsOf(figures!)).toEqual(['examples/e.ts']);
  expect(unprinted(figures!, ['x: 1234 of 9, 0.5\ny: 2, 3\n'])).toEqual([]);
  expect(unprinted(figures!, ['x: 1234, 0.55\ny: 3, 2\n'])).toEqual([
    'x | 1,234 | 0.5',
    'y | 2 | 3',
  ]);
});

test('a row may have a command of its own', () => {
  const [figures] = readFigures(`<!-- figures: hotpath replay {} -->\n${TABLE}`);
  expect(commandsOf(figures!)).toEqual(['hotpath replay x', 'hotpath replay y']);
  expect(unprinted(figures!, ['0.5\n1234', '3\n4'])).toEqual(['y | 2 | 3']);
});

test('a text block has its lines in their order', () => {
  const [figures] = readFigures('<!-- figures: examples/e.ts -->\n```text\na … c\nd\n```\n');
  expect(unprinted(figures!, ['a b c\nx\nd'])).toEqual([]);
  expect(unprinted(figures!, ['d\na b c'])).toEqual(['d']);
});
