import type { VirtAddr } from '@hotpath/hw-x86';
import type { Call } from '../syscall/call.js';

/** A device that is read and written as a stream of bytes. */
export interface CharacterDevice {
  /** Bytes read, an errno, or BLOCKED; without `waits` EAGAIN instead of a wait. */
  read(call: Call, buffer: VirtAddr, count: number, waits: boolean): number;
  /** Bytes written, an errno, or BLOCKED. */
  write(call: Call, buffer: VirtAddr, count: number): number;
  /** Optional: what poll tells (POLLIN, POLLOUT); default both, always. */
  ready?(): number;
  /** ioctl: a value or an errno. */
  control?(call: Call, request: number, argument: VirtAddr): number;
}

/** Number of a device: major and minor as Linux's Documentation/admin-guide/devices.txt has them. */
export function deviceNumber(major: number, minor: number): number {
  return major * 256 + minor;
}

/** Devices by number. */
export type DeviceTable = Map<number, CharacterDevice>;
