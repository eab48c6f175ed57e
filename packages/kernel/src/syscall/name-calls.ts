/** Calls that change names: mkdir, rmdir, mknod, link, symlink, unlink, rename, mount, umount. */
import { EINVAL, ENODEV, EPERM, OK } from '@hotpath/hw-x86';
import type { FileSystem } from '../vfs/file-system.js';
import { isDirectory, MODE_BITS, S_IFMT, S_IFREG } from '../vfs/modes.js';
import { FOLLOW_ALWAYS, FOLLOW_NEVER } from '../vfs/path-walk.js';
import type { Vfs } from '../vfs/vfs.js';
import type { Call } from './call.js';
import type { Handler } from './entry.js';
import {
  SYS_LINK,
  SYS_MKDIR,
  SYS_MKNOD,
  SYS_MOUNT,
  SYS_RENAME,
  SYS_RMDIR,
  SYS_SYMLINK,
  SYS_UMOUNT,
  SYS_UNLINK,
} from './numbers.js';
import type { PathArguments } from './path-arguments.js';

/** What these calls work on. */
export interface NameCallPorts {
  readonly vfs: Vfs;
  readonly paths: PathArguments;
  /** A fresh file system of a type that needs no disk, or null for an unknown type. */
  createFileSystem(type: string): FileSystem | null;
}

/** Puts the handlers into the table. */
export function installNameCalls(table: (Handler | undefined)[], ports: NameCallPorts): void {
  const { paths, vfs } = ports;
  const { names, operations, renames } = vfs;

  table[SYS_MKDIR] = (call) => {
    if (call.stage === 1) return operations.resume(call);
    const status = paths.begin(call, call.a, 0, FOLLOW_NEVER);
    if (status !== OK) return status;
    const mode = call.b & MODE_BITS & ~vfs.umask[vfs.leader[call.task]];
    call.stage = 1;
    const walk = paths.walkOf(call, 0);
    return operations.start(call, names.mkdir(operations.waitOf(call.task), walk, mode));
  };

  table[SYS_MKNOD] = (call) => {
    if (call.stage === 1) return operations.resume(call);
    const type = (call.b & S_IFMT) === 0 ? S_IFREG : call.b & S_IFMT;
    if (isDirectory(type)) return EPERM;
    const status = paths.begin(call, call.a, 0, FOLLOW_NEVER);
    if (status !== OK) return status;
    const mode = type | (call.b & MODE_BITS & ~vfs.umask[vfs.leader[call.task]]);
    call.stage = 1;
    const walk = paths.walkOf(call, 0);
    return operations.start(call, names.create(operations.waitOf(call.task), walk, mode, call.c));
  };

  table[SYS_UNLINK] = (call) => {
    if (call.stage === 1) return operations.resume(call);
    const status = paths.begin(call, call.a, 0, FOLLOW_NEVER);
    if (status !== OK) return status;
    call.stage = 1;
    const walk = paths.walkOf(call, 0);
    return operations.start(call, names.unlink(operations.waitOf(call.task), walk));
  };

  table[SYS_RMDIR] = (call) => {
    if (call.stage === 1) return operations.resume(call);
    const status = paths.begin(call, call.a, 0, FOLLOW_NEVER);
    if (status !== OK) return status;
    call.stage = 1;
    const walk = paths.walkOf(call, 0);
    return operations.start(call, names.rmdir(operations.waitOf(call.task), walk));
  };

  table[SYS_LINK] = (call) => {
    if (call.stage === 1) return operations.resume(call);
    const status = beginTwo(call, paths);
    if (status !== OK) return status;
    const wait = operations.waitOf(call.task);
    return operations.start(call, names.link(wait, paths.walkOf(call, 0), paths.walkOf(call, 1)));
  };

  table[SYS_RENAME] = (call) => {
    if (call.stage === 1) return operations.resume(call);
    const status = beginTwo(call, paths);
    if (status !== OK) return status;
    const wait = operations.waitOf(call.task);
    return operations.start(
      call,
      renames.rename(wait, paths.walkOf(call, 0), paths.walkOf(call, 1)),
    );
  };

  table[SYS_SYMLINK] = (call) => {
    if (call.stage === 1) return operations.resume(call);
    let status = paths.text(call, call.a, 1);
    if (status === OK) status = paths.begin(call, call.b, 0, FOLLOW_NEVER);
    if (status !== OK) return status;
    const target = paths.textOf(call, 1);
    call.stage = 1;
    const wait = operations.waitOf(call.task);
    return operations.start(call, names.symlink(wait, paths.walkOf(call, 0), target));
  };

  table[SYS_MOUNT] = (call) => {
    if (call.stage === 1) return operations.resume(call);
    let status = paths.text(call, call.c, 1);
    if (status === OK) status = paths.begin(call, call.b, 0, FOLLOW_ALWAYS);
    if (status !== OK) return status;
    const type = paths.textOf(call, 1);
    const fileSystem = ports.createFileSystem(type);
    if (fileSystem === null) return ENODEV;
    call.stage = 1;
    const wait = operations.waitOf(call.task);
    return operations.start(call, vfs.mount(wait, paths.walkOf(call, 0), fileSystem, type));
  };

  table[SYS_UMOUNT] = (call) => {
    if (call.stage === 1) return operations.resume(call);
    if (call.b !== 0) return EINVAL;
    const status = paths.begin(call, call.a, 0, FOLLOW_ALWAYS);
    if (status !== OK) return status;
    call.stage = 1;
    const wait = operations.waitOf(call.task);
    return operations.start(call, vfs.unmount(wait, paths.walkOf(call, 0)));
  };
}

/** Both paths of link and rename, at the end of which no symbolic link is followed. */
function beginTwo(call: Call, paths: PathArguments): number {
  const first = paths.begin(call, call.a, 0, FOLLOW_NEVER);
  if (first !== OK) return first;
  const second = paths.begin(call, call.b, 1, FOLLOW_NEVER);
  if (second === OK) call.stage = 1;
  return second;
}
