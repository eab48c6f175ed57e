import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';

/** For caches, heaps and tables: names of the fields that are doubles to V8. */
async function doubles(where: 'near' | 'far'): Promise<string[][]> {
  const module = new URL('./hot-fields-worker.ts', import.meta.url).href;
  const worker = new Worker(new URL('./worker-bootstrap.mjs', import.meta.url), {
    workerData: { module, where },
    execArgv: ['--conditions=@hotpath/source'],
  });
  const [answer] = await once(worker, 'message');
  await worker.terminate();
  return answer;
}

// A field that ever held another number than a small integer is read as a double at every call.
test('fields that every call reads hold small integers, also when the memory grows', async () => {
  expect(await doubles('near')).toEqual([[], [], [], [], [], [], [], [], []]);
});

test('beyond 2 GiB only the base is a double', async () => {
  expect(await doubles('far')).toEqual([['base'], ['base'], []]);
});
