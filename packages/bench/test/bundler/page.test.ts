import { join } from 'node:path';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';
import { expect } from 'vitest';
import { testWithTools } from '../../../../scripts/testing/tools.js';

/** The page's script as a bundler makes it for a browser, which has no module of Node's. */
async function bundle(): Promise<string> {
  const { outputFiles, warnings } = await build({
    entryPoints: [join(import.meta.dirname, 'page.ts')],
    bundle: true,
    minify: true,
    write: false,
    format: 'iife',
    platform: 'browser',
    target: 'es2022',
    conditions: ['@hotpath/source'],
  });
  expect(warnings).toEqual([]);
  return outputFiles[0]!.text;
}

testWithTools(
  'block cache, scheduler, allocator and tracer run in a page made by a bundler',
  ['chromium'],
  async (path) => {
    const script = await bundle();
    const browser = await chromium.launch({ executablePath: path, args: ['--no-sandbox'] });
    try {
      const page = await browser.newPage();
      const errors: string[] = [];
      page.on('pageerror', (error) => errors.push(String(error)));
      await page.setContent('<!doctype html><title>Hotpath</title>');
      await page.addScriptTag({ content: script });
      await page.waitForFunction(() => Reflect.has(globalThis, 'results'));
      const results = await page.evaluate(() => Reflect.get(globalThis, 'results'));
      expect(errors).toEqual([]);
      expect(results).toEqual({
        cache: { right: 64, dirty: 0, onDisk: 64 },
        sched: { latestMs: 21, ran: 51 },
        slab: { sum: 499_500, distinct: 1000, code: 'ERR_DOUBLE_FREE' },
        trace: { eventCount: 200, findings: 0, valid: true },
      });
    } finally {
      await browser.close();
    }
  },
  60_000,
);
