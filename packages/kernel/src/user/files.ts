/** Paths and statuses of files, as programs speak of them. */
import { isErrno } from '@hotpath/hw-x86';
import { S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFSOCK } from '../vfs/modes.js';
import type { Process, Step } from './process.js';

/** The last name of a path: `a/b/` has `b`. */
export function baseName(path: string): string {
  const trimmed = path.replace(/\/+$/, '');
  return trimmed === '' ? '/' : trimmed.slice(trimmed.lastIndexOf('/') + 1);
}

/** A name within a directory. */
export function joinPath(directory: string, name: string): string {
  return directory.endsWith('/') ? directory + name : `${directory}/${name}`;
}

/** Mode of what a path leads to, or an errno. */
export function* modeOf(process: Process, path: string, followLink = true): Step<number> {
  const { sys } = process;
  const status = followLink ? yield* sys.stat(path) : yield* sys.lstat(path);
  return isErrno(status) ? status : sys.status.mode;
}

/** True if the path leads to a directory. */
export function* leadsToDirectory(process: Process, path: string): Step<boolean> {
  const mode = yield* modeOf(process, path);
  return !isErrno(mode) && (mode & S_IFMT) === S_IFDIR;
}

const LETTERS: ReadonlyMap<number, string> = new Map([
  [S_IFDIR, 'd'],
  [S_IFLNK, 'l'],
  [S_IFCHR, 'c'],
  [S_IFBLK, 'b'],
  [S_IFIFO, 'p'],
  [S_IFSOCK, 's'],
]);

/** `drwxr-xr-x`. */
export function modeText(mode: number): string {
  let text = LETTERS.get(mode & S_IFMT) ?? '-';
  for (let shift = 6; shift >= 0; shift -= 3) {
    const bits = (mode >> shift) & 7;
    text += `${bits & 4 ? 'r' : '-'}${bits & 2 ? 'w' : '-'}${bits & 1 ? 'x' : '-'}`;
  }
  return text;
}

/** `2026-01-01 00:00` of nanoseconds since 1970, in UTC. */
export function timeText(nanoseconds: number): string {
  const seconds = Math.floor(nanoseconds / 1e9);
  const [year, month, day] = civilDate(Math.floor(seconds / 86_400));
  const minutes = Math.floor((seconds % 86_400) / 60);
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${year}-${two(month)}-${two(day)} ${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}

/** Year, month, day of a day since 1970 (Howard Hinnant, "chrono-compatible low-level date algorithms"). */
function civilDate(days: number): [number, number, number] {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  );
  const dayOfYear =
    dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1;
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  return [yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day];
}
