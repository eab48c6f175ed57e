import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { NIL } from '@hotpath/hw-x86';
import { describe, expect, test } from 'vitest';
import {
  fifo,
  lottery,
  type MlfqPolicy,
  mlfq,
  roundRobin,
  Scheduler,
  simulate,
  sjf,
} from '../../src/index.js';

interface MlfqCase {
  sim: 'mlfq';
  name: string;
  params: {
    queues: number;
    quantumByPriority: Record<string, number>;
    allotmentByPriority: Record<string, number>;
    boost: number;
    ioTime: number;
    stayAfterIO: boolean;
    iobump: boolean;
  };
  jobs_start_run_ioFreq: [number, number, number][];
  events: (string | number)[][];
}
interface SchedulerCase {
  sim: 'scheduler';
  name: string;
  params: { policy: string; quantum: number };
  jobs_run: number[];
  trace_time_job_dur_done: number[][];
  stats: { job: number; response: number; turnaround: number; wait: number }[];
}
interface LotteryCase {
  sim: 'lottery';
  name: string;
  params: { quantum: number };
  jobs_len_tickets: [number, number][];
  draws_random_winner_of_job: [number, number, number, number][];
  done_job_time: [number, number][];
}
type Case = MlfqCase | SchedulerCase | LotteryCase;

function readCases(): Case[] {
  const files = [new URL('../data/ostep-open.json.gz', import.meta.url).pathname];
  const extra = process.env['HOTPATH_DATA'];
  if (extra !== undefined) {
    const folder = join(extra, 'sched');
    for (const name of readdirSync(folder)) {
      if (/^ostep-.*\.json\.gz$/.test(name)) files.push(join(folder, name));
    }
  }
  return files.flatMap(
    (file) => (JSON.parse(gunzipSync(readFileSync(file)).toString()) as { cases: Case[] }).cases,
  );
}

const cases = readCases();

/** OSTEP's simulator as a kernel would drive our policy: a tick of time, then what happens in it. */
function runMlfq(given: MlfqCase): (string | number)[][] {
  const { queues, boost, ioTime, stayAfterIO, iobump } = given.params;
  const byLevel = (of: Record<string, number>) =>
    Array.from({ length: queues }, (_, level) => of[String(queues - 1 - level)]);
  const jobs = given.jobs_start_run_ioFreq;
  const scheduler = new Scheduler({
    tasks: jobs.length,
    policy: mlfq({
      quantaNs: byLevel(given.params.quantumByPriority),
      allotments: byLevel(given.params.allotmentByPriority),
      boostNs: boost,
      stayAfterSleep: stayAfterIO,
      wakeToHead: iobump,
    }),
  });
  const policy = scheduler.policy as MlfqPolicy;
  const events: (string | number)[][] = [];
  const due: { t: number; job: number; kind: string }[] = jobs.map(([start], job) => ({
    t: start,
    job: job,
    kind: 'begin',
  }));
  const left = jobs.map(([, run]) => run);
  for (let job = 0; job < jobs.length; job++) scheduler.create();
  let finished = 0;
  for (let t = 0; finished < jobs.length; t++) {
    if (boost > 0 && t !== 0 && t % boost === 0) {
      events.push(['boost', t]);
      scheduler.runTimers(t);
      scheduler.pickNext(0, t);
    }
    for (const happening of due.filter((one) => one.t === t)) {
      events.push([happening.kind, t, happening.job]);
      scheduler.wake(happening.job, t);
      // Queues are looked at before each tick, as OSTEP does.
      if (scheduler.current(0) === NIL || scheduler.needResched(0)) scheduler.pickNext(0, t);
    }
    // Picks at the end of a tick carry its start time: a boost of the next tick comes after them.
    const job = scheduler.current(0);
    if (job === NIL) {
      const last = events.at(-1);
      if (last !== undefined && last[0] === 'idle') last[2] = (last[2] as number) + 1;
      else events.push(['idle', t, 1]);
      continue;
    }
    const priority = queues - 1 - policy.levelOf(job);
    const allotment = policy.allotmentOf(job);
    scheduler.account(0, 1);
    left[job]--;
    const ticksLeft = policy.leftNs(job);
    const last = events.at(-1);
    if (
      last !== undefined &&
      last[0] === 'run' &&
      last[3] === job &&
      last[4] === priority &&
      (last[5] as number) === ticksLeft + 1 &&
      (last[1] as number) + (last[2] as number) === t
    ) {
      last[2] = (last[2] as number) + 1;
      last[5] = ticksLeft;
      last[6] = allotment;
      last[7] = left[job];
    } else events.push(['run', t, 1, job, priority, ticksLeft, allotment, left[job]]);
    const [, run, ioFreq] = jobs[job];
    if (left[job] === 0) {
      finished++;
      events.push(['finish', t + 1, job]);
      scheduler.exit(job);
      scheduler.pickNext(0, t);
    } else if (ioFreq > 0 && (run - left[job]) % ioFreq === 0) {
      events.push(['io_start', t + 1, job]);
      due.push({ t: t + 1 + ioTime, job, kind: 'io_done' });
      scheduler.blocked(job);
      scheduler.pickNext(0, t);
    } else if (scheduler.tick(0)) scheduler.pickNext(0, t);
    scheduler.checkInvariants();
  }
  return events;
}

function runScheduler(given: SchedulerCase) {
  const policy =
    given.params.policy === 'RR'
      ? roundRobin({ quantumNs: given.params.quantum })
      : given.params.policy === 'SJF'
        ? sjf()
        : fifo();
  const tasks = given.jobs_run.map((run) => ({ bursts: [run], lengthNs: run }));
  return simulate({ tasks, policy });
}

describe('OSTEP, event for event', () => {
  test('there are cases of all three simulators', () => {
    expect(cases.length).toBeGreaterThanOrEqual(104);
    expect(new Set(cases.map((one) => one.sim))).toEqual(new Set(['mlfq', 'scheduler', 'lottery']));
  });

  for (const given of cases) {
    test(`${given.sim} ${given.name}`, () => {
      if (given.sim === 'mlfq') expect(runMlfq(given)).toEqual(given.events);
      else if (given.sim === 'lottery') runLottery(given);
      else {
        const result = runScheduler(given);
        for (const stat of given.stats) {
          const task = result.tasks[stat.job];
          expect(task.firstRunNs).toBe(stat.response);
          expect(task.endNs).toBe(stat.turnaround);
          expect(task.waitNs).toBe(stat.wait);
        }
        // A slice that was not preempted because the others had ended is one run there, several here.
        const trace = given.trace_time_job_dur_done.map(([time, job, duration]) => [
          time,
          job,
          time + duration,
        ]);
        const ours = result.slices.map((slice) => [slice.startNs, slice.task, slice.endNs]);
        expect(merge(ours)).toEqual(merge(trace));
      }
    });
  }
});

/** Adjacent stretches of one job joined. */
function merge(stretches: number[][]): number[][] {
  const out: number[][] = [];
  for (const [start, job, end] of stretches) {
    const last = out.at(-1);
    if (last !== undefined && last[1] === job && last[2] === start) last[2] = end;
    else out.push([start, job, end]);
  }
  return out;
}

function runLottery(given: LotteryCase): void {
  const draws = given.draws_random_winner_of_job;
  let drawn = 0;
  const scheduler = new Scheduler({
    tasks: given.jobs_len_tickets.length,
    policy: lottery({ quantumNs: given.params.quantum, random: () => draws[drawn++][0] }),
  });
  const left = given.jobs_len_tickets.map(([length]) => length);
  for (const [, tickets] of given.jobs_len_tickets) {
    scheduler.wake(scheduler.create({ weight: tickets }), 0);
  }
  const done: [number, number][] = [];
  let now = 0;
  let job = scheduler.pickNext(0, 0);
  while (job !== NIL) {
    expect(job).toBe(draws[drawn - 1][3]);
    const ran = Math.min(left[job], given.params.quantum);
    now += ran;
    scheduler.account(0, ran);
    left[job] -= ran;
    if (left[job] === 0) {
      scheduler.exit(job);
      done.push([job, now]);
    }
    scheduler.checkInvariants();
    job = scheduler.pickNext(0, now);
  }
  expect(drawn).toBe(draws.length);
  expect(done).toEqual(given.done_job_time);
}
