import { isErrno } from '@hotpath/hw-x86';
import { O_RDONLY } from '../../syscall/flags.js';
import { parseArguments } from '../arguments.js';
import { type Process, STDIN, type Step, type UserProgram } from '../process.js';
import { filesOrInput } from './lines.js';

/** Lines, words, bytes. */
type Counts = [number, number, number];

function* count(process: Process, fd: number): Step<Counts | number> {
  const counts: Counts = [0, 0, 0];
  let inWord = false;
  for (;;) {
    const bytes = yield* process.readBytes(fd);
    if (bytes === null) return counts;
    if (typeof bytes === 'number') return bytes;
    counts[2] += bytes.length;
    for (const byte of bytes) {
      if (byte === 10) counts[0] += 1;
      const blank = byte === 32 || (byte >= 9 && byte <= 13);
      if (!blank && !inWord) counts[1] += 1;
      inWord = !blank;
    }
  }
}

/** `wc` */
export const wc: UserProgram = {
  name: 'wc',
  summary: 'count lines, words and bytes',
  usage: '[-clw] [FILE...]',
  options: [
    ['-l', 'lines'],
    ['-w', 'words'],
    ['-c', 'bytes'],
  ],
  *main(process, args) {
    const { flags, operands } = parseArguments(args, 'lwc');
    const shown = [...'lwc'].map((letter) => flags.size === 0 || flags.has(letter));
    const alone = shown.filter(Boolean).length === 1 && operands.length < 2;
    const row = (counts: Counts, name: string): string => {
      const cells = counts.filter((_, index) => shown[index]).map(String);
      return `${cells.map((cell) => (alone ? cell : cell.padStart(7))).join(' ')}${name}\n`;
    };
    const total: Counts = [0, 0, 0];
    for (const path of filesOrInput(operands)) {
      const fd = path === '-' ? STDIN : yield* process.sys.open(path, O_RDONLY);
      const counts = isErrno(fd) ? fd : yield* count(process, fd);
      if (fd > STDIN) yield* process.sys.close(fd);
      if (typeof counts === 'number') {
        yield* process.fail(path, counts);
        continue;
      }
      for (let index = 0; index < 3; index++) total[index] += counts[index];
      yield* process.print(row(counts, operands.length === 0 ? '' : ` ${path}`));
    }
    if (operands.length > 1) yield* process.print(row(total, ' total'));
    return 0;
  },
};
