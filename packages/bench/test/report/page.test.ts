import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect } from 'vitest';
import { findTool, testWithTools } from '../../../../scripts/testing/tools.js';
import { runJob } from '../../src/suite/jobs.js';
import { runCommand } from '../command/run-command.js';

const folder = mkdtempSync(join(tmpdir(), 'hotpath-page-'));
const NEEDLE = 'rare </script><!--<script> needle';
let browser: Browser;

/** A tour of the kernel, and a name that would end the page if it were not escaped. */
beforeAll(async () => {
  const { result } = runJob({ name: 'tour', seed: 1 });
  const { trace } = result as { trace: Uint8Array };
  const events = Buffer.from(trace).toString('utf8');
  const more = [
    { name: NEEDLE, ph: 'i', pid: 1, tid: 0, ts: 5000 },
    { name: 'events lost', cat: 'hotpath', ph: 'i', pid: 1, tid: 1, ts: 7000, args: { count: 12 } },
  ].map((event) => JSON.stringify(event));
  const end = events.lastIndexOf(']');
  writeFileSync(join(folder, 'trace.json'), `${events.slice(0, end)},\n${more.join(',\n')}\n]}`);
  const { status, errors } = await runCommand(
    ...['report', '--trace', join(folder, 'trace.json'), '--out', join(folder, 'report.html')],
    ...['--folder', folder, '--peers', join(folder, 'none')],
  );
  expect([status, errors]).toEqual([0, []]);
  const path = findTool('chromium');
  if (path === undefined) return;
  browser = await chromium.launch({ executablePath: path, args: ['--no-sandbox'], headless: true });
}, 120_000);

afterAll(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true });
});

async function open(width: number, colorScheme: 'dark' | 'light' = 'light'): Promise<Page> {
  const page = await browser.newPage({ viewport: { width, height: 800 }, colorScheme });
  page.setDefaultTimeout(30_000);
  page.on('pageerror', (error) => {
    throw error;
  });
  page.on('request', (request) => {
    expect(request.url()).toMatch(/^(file|blob|data):/);
  });
  await page.goto(`file://${join(folder, 'report.html')}`);
  await page.waitForSelector('html[data-ready="true"]');
  return page;
}

const range = (page: Page): Promise<string | null> => page.locator('output.range').textContent();

testWithTools(
  'a page asks for nothing outside of itself, and names in it stay text',
  ['chromium'],
  async () => {
    const html = readFileSync(join(folder, 'report.html'), 'utf8');
    expect(html).not.toMatch(/<script[^>]*src=|<link|@import|url\(http/);
    expect(html).not.toContain(NEEDLE);
    expect(html.match(/<\/script>/g)).toHaveLength(3);
    const page = await open(1000);
    await page.fill('input[type=search]', 'needle');
    expect(await page.locator('output.matches').textContent()).toBe('1 found');
    await page.getByRole('button', { name: '\u203a' }).click();
    expect(await range(page)).toMatch(/^4\.99\d ms to .* 1 ns$|^5\.000 ms to .* 1 ns$/);
    expect(await page.locator('.details').textContent()).toContain(NEEDLE);
    await page.close();
  },
  60_000,
);

testWithTools(
  'dragging selects a range, whose sums and flame graph follow',
  ['chromium'],
  async () => {
    const page = await open(1000);
    expect(await range(page)).toMatch(/^whole run/);
    const whole = await page.locator('.details').textContent();
    const flame = page.locator('.flame button').first();
    await flame.waitFor();
    const before = await flame.getAttribute('title');
    const box = (await page.locator('.timeline canvas').boundingBox())!;
    await page.mouse.move(box.x + 300, box.y + 80);
    await page.mouse.down();
    await page.mouse.move(box.x + 420, box.y + 90, { steps: 3 });
    await page.mouse.up();
    expect(await range(page)).not.toMatch(/^whole run/);
    expect(await page.locator('.details').textContent()).not.toBe(whole);
    await expect.poll(() => flame.getAttribute('title')).not.toBe(before);
    // Into a part of the graph, and back.
    await page.locator('.flame button').nth(1).click();
    const back = page.getByRole('button', { name: 'Whole graph' });
    expect(await back.isEnabled()).toBe(true);
    await back.click();
    expect(await back.isEnabled()).toBe(false);
    await page.getByRole('button', { name: 'Zoom to range' }).click();
    await page.getByRole('button', { name: 'All', exact: true }).click();
    expect(await range(page)).toMatch(/^whole run/);
    await page.close();
  },
  60_000,
);

/** All that the canvas shows. In the browser: its own types are not known here. */
const pixels = (page: Page): Promise<string> =>
  page.evaluate<string>(`document.querySelector('.timeline canvas').toDataURL()`);

testWithTools(
  'zooming by button, key and wheel changes what is drawn, and All brings it back',
  ['chromium'],
  async () => {
    const page = await open(1000);
    const settled = async (): Promise<string> => {
      await page.waitForTimeout(120);
      return pixels(page);
    };
    const start = await settled();
    await page.getByRole('button', { name: '+', exact: true }).click();
    const zoomed = await settled();
    expect(zoomed).not.toBe(start);
    await page.locator('.timeline').focus();
    await page.keyboard.press('d');
    const moved = await settled();
    expect(moved).not.toBe(zoomed);
    await page.locator('.timeline').hover();
    await page.keyboard.down('Control');
    await page.mouse.wheel(0, -300);
    await page.keyboard.up('Control');
    expect(await settled()).not.toBe(moved);
    await page.getByRole('button', { name: 'All', exact: true }).click();
    expect(await settled()).toBe(start);
    await page.close();
  },
  60_000,
);

testWithTools(
  'the theme is the system’s until the switch is used',
  ['chromium'],
  async () => {
    const paper = (page: Page): Promise<string> =>
      page.evaluate<string>('getComputedStyle(document.body).backgroundColor');
    const dark = await open(1000, 'dark');
    const light = await open(1000, 'light');
    const [first, second] = [await paper(dark), await paper(light)];
    expect(first).not.toBe(second);
    await dark.getByRole('button', { name: 'Light' }).click();
    expect(await paper(dark)).toBe(second);
    await dark.getByRole('button', { name: 'Dark' }).click();
    expect(await paper(dark)).toBe(first);
    await dark.close();
    await light.close();
  },
  60_000,
);

testWithTools(
  'nothing is wider than a phone',
  ['chromium'],
  async () => {
    const page = await open(390);
    const width = await page.evaluate<number>('document.documentElement.scrollWidth');
    expect(width).toBe(390);
    const buttons = await page
      .locator('.tools button')
      .evaluateAll((all) =>
        (all as unknown as { getBoundingClientRect(): { height: number } }[]).map(
          (one) => one.getBoundingClientRect().height,
        ),
      );
    expect(Math.min(...buttons)).toBeGreaterThanOrEqual(36);
    await page.close();
  },
  60_000,
);
