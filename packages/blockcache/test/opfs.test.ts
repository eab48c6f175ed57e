import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { expect } from 'vitest';
import { testWithTools } from '../../../scripts/testing/tools.js';

const packages = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

const PAGE = `<!doctype html><script type="module">
const worker = new Worker('/blockcache/examples/opfs-worker.js', { type: 'module' });
const tell = (text) => fetch('/result', { method: 'POST', body: text });
worker.onmessage = (event) => tell(event.data);
worker.onerror = (event) => tell('failed: ' + event.message);
</script>`;

/** A source as the browser takes it: types stripped, packages by path. */
function browserModule(path: string): string {
  const source = readFileSync(join(packages, path.replace(/\.js$/, '.ts')), 'utf8');
  const { outputText } = ts.transpileModule(source, {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
  });
  return outputText
    .replace(/(['"])@hotpath\/([a-z0-9-]+)\1/g, "'/$2/src/index.js'")
    .replace(/(['"])@hotpath\/([a-z0-9-]+)\/model\1/g, "'/$2/src/arena/arena-memory.js'");
}

testWithTools(
  'in Chromium, blocks written through the cache to the origin-private file system are read back',
  ['chromium'],
  async (chromium) => {
    const profile = mkdtempSync(join(tmpdir(), 'hotpath-opfs-'));
    let answer: (text: string) => void = () => {};
    const result = new Promise<string>((resolve) => (answer = resolve));
    const server = createServer((request, response) => {
      if (request.url === '/result') {
        let text = '';
        request.on('data', (chunk) => (text += chunk));
        request.on('end', () => answer(text));
        response.end();
      } else if (request.url?.endsWith('.js')) {
        response.setHeader('content-type', 'text/javascript');
        response.end(browserModule(request.url.slice(1)));
      } else {
        response.setHeader('content-type', 'text/html');
        response.end(PAGE);
      }
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const browser = spawn(
      chromium,
      ['--headless=new', '--no-sandbox', '--disable-gpu', `--user-data-dir=${profile}`, url],
      { stdio: 'ignore', detached: true },
    );
    try {
      expect(await result).toBe('256 of 256 blocks right, 240 evictions');
    } finally {
      // Its helpers are its own process group.
      if (browser.pid !== undefined) process.kill(-browser.pid, 'SIGKILL');
      await once(browser, 'close');
      server.closeAllConnections();
      server.close();
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    }
  },
  25_000,
);
