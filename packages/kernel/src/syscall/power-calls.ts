/** The call that ends everything. */
import { EINVAL, isErrno } from '@hotpath/hw-x86';
import type { Operation, Wait } from '../vfs/file-system.js';
import type { Vfs } from '../vfs/vfs.js';
import type { Handler } from './entry.js';
import { SYS_REBOOT } from './numbers.js';

/** What reboot(2) must be given, so that no wild call switches the machine off. */
export const REBOOT_MAGIC1 = 0xfee1dead;
export const REBOOT_MAGIC2 = 672_274_793;
export const REBOOT_POWER_OFF = 0x4321fedc;

/** What it works on. */
export interface PowerCallPorts {
  readonly vfs: Vfs;
  powerOff(): void;
}

/** Everything on the medium, the root clean, then off; on an errno the machine stays on. */
function* shutDown(wait: Wait, ports: PowerCallPorts): Operation {
  const { vfs } = ports;
  // Inodes without names give up their blocks first, or they would be orphans of the next mount.
  yield* vfs.dropCaches(wait);
  const synced = yield* vfs.sync(wait);
  if (isErrno(synced)) return synced;
  const status = yield* vfs.unmountRoot(wait);
  if (!isErrno(status)) ports.powerOff();
  return status;
}

/** Puts the handler into the table. */
export function installPowerCalls(table: (Handler | undefined)[], ports: PowerCallPorts): void {
  const { operations } = ports.vfs;
  table[SYS_REBOOT] = (call) => {
    if (call.stage === 1) return operations.resume(call);
    const meant = call.a === REBOOT_MAGIC1 && call.b === REBOOT_MAGIC2;
    if (!meant || call.c !== REBOOT_POWER_OFF) return EINVAL;
    call.stage = 1;
    return operations.start(call, shutDown(operations.waitOf(call.task), ports));
  };
}
