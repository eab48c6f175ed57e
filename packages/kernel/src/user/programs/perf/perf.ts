/** `perf`: one program with several tables, each in a file of its own. */
import { helpText, UsageError, type UserProgram } from '../../process.js';
import { readAccounts } from '../accounts.js';
import { chosenTasks, showLatency, showWhy } from './accounts.js';
import { showCalls } from './calls.js';
import { recordCommand, showReport } from './record.js';
import { showMap, showTimehist } from './sched.js';
import { countCommand } from './stat.js';

const ALLOWED = 'stat, record, report, sched latency, sched timehist, sched map, why';

/** `perf` */
export const perf: UserProgram = {
  name: 'perf',
  summary: 'where time goes: counters of a command, who ran when, who waited',
  usage:
    'stat [-e EVENT,...] COMMAND... | record [-aw] [-c CYCLES] [-o FILE] COMMAND... | ' +
    'report [-g] [-i FILE] [-n COUNT] | sched latency|timehist|map [TASK...] | why [TASK...] | why -c [CALL...]',
  options: [
    ['stat', 'run a command; count cycles, instructions, misses, switches, faults of it'],
    ['-e EVENT,...', 'count these (perf stat -e help lists them)'],
    ['record', 'run a command; sample which kernel function it is in, into perf.data'],
    ['-c CYCLES', 'between samples; default 100003'],
    ['-a', 'all tasks, not only the command and what it starts'],
    ['-w', 'waits, too: the last function says for what'],
    ['-o FILE, -i FILE', 'another file than perf.data'],
    ['report', 'samples by function: in it, and in it or below'],
    ['-g', 'stacks instead, one a line: input of flame graph tools'],
    ['-n COUNT', 'so many lines; default 30'],
    ['sched latency', 'run time, switches, average and longest wait for a CPU'],
    ['sched timehist', 'each time on a CPU: sleep before, wait for the CPU, run time'],
    ['sched map', 'which task was on which CPU, one line a change'],
    ['why', 'where the time went: program, calls, faults, walks, queues, disk, sleep'],
    ['why -c', 'where the time of system calls went, by call'],
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
    if (command === 'record') return yield* recordCommand(process, rest);
    const [sub, ...tasks] = rest;
    if (command === 'sched' && sub === 'latency') {
      yield* showLatency(process, chosenTasks(yield* readAccounts(process), tasks));
    } else if (command === 'sched' && sub === 'timehist') yield* showTimehist(process, tasks);
    else if (command === 'sched' && sub === 'map') yield* showMap(process, tasks);
    else if (command === 'report') yield* showReport(process, rest);
    else if (command === 'why' && sub === '-c') yield* showCalls(process, tasks);
    else if (command === 'why') {
      yield* showWhy(process, chosenTasks(yield* readAccounts(process), rest));
    } else throw new UsageError(`'${args.join(' ')}'; allowed: ${ALLOWED}`);
    return 0;
  },
};
