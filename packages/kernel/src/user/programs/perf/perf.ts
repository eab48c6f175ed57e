/** `perf`: one program with several tables, each in a file of its own. */
import { helpText, UsageError, type UserProgram } from '../../process.js';
import { readAccounts } from '../accounts.js';
import { chosenTasks, showLatency, showWhy } from './accounts.js';
import { showMap, showTimehist } from './sched.js';
import { countCommand } from './stat.js';

const ALLOWED = 'stat, sched latency, sched timehist, sched map, why';

/** `perf` */
export const perf: UserProgram = {
  name: 'perf',
  summary: 'where time goes: counters of a command, who ran when, who waited',
  usage: 'stat [-e EVENT,...] COMMAND... | sched latency|timehist|map [TASK...] | why [TASK...]',
  options: [
    ['stat', 'run a command; count cycles, instructions, misses, switches, faults of it'],
    ['-e EVENT,...', 'count these (perf stat -e help lists them)'],
    ['sched latency', 'run time, switches, average and longest wait for a CPU'],
    ['sched timehist', 'each time on a CPU: sleep before, wait for the CPU, run time'],
    ['sched map', 'which task was on which CPU, one line a change'],
    ['why', 'where the time went: program, calls, faults, walks, queues, disk, sleep'],
    ['TASK', 'a name or number; default: all that the kernel remembers'],
  ],
  runsOther: true,
  *main(process, args) {
    const [command, ...rest] = args;
    if (rest[0] === '--help') {
      yield* process.print(helpText(perf));
      return 0;
    }
    if (command === 'stat') return yield* countCommand(process, rest);
    const [sub, ...tasks] = rest;
    if (command === 'sched' && sub === 'latency') {
      yield* showLatency(process, chosenTasks(yield* readAccounts(process), tasks));
    } else if (command === 'sched' && sub === 'timehist') yield* showTimehist(process, tasks);
    else if (command === 'sched' && sub === 'map') yield* showMap(process, tasks);
    else if (command === 'why') {
      yield* showWhy(process, chosenTasks(yield* readAccounts(process), rest));
    } else throw new UsageError(`'${args.join(' ')}'; allowed: ${ALLOWED}`);
    return 0;
  },
};
