import { describe, expect, it } from 'vitest';
import { USER_PROGRAMS } from '../../src/user/index.js';
import { runScript } from './support.js';

describe('every program', () => {
  it('answers --help with its usage, on standard output, with status 0', () => {
    const script = USER_PROGRAMS.map(({ name }) => `${name} --help 2> /dev/null; echo =$?`).join(
      '\n',
    );
    const answers = runScript(script).output.split('=0\n');
    expect(answers.pop()).toBe('');
    expect(answers.length).toBe(USER_PROGRAMS.length);
    for (const [index, { name, summary }] of USER_PROGRAMS.entries()) {
      expect(answers[index]).toContain(`usage: ${name}`);
      expect(answers[index]).toContain(summary);
    }
  });

  it('names what it cannot find, with status 1 or 2, and goes on', () => {
    const { output } = runScript(`for program in cat ls wc sort rm rmdir mv cp ln; do
$program gone x 2>&1 | head -n 1; done; head gone; tail gone; df gone 2>&1 | tail -n 1; grep x gone; echo $?; dd if=gone; echo $?; kill 77; mount -t x /tmp`);
    const lines = output.split('\n');
    const missing = [
      'cat',
      'ls',
      'wc',
      'sort',
      'rm',
      'rmdir',
      'mv',
      'cp',
      'ln',
      'head',
      'tail',
      'df',
    ];
    const subjects: Record<string, string> = { mv: 'gone to x', ln: 'x to gone' };
    expect(lines).toEqual([
      ...missing.map((name) => `${name}: ${subjects[name] ?? 'gone'}: No such file or directory`),
      'grep: gone: No such file or directory',
      '2',
      'dd: gone: No such file or directory',
      '1',
      'kill: 77: No such process',
      'mount: x on /tmp: No such device',
      '',
    ]);
  });

  it('refuses options that it does not have, with status 2', () => {
    expect(runScript('ls -z; echo $?; head -n x f; sleep soon; nice -n').output).toBe(
      [
        "ls: unknown option -- 'z'",
        "Try 'ls --help'.",
        '2',
        "head: count is 'x'; allowed: a whole number 0..1000000000",
        "Try 'head --help'.",
        "sleep: time is 'soon'; allowed: seconds from 0 to 1000000, as 0.5",
        "Try 'sleep --help'.",
        'nice: option -n needs a value',
        "Try 'nice --help'.",
        '',
      ].join('\n'),
    );
  });
});

describe('files', () => {
  it('copies trees, moves between file systems, links and removes', () => {
    const { output } = runScript(`mkdir -p a/b; echo one > a/b/f; cp -r a c; cat c/b/f
cp a d; mv c/b/f /tmp; ls c/b; cat /tmp/f; ln -s a/b/f s; cat s; ln a/b/f h; wc -c h s; rm a; rm -r a c; cat s; cat h`);
    expect(output).toBe(`one
cp: a: Is a directory
one
one
      4 h
      4 s
      8 total
rm: a: Is a directory
cat: s: No such file or directory
one
`);
  });

  it('sorts, counts and searches', () => {
    const { output } =
      runScript(`for i in 10 9 2 9; do echo $i; done > n; sort n | head -n 1; sort -nru n
grep -n 9 n; grep -vc 9 n; wc -lw n; tail -1 n`);
    expect(output).toBe('10\n10\n9\n2\n2:9\n4:9\n2\n      4       4 n\n9\n');
  });

  it('stamps files with the wall clock of the machine', () => {
    expect(runScript('touch f; ls -l f').output).toBe('-rw-r--r--  1 0 2026-01-01 00:00 f\n');
  });
});

describe('what programs see of the kernel', () => {
  it('sched latency shows the kernel’s own figures', () => {
    const { kernel, output } = runScript('stress -c 2 -i 1 -t 0.1; perf sched latency', {
      cpus: 2,
    });
    const { ended } = kernel.parts.tasks;
    const toMs = (cycles: number): number => (cycles / kernel.parts.machine.frequencyHz) * 1e3;
    const workers = ended.filter(({ name }) => name.startsWith('stress-'));
    expect(workers.length).toBe(3);
    for (const { cycles, name, queueCyclesMax, switches, task, time } of workers) {
      const row = output.split('\n').find((line) => line.startsWith(`${name}:${task} `)) ?? '';
      const cells = row.trim().split(/\s+/).slice(1).map(Number);
      const expected = [toMs(cycles), switches, toMs(time[6]) / switches, toMs(queueCyclesMax)];
      for (const [column, value] of expected.entries()) {
        expect(Math.abs(cells[column] - value)).toBeLessThan(0.0011);
      }
      expect(queueCyclesMax).toBeGreaterThan(0);
    }
  });

  it('CFS wakes an interactive task sooner than MLFQ, whose boost lets the others in front', () => {
    const waits = ['mlfq', 'cfs'].map((scheduler) => {
      const { output } = runScript(
        'stress -c 4 -i 1 -t 0.3; perf sched latency stress-interactive',
        {
          scheduler,
        },
      );
      return Number(/stress-interactive:\d+ +\S+ +\S+ +(\S+)/.exec(output)?.[1]);
    });
    expect(waits[1]).toBeLessThan(waits[0]);
  });

  it('top and vmstat show new figures each time', () => {
    const { output } = runScript('stress -c 1 -t 0.4 & top -n 3 -d 0.1; vmstat 0.1 3; wait');
    expect(output.match(/^top - up/gm)?.length).toBe(3);
    const shares = [...output.matchAll(/(\S+) +\S+ stress-cpu/g)].map(([, share]) => Number(share));
    expect(shares.slice(-2).every((share) => share > 90)).toBe(true);
    const rows = output.slice(output.indexOf('    flt')).trim().split('\n').slice(1);
    expect(rows.length).toBe(3);
  });

  it('kill reaches groups, time tells the machine’s time, nice takes less', () => {
    const { output } = runScript(
      `time sleep 0.25; nice -n 7 stress -c 1 -t 0.05 & ps | grep stress | head -n 1 ; wait`,
    );
    expect(output).toMatch(/^real 0\.25\d+\nuser 0\.0\d+\nsys {2}0\.0\d+\n/);
  });

  it('an endless writer ends with its reader; the tables of tasks and files stay whole', () => {
    const { kernel } = runScript(
      'cat /dev/zero | head -n 0; (sleep 5 &) ; echo x > f; rm f; poweroff -f',
    );
    expect(kernel.parts.tasks.liveCount).toBeLessThan(6);
    kernel.parts.tasks.checkInvariants();
    kernel.parts.vfs.checkInvariants();
  });
});
