import type { ProtoWriter } from '../protobuf/proto-writer.js';
import type { EventRegistry } from '../tracer/registry.js';
import { PACKET, TRACE, TRACK } from './fields.js';

/** Linux shows task 0 as the idle loop: a kernel that counts from 0 gets this number for it. */
const TASK_ZERO = 4_194_303;
const GROUP_UUID = 1;

/** Thread number of a task in files that follow Linux, where 0 is the idle loop. */
export function threadOfTask(task: number): number {
  if (task < 0) return 0;
  return task === 0 ? TASK_ZERO : task;
}

/**
 * The tracks of a Perfetto trace: one per CPU, task, counter and concurrent asynchronous span, each
 * described before its first event. Tracks of asynchronous spans are used again after the span's end.
 */
export class PerfettoTracks {
  private readonly out: ProtoWriter;
  private readonly cpus: number[] = [];
  private readonly tasks = new Map<number, number>();
  private readonly counters = new Map<string, number>();
  private readonly free = new Map<number, number[]>();
  private readonly open = new Map<number, Map<number, number>>();
  private last = GROUP_UUID;

  constructor(out: ProtoWriter) {
    this.out = out;
  }

  /** Track of a CPU. */
  cpu(registry: EventRegistry, cpu: number): number {
    const known = this.cpus[cpu];
    if (known !== undefined) return known;
    if (this.cpus.length === 0) this.describe(GROUP_UUID, 'CPUs', 0);
    const uuid = this.next();
    this.cpus[cpu] = uuid;
    this.describe(uuid, registry.cpuName(cpu), GROUP_UUID);
    return uuid;
  }

  /** Track of a task: a thread with the task's number, alone in its process. */
  task(registry: EventRegistry, task: number): number {
    const known = this.tasks.get(task);
    if (known !== undefined) return known;
    const uuid = this.next();
    this.tasks.set(task, uuid);
    const out = this.out;
    const packet = out.open(TRACE.packet);
    const track = out.open(PACKET.trackDescriptor);
    out.unsigned(TRACK.uuid, uuid);
    const thread = out.open(TRACK.thread);
    out.unsigned(TRACK.pid, threadOfTask(task));
    out.unsigned(TRACK.tid, threadOfTask(task));
    out.text(TRACK.threadName, registry.taskName(task));
    out.close(thread);
    out.close(track);
    out.close(packet);
    return uuid;
  }

  /** Counter track of a name on a CPU. */
  counter(name: string, cpu: number, several: boolean): number {
    const key = `${cpu}\0${name}`;
    const known = this.counters.get(key);
    if (known !== undefined) return known;
    const uuid = this.next();
    this.counters.set(key, uuid);
    const out = this.out;
    const packet = out.open(TRACE.packet);
    const track = out.open(PACKET.trackDescriptor);
    out.unsigned(TRACK.uuid, uuid);
    out.text(TRACK.name, several ? `${name} (CPU ${cpu})` : name);
    out.close(out.open(TRACK.counter));
    out.close(track);
    out.close(packet);
    return uuid;
  }

  /** Track of an asynchronous span that begins. */
  begin(kind: number, id: number, name: string): number {
    let open = this.open.get(kind);
    if (open === undefined) {
      open = new Map();
      this.open.set(kind, open);
      this.free.set(kind, []);
    }
    let uuid = this.free.get(kind)!.pop();
    if (uuid === undefined) {
      uuid = this.next();
      this.describe(uuid, name, 0);
    }
    open.set(id, uuid);
    return uuid;
  }

  /** Track of an asynchronous span that is open, or 0. */
  find(kind: number, id: number): number {
    return this.open.get(kind)?.get(id) ?? 0;
  }

  /** Track of an asynchronous span that ends now; free for the next one. */
  end(kind: number, id: number): number {
    const uuid = this.find(kind, id);
    if (uuid === 0) return 0;
    this.open.get(kind)!.delete(id);
    this.free.get(kind)!.push(uuid);
    return uuid;
  }

  private next(): number {
    this.last += 1;
    return this.last;
  }

  private describe(uuid: number, name: string, parent: number): void {
    const out = this.out;
    const packet = out.open(TRACE.packet);
    const track = out.open(PACKET.trackDescriptor);
    out.unsigned(TRACK.uuid, uuid);
    if (parent !== 0) out.unsigned(TRACK.parent, parent);
    out.text(TRACK.name, name);
    out.close(track);
    out.close(packet);
  }
}
