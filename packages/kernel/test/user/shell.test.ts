import { describe, expect, it } from 'vitest';
import { runScript } from './support.js';

function output(script: string): string {
  return runScript(script).output;
}

describe('words', () => {
  it('keeps quotes, expands variables in double ones, and splits what stands bare', () => {
    expect(output(`x='a  b'; echo $x; echo "$x" '$x' \\$x "\${x}c" "" | cat`)).toBe(
      'a b\na  b $x $x a  bc \n',
    );
  });

  it('knows $?, $$, $#, comments and lines that go on', () => {
    expect(output('false; echo $?; true # false\necho $? $# \\\nend\necho "two\nlines"')).toBe(
      '1\n0 0 end\ntwo\nlines\n',
    );
  });

  it('takes patterns for names, sorted, and leaves them where nothing matches', () => {
    expect(
      output('mkdir d; cd d; touch b1 a1 a2 .h; echo *; echo a? [!a]*; echo "*" z*; echo ../d/a*'),
    ).toBe('a1 a2 b1\na1 a2 b1\n* z*\n../d/a1 ../d/a2\n');
  });

  it('puts in what commands print', () => {
    expect(output('echo "$(echo a; echo b)" $(echo "c   d"); x=$(false); echo $?')).toBe(
      'a\nb c d\n1\n',
    );
  });
});

describe('commands', () => {
  it('joins with ; && || ! and tells what is missing', () => {
    expect(
      output(
        'true && echo a || echo b; false && echo c || echo d; ! false && echo e; nope; echo $?',
      ),
    ).toBe('a\nd\ne\nsh: nope: command not found\n127\n');
  });

  it('redirects input, output and errors, and adds to files', () => {
    expect(
      output(
        'echo 1 > f; echo 2 >> f; cat < f; cat nofile 2> e; cat e; cat nofile 2>&1 > o | wc -l; wc -c < o',
      ),
    ).toBe('1\n2\ncat: nofile: No such file or directory\n1\n0\n');
  });

  it('pipes more than a pipe holds through three programs', () => {
    expect(output('dd if=/dev/zero bs=64K count=5 2> /dev/null | cat | wc -c')).toBe('327680\n');
  });

  it('ends a writer whose reader has gone', () => {
    expect(output('dd if=/dev/zero bs=64K count=100 2> /dev/null | head -n 0; echo $?')).toBe(
      '0\n',
    );
  });

  it('runs loops and branches, with break and continue', () => {
    expect(
      output(`for i in 1 2 3 4; do
if [ $i = 2 ]; then continue; elif [ $i -ge 4 ]; then break; else echo i $i; fi
done
until [ -e stop ]; do touch stop; done; while false; do echo no; done; echo $?`),
    ).toBe('i 1\ni 3\n0\n');
  });

  it('keeps what a subshell does to itself', () => {
    expect(output('x=1; (x=2; cd /tmp; pwd; exit 3); echo $? $x; pwd')).toBe('/tmp\n3 1\n/\n');
  });

  it('waits for jobs in the background, which do not eat the script', () => {
    expect(output('cat & sleep 0.1 && echo slept & wait; echo waited; jobs')).toBe(
      'slept\nwaited\n',
    );
  });

  it('gives exported variables to programs, and one line its own', () => {
    expect(output('A=1; export B=2; C=3 env | sort; echo "$C" end')).toBe(
      'B=2\nC=3\nHOME=/\n end\n',
    );
  });

  it('says where a line makes no sense, with status 2, and goes on', () => {
    expect(output('echo a; ; echo b\necho $?\necho $'.concat('{x-y}\n) \necho done'))).toBe(
      "sh: syntax error near ';'\n2\nsh: bad substitution \x24{x-y}\nsh: syntax error near ')'\ndone\n",
    );
  });

  it('reads scripts with parameters, and lines into variables', () => {
    expect(
      output(`echo 'echo $# $1; read a b; echo "$b $a"' > s\necho 'x y z' | sh s one two`),
    ).toBe('2 one\ny z x\n');
  });

  it('tells of programs that a signal ended', () => {
    expect(
      output('sleep 9 & kill -9 $!; wait $!; echo $?; sh -c "kill -TERM \\$\\$"; echo $?'),
    ).toBe('Killed\n137\nTerminated\n143\n');
  });
});
