/** Boots a kernel, runs two tasks, and prints where their cycles went. */
import { boot, O_CREAT, O_RDWR, timeTable } from '@hotpath/kernel';

const kernel = boot({ mode: 'full' });
const worker = kernel.spawn('worker', function* (sys) {
  yield* sys.compute(20_000_000);
});
const writer = kernel.spawn('writer', function* (sys) {
  const heap = yield* sys.brk(0);
  yield* sys.brk(heap + 65_536);
  const fd = yield* sys.open('log', O_CREAT | O_RDWR);
  for (let i = 0; i < 8; i++) yield* sys.write(fd, heap, 65_536);
  yield* sys.fsync(fd);
});
kernel.run();
for (const task of [worker, writer]) console.log(task.name, timeTable(task.time));
