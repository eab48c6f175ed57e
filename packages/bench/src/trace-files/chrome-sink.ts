import type { FileSink } from '@hotpath/pmc-trace/node';
import type { EventSink, Values } from './event-sink.js';

const FLUSH_CHARACTERS = 1 << 18;
const encoder = new TextEncoder();

/** Writes trace-event JSON: an object with `traceEvents`, one event a line. Times in microseconds. */
export class ChromeSink implements EventSink {
  private text = '{"displayTimeUnit":"ns","traceEvents":[\n';
  private isFirst = true;
  private readonly file: FileSink;

  constructor(file: FileSink) {
    this.file = file;
  }

  track(number: number, name: string): void {
    this.put({ name: 'thread_name', ph: 'M', pid: 1, tid: number, args: { name } });
  }

  begin(track: number, time: number, name: string, args: Values): void {
    this.put({ name, ph: 'B', pid: 1, tid: track, ts: time / 1000, args });
  }

  end(track: number, time: number): void {
    this.put({ ph: 'E', pid: 1, tid: track, ts: time / 1000 });
  }

  instant(track: number, time: number, name: string, args: Values): void {
    this.put({ name, ph: 'i', s: 't', pid: 1, tid: track, ts: time / 1000, args });
  }

  counter(track: number, time: number, name: string, value: number): void {
    this.put({ name, ph: 'C', pid: 1, tid: track, ts: time / 1000, args: { value } });
  }

  flow(
    track: number,
    time: number,
    name: string,
    id: string,
    part: 'begin' | 'step' | 'end',
  ): void {
    const ph = { begin: 's', step: 't', end: 'f' }[part];
    this.put({ name, cat: 'flow', ph, id, bp: 'e', pid: 1, tid: track, ts: time / 1000 });
  }

  lost(track: number, time: number, count: number): void {
    const event = { name: 'events lost', cat: 'hotpath', ph: 'i', s: 't' };
    this.put({ ...event, pid: 1, tid: track, ts: time / 1000, args: { count } });
  }

  finish(): void {
    this.text += '\n]}\n';
    this.flush();
    this.file.close();
  }

  private put(event: Readonly<Record<string, unknown>>): void {
    this.text += `${this.isFirst ? '' : ',\n'}${JSON.stringify(event)}`;
    this.isFirst = false;
    if (this.text.length >= FLUSH_CHARACTERS) this.flush();
  }

  private flush(): void {
    this.file.write(encoder.encode(this.text));
    this.text = '';
  }
}
