import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Tracer } from '@hotpath/pmc-trace';
import { writeTraceFile } from '@hotpath/pmc-trace/node';
import { afterAll, describe, expect, test } from 'vitest';
import { runProgram } from '../../src/command/program.js';

const folder = mkdtempSync(join(tmpdir(), 'hotpath-trace-check-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function check(...args: string[]) {
  const printed: string[] = [];
  const errors: string[] = [];
  const status = await runProgram(['trace', ...args], {
    interactive: false,
    print: (line) => printed.push(line),
    error: (line) => errors.push(line),
    progress: () => {},
  });
  return { status, printed, errors };
}

describe('hotpath trace check', () => {
  test('says that our own file is valid, and how much was lost', async () => {
    const tracer = new Tracer({ capacity: 16 });
    const emitter = tracer.emitter({ now: () => 5 });
    for (let count = 0; count < 20; count += 1) emitter.instant(1);
    const path = join(folder, 'own.pftrace');
    writeTraceFile(path, tracer.snapshot());
    const { status, printed } = await check('check', path);
    expect(status).toBe(0);
    expect(printed[0]).toMatch(/^perfetto: 17 events, .* 4 lost$/);
    expect(printed.at(-1)).toBe('valid');
    const json = await check('check', path, '--json');
    expect(JSON.parse(json.printed[0]!)).toMatchObject({ valid: true, lost: 4 });
  });

  test('a wrong file is exit code 1 with every finding', async () => {
    const path = join(folder, 'wrong.json');
    writeFileSync(path, '[{"ph":"E","name":"a","pid":1,"tid":1,"ts":1}]');
    const { status, printed, errors } = await check('check', path);
    expect(status).toBe(1);
    expect(printed).toContain(
      'error: misplaced-end x1: the end of "a" without a begin on track 1/1',
    );
    expect(errors).toEqual([`hotpath: '${path}' is not a valid trace`]);
  });

  test('a missing file, a missing argument and a missing command are exit code 2', async () => {
    const missing = await check('check', join(folder, 'nothing'));
    expect([missing.status, missing.errors[0]]).toEqual([
      2,
      expect.stringMatching(/nothing' cannot be read/),
    ]);
    expect(await check('check')).toMatchObject({ status: 2 });
    const none = await check();
    expect([none.status, none.errors[0]]).toEqual([2, expect.stringMatching(/allowed: check/)]);
  });
});
