/** Which errno each call answers, in the manner of pjdfstest: tables, run on every file system. */
import {
  EBUSY,
  EEXIST,
  EFAULT,
  EFBIG,
  EINVAL,
  EISDIR,
  ELOOP,
  ENAMETOOLONG,
  ENODEV,
  ENOENT,
  ENOTDIR,
  ENOTEMPTY,
  EPERM,
  EXDEV,
} from '@hotpath/hw-x86';
import { describe, expect, it } from 'vitest';
import { ext2Root } from '../../src/ext2/index.js';
import {
  boot,
  type Call,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_RDONLY,
  O_RDWR,
  O_TRUNC,
  O_WRONLY,
  type Program,
  S_IFIFO,
  S_IFREG,
  SYS_OPEN,
  type SystemCalls,
} from '../../src/index.js';
import { runOne } from './run-one.js';

type Row = readonly [name: string, call: (sys: SystemCalls) => Call, answer: number | 'ok'];

/** A file f, a directory d with d/f, an empty directory e, links to both, a dangling one, a loop. */
function* plant(sys: SystemCalls, at: string): Program {
  yield* sys.chdir(at);
  for (const directory of ['d', 'e', 'd/sub']) yield* sys.mkdir(directory);
  for (const file of ['f', 'd/f']) yield* sys.close(yield* sys.open(file, O_CREAT | O_WRONLY));
  yield* sys.symlink('f', 'to-f');
  yield* sys.symlink('d', 'to-d');
  yield* sys.symlink('nowhere', 'dangling');
  yield* sys.symlink('loop', 'loop');
}

const LONG = 'x'.repeat(256);
const DEEP = 'd/../'.repeat(900);

const OPEN: Row[] = [
  ['a file that is not there', (s) => s.open('absent'), ENOENT],
  ['an empty path', (s) => s.open(''), ENOENT],
  ['below a file', (s) => s.open('f/x'), ENOTDIR],
  ['a file with a slash behind it', (s) => s.open('f/'), ENOTDIR],
  ['below what is not there', (s) => s.open('absent/x', O_CREAT | O_RDWR), ENOENT],
  ['a name of 256 bytes', (s) => s.open(LONG), ENAMETOOLONG],
  ['a path of 4,500 bytes', (s) => s.open(`${DEEP}f`), ENAMETOOLONG],
  ['a loop of links', (s) => s.open('loop'), ELOOP],
  ['a link, not to be followed', (s) => s.open('to-f', O_NOFOLLOW), ELOOP],
  ['a dangling link', (s) => s.open('dangling'), ENOENT],
  ['what exists, exclusively', (s) => s.open('f', O_CREAT | O_EXCL | O_RDWR), EEXIST],
  ['a dangling link, exclusively', (s) => s.open('dangling', O_CREAT | O_EXCL), EEXIST],
  ['a directory to write', (s) => s.open('d', O_WRONLY), EISDIR],
  ['a directory to create', (s) => s.open('d', O_CREAT), EISDIR],
  ['a new name with a slash', (s) => s.open('new/', O_CREAT | O_RDWR), EISDIR],
  ['a file as a directory', (s) => s.open('f', O_DIRECTORY), ENOTDIR],
  ['a bad access mode', (s) => s.open('f', 3), EINVAL],
  ['a path that is not mapped', (s) => s.raw(SYS_OPEN, 4096, 0, 0), EFAULT],
  ['a path in the kernel', (s) => s.raw(SYS_OPEN, -(2 ** 47), 0, 0), EFAULT],
  ['through a link to a directory', (s) => s.open('to-d/f'), 'ok'],
  ['a directory by dots', (s) => s.open('d/.././d//.', O_RDONLY | O_DIRECTORY), 'ok'],
  ['through a dangling link, to create', (s) => s.open('dangling', O_CREAT | O_RDWR), 'ok'],
];

const MKDIR: Row[] = [
  ['over a file', (s) => s.mkdir('f'), EEXIST],
  ['over a directory', (s) => s.mkdir('d'), EEXIST],
  ['over a dangling link', (s) => s.mkdir('dangling'), EEXIST],
  ['the dot', (s) => s.mkdir('.'), EEXIST],
  ['the root', (s) => s.mkdir('/'), EEXIST],
  ['below a file', (s) => s.mkdir('f/x'), ENOTDIR],
  ['below nothing', (s) => s.mkdir('absent/x'), ENOENT],
  ['a long name', (s) => s.mkdir(LONG), ENAMETOOLONG],
  ['in a loop', (s) => s.mkdir('loop/x'), ELOOP],
  ['with a slash behind it', (s) => s.mkdir('new/'), 'ok'],
];

const RMDIR: Row[] = [
  ['a file', (s) => s.rmdir('f'), ENOTDIR],
  ['a link to a directory', (s) => s.rmdir('to-d'), ENOTDIR],
  ['nothing', (s) => s.rmdir('absent'), ENOENT],
  ['a full directory', (s) => s.rmdir('d'), ENOTEMPTY],
  ['the dot', (s) => s.rmdir('e/.'), EINVAL],
  ['the dots', (s) => s.rmdir('e/..'), ENOTEMPTY],
  ['the root', (s) => s.rmdir('/'), EBUSY],
  ['a mount point', (s) => s.rmdir('/tmp'), EBUSY],
  ['below a file', (s) => s.rmdir('f/x'), ENOTDIR],
  ['a long name', (s) => s.rmdir(LONG), ENAMETOOLONG],
  ['an empty directory', (s) => s.rmdir('e/'), 'ok'],
];

const UNLINK: Row[] = [
  ['a directory', (s) => s.unlink('d'), EISDIR],
  ['nothing', (s) => s.unlink('absent'), ENOENT],
  ['a file with a slash', (s) => s.unlink('f/'), ENOTDIR],
  ['below a file', (s) => s.unlink('f/x'), ENOTDIR],
  ['the dot', (s) => s.unlink('.'), EISDIR],
  ['a long name', (s) => s.unlink(LONG), ENAMETOOLONG],
  ['a loop, itself', (s) => s.unlink('loop'), 'ok'],
  ['below a loop', (s) => s.unlink('loop/x'), ELOOP],
  ['a dangling link', (s) => s.unlink('dangling'), 'ok'],
];

const LINK: Row[] = [
  ['to what exists', (s) => s.link('f', 'd/f'), EEXIST],
  ['a directory', (s) => s.link('d', 'new'), EPERM],
  ['nothing', (s) => s.link('absent', 'new'), ENOENT],
  ['into nothing', (s) => s.link('f', 'absent/new'), ENOENT],
  ['below a file', (s) => s.link('f', 'f/new'), ENOTDIR],
  ['to a name with a slash', (s) => s.link('f', 'new/'), ENOENT],
  ['across file systems', (s) => s.link('f', '/dev/new'), EXDEV],
  ['to a long name', (s) => s.link('f', LONG), ENAMETOOLONG],
  ['a link itself', (s) => s.link('to-f', 'new'), 'ok'],
];

const SYMLINK: Row[] = [
  ['over a file', (s) => s.symlink('f', 'd/f'), EEXIST],
  ['to an empty target', (s) => s.symlink('', 'new'), ENOENT],
  ['below a file', (s) => s.symlink('x', 'f/new'), ENOTDIR],
  ['with a slash', (s) => s.symlink('x', 'new/'), ENOENT],
  ['a long name', (s) => s.symlink('x', LONG), ENAMETOOLONG],
  ['a target of 4,096 bytes', (s) => s.symlink('x'.repeat(4096), 'new'), ENAMETOOLONG],
  ['a target of 4,095 bytes', (s) => s.symlink('x'.repeat(4095), 'new'), 'ok'],
];

const RENAME: Row[] = [
  ['nothing', (s) => s.rename('absent', 'new'), ENOENT],
  ['into nothing', (s) => s.rename('f', 'absent/new'), ENOENT],
  ['below itself', (s) => s.rename('d', 'd/sub/new'), EINVAL],
  ['onto its own child', (s) => s.rename('d', 'd/sub'), EINVAL],
  ['onto its parent', (s) => s.rename('d/sub', 'd'), ENOTEMPTY],
  ['a directory onto a file', (s) => s.rename('d', 'f'), ENOTDIR],
  ['a file onto a directory', (s) => s.rename('f', 'e'), EISDIR],
  ['a directory onto a full one', (s) => s.rename('e', 'd'), ENOTEMPTY],
  ['the dot', (s) => s.rename('.', 'new'), EBUSY],
  ['to the dots', (s) => s.rename('f', 'd/..'), EBUSY],
  ['across file systems', (s) => s.rename('f', '/dev/new'), EXDEV],
  ['a mount point', (s) => s.rename('/tmp', '/new'), EBUSY],
  ['a file to a name with a slash', (s) => s.rename('f', 'new/'), ENOTDIR],
  ['below a file', (s) => s.rename('d', 'f/new'), ENOTDIR],
  ['to a long name', (s) => s.rename('f', LONG), ENAMETOOLONG],
  ['to itself', (s) => s.rename('f', 'f'), 'ok'],
  ['a directory onto an empty one', (s) => s.rename('d', 'e/'), 'ok'],
  ['a file over a file', (s) => s.rename('f', 'd/f'), 'ok'],
];

const TRUNCATE: Row[] = [
  ['nothing', (s) => s.truncate('absent', 0), ENOENT],
  ['a directory', (s) => s.truncate('d', 0), EISDIR],
  ['below a file', (s) => s.truncate('f/x', 0), ENOTDIR],
  ['to less than nothing', (s) => s.truncate('f', -1), EINVAL],
  ['to a fraction', (s) => s.truncate('f', 0.5), EINVAL],
  ['to more than a file holds', (s) => s.truncate('f', 2 ** 45), EFBIG],
  ['a loop', (s) => s.truncate('loop', 0), ELOOP],
  ['a long name', (s) => s.truncate(LONG, 0), ENAMETOOLONG],
  ['through a link', (s) => s.truncate('to-f', 100), 'ok'],
];

const OTHERS: Row[] = [
  ['stat of nothing', (s) => s.stat('absent'), ENOENT],
  ['stat of a dangling link', (s) => s.stat('dangling'), ENOENT],
  ['lstat of a dangling link', (s) => s.lstat('dangling'), 'ok'],
  ['stat into a bad buffer', (s) => s.stat('f', -4096), EFAULT],
  ['readlink of a file', (s) => s.readlink('f'), EINVAL],
  ['chdir to a file', (s) => s.chdir('f'), ENOTDIR],
  ['chdir to nothing', (s) => s.chdir('absent'), ENOENT],
  ['mknod over a file', (s) => s.mknod('f', S_IFREG), EEXIST],
  ['mknod of a FIFO', (s) => s.mknod('fifo', S_IFIFO | 0o600), 'ok'],
  ['chmod of nothing', (s) => s.chmod('absent', 0), ENOENT],
  ['access with bad bits', (s) => s.access('f', 64), EINVAL],
  ['mount of an unknown type', (s) => s.mount('e', 'zfs'), ENODEV],
  ['mount over a file', (s) => s.mount('f', 'tmpfs'), ENOTDIR],
  ['umount of what is not mounted', (s) => s.umount('e'), EINVAL],
  ['umount of what is in use', (s) => s.umount('/tmp'), EBUSY],
  ['truncation of a link to a directory', (s) => s.open('to-d', O_TRUNC | O_RDWR), EISDIR],
];

const TABLES = { OPEN, MKDIR, RMDIR, UNLINK, LINK, SYMLINK, RENAME, TRUNCATE, OTHERS };

describe.each(Object.entries(TABLES))('%s on tmpfs', (_table, rows) => {
  it('answers each case with its errno', () => {
    const answers: Record<string, number | 'ok'> = {};
    const kernel = boot({ memoryBytes: 2 ** 26 });
    runOne(kernel, function* (sys) {
      for (const [name, call] of rows) {
        // Each case has a tree of its own, so that none sees what another has changed.
        yield* sys.chdir('/');
        yield* sys.umount('/tmp');
        yield* sys.mount('/tmp', 'tmpfs');
        yield* plant(sys, '/tmp');
        const answer = yield* call(sys);
        answers[name] = answer >= 0 ? 'ok' : answer;
        if (answer >= 0 && name.length > 0) for (let fd = 0; fd < 3; fd++) yield* sys.close(fd);
      }
    });
    expect(answers).toEqual(Object.fromEntries(rows.map(([name, , answer]) => [name, answer])));
  });
});

describe.each(Object.entries(TABLES).filter(([table]) => table !== 'OTHERS'))(
  '%s on ext3 as root',
  (_table, rows) => {
    it('answers each case with the same errno', () => {
      const answers: Record<string, number | 'ok'> = {};
      const root = ext2Root({ type: 'ext3' });
      const kernel = boot({ memoryBytes: 2 ** 26, diskBytes: 2 ** 24, root });
      runOne(kernel, function* (sys) {
        for (const [at, [name, call]] of rows.entries()) {
          expect(yield* sys.mkdir(`/case-${at}`)).toBe(0);
          yield* plant(sys, `/case-${at}`);
          const answer = yield* call(sys);
          answers[name] = answer >= 0 ? 'ok' : answer;
          for (let fd = 0; fd < 3; fd++) yield* sys.close(fd);
        }
        yield* sys.sync();
      });
      expect(answers).toEqual(Object.fromEntries(rows.map(([name, , answer]) => [name, answer])));
    });
  },
);

describe('the extent layer', () => {
  it('answers EPERM to what its format has no place for, and renames over what is there', () => {
    const kernel = boot({ memoryBytes: 2 ** 26 });
    runOne(kernel, function* (sys) {
      const fd = yield* sys.open('/a', O_CREAT | O_RDWR);
      yield* sys.open('/b', O_CREAT | O_RDWR);
      expect(yield* sys.mkdir('/d')).toBe(EPERM);
      expect(yield* sys.symlink('a', '/l')).toBe(EPERM);
      expect(yield* sys.link('/a', '/l')).toBe(EPERM);
      expect(yield* sys.mknod('/fifo', S_IFIFO)).toBe(EPERM);
      expect(yield* sys.chmod('/a', 0o600)).toBe(EPERM);
      expect(yield* sys.open(`/${'x'.repeat(53)}`, O_CREAT)).toBe(ENAMETOOLONG);
      expect(yield* sys.rename('/a', '/b')).toBe(0);
      expect(yield* sys.stat('/a')).toBe(ENOENT);
      expect(yield* sys.fstat(fd)).toBe(0);
      const { inode } = sys.status;
      expect(yield* sys.stat('/b')).toBe(0);
      expect(sys.status.inode).toBe(inode);
      expect(yield* sys.unlink('/b')).toBe(0);
      expect(yield* sys.fstat(fd)).toBe(0);
      expect(sys.status.links).toBe(0);
    });
  });
});
