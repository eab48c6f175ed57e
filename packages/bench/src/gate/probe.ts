/**
 * What runs under callgrind: prepares a path and does its work `ROUNDS` times. The difference between
 * two runs of different ROUNDS is the work alone, without start-up.
 */
import type { Contestant } from '../harness/contestant.js';

const [module = '', parameters = '', rounds = ''] = process.argv.slice(2);
const { contestant } = (await import(module)) as { contestant: Contestant<unknown> };
const work = await contestant.prepare(JSON.parse(parameters), 1);
let checksum = 0;
for (let round = 0; round < Number(rounds); round++) checksum += await work.run();
console.log(JSON.stringify({ operations: work.operationCount, checksum }));
process.exit(0);
