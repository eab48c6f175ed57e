// Lets a worker thread run a test's TypeScript on Node 20.

import { workerData } from 'node:worker_threads';
import { register } from 'tsx/esm/api';

register();
await import(workerData.module);
