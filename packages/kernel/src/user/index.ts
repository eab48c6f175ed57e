/**
 * User space: a shell and some forty programs, generators that run on the kernel through its calls.
 * `boot({ programs: SHELL_PROGRAMS })` and `kernel.spawn('init', SHELL_PROGRAMS.init)`.
 *
 * @module
 */
import type { ProgramFactory } from '../syscall/program.js';
import { programFactory, type UserProgram } from './process.js';
import { cachestat } from './programs/cachestat.js';
import { cat } from './programs/cat.js';
import { cp } from './programs/cp.js';
import { dd } from './programs/dd.js';
import { echo } from './programs/echo.js';
import { grep } from './programs/grep.js';
import { head, tail } from './programs/head.js';
import { makeHelp } from './programs/help.js';
import { init } from './programs/init.js';
import { iostat } from './programs/iostat.js';
import { ln } from './programs/ln.js';
import { lockstat } from './programs/lockstat.js';
import { ls } from './programs/ls.js';
import { free, slabtop, vmstat } from './programs/memory-tables.js';
import { mkdir, rmdir } from './programs/mkdir.js';
import { df, mount, umount } from './programs/mount.js';
import { mv } from './programs/mv.js';
import { kill, nice, time } from './programs/other-processes.js';
import { perf } from './programs/perf/perf.js';
import { ps } from './programs/ps.js';
import { rm } from './programs/rm.js';
import { sh } from './programs/sh.js';
import { env, poweroff, pwd, sleep, sync, uname } from './programs/simple.js';
import { sort } from './programs/sort.js';
import { STRESS_WORKERS, stress } from './programs/stress.js';
import { bracket, test } from './programs/test.js';
import { top } from './programs/top.js';
import { touch } from './programs/touch.js';
import { trace } from './programs/trace.js';
import { failing, succeeding } from './programs/true.js';
import { wc } from './programs/wc.js';

export { Process, programFactory, type Step, UsageError, type UserProgram } from './process.js';

const help = makeHelp(() => USER_PROGRAMS);

/** Every program, with its help. */
export const USER_PROGRAMS: readonly UserProgram[] = [
  bracket,
  cachestat,
  cat,
  cp,
  dd,
  df,
  echo,
  env,
  failing,
  free,
  grep,
  head,
  help,
  init,
  iostat,
  kill,
  ln,
  lockstat,
  ls,
  mkdir,
  mount,
  mv,
  nice,
  perf,
  poweroff,
  ps,
  pwd,
  rm,
  rmdir,
  sh,
  slabtop,
  sleep,
  sort,
  stress,
  succeeding,
  sync,
  tail,
  test,
  time,
  top,
  touch,
  trace,
  umount,
  uname,
  vmstat,
  wc,
  ...STRESS_WORKERS,
];

/** The same as `boot` takes them: option `programs`. */
export const SHELL_PROGRAMS: Readonly<Record<string, ProgramFactory>> = Object.fromEntries(
  USER_PROGRAMS.map((program) => [program.name, programFactory(program)]),
);
