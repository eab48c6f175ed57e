import type { ProtoReader } from '../protobuf/proto-reader.js';
import { LEGACY, TRACK } from './fields.js';

/** Thread of a packet sequence as old writers gave it: a ThreadDescriptor. */
export function threadOf(descriptor: ProtoReader): string {
  let tid = 0;
  while (descriptor.next()) if (descriptor.field === TRACK.tid) tid = descriptor.signed();
  return `thread ${tid}`;
}

/** What old writers put into TrackEvent.LegacyEvent; its phases are those of Chrome JSON. */
export function readLegacy(legacy: ProtoReader): {
  letter: string;
  tid: string;
  duration: number;
  id: string;
} {
  const found = { letter: '', tid: '', duration: 0, id: '' };
  while (legacy.next()) {
    if (legacy.field === LEGACY.phase) found.letter = String.fromCharCode(legacy.signed() & 0x7f);
    else if (legacy.field === LEGACY.tid) found.tid = String(legacy.signed());
    else if (legacy.field === LEGACY.durationUs) found.duration = legacy.signed() * 1000;
    // Unscoped, process-local and global identities.
    else if (legacy.field === LEGACY.unscopedId || legacy.field === 10 || legacy.field === 11) {
      found.id = legacy.identity();
    }
  }
  return found;
}
