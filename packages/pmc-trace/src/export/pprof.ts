import { ROOT } from '../profile/call-tree.js';
import { LOST_NAME, type Profile, weightNanoseconds } from '../profile/profile.js';
import { ProtoWriter } from '../protobuf/proto-writer.js';
import type { ByteSink } from './byte-writer.js';

/** Field numbers of github.com/google/pprof, proto/profile.proto. */
const PROFILE = {
  sampleType: 1,
  sample: 2,
  location: 4,
  function: 5,
  string: 6,
  timeNanos: 9,
  duration: 10,
  periodType: 11,
  period: 12,
  comment: 13,
  defaultType: 14,
} as const;
const VALUE_TYPE = { type: 1, unit: 2 } as const;
const SAMPLE = { location: 1, value: 2 } as const;
const LOCATION = { id: 1, line: 4 } as const;
const LINE = { function: 1, line: 2 } as const;
// Field 3, the system's name, stays empty: where it equals the name, pprof takes the name for C++
// and cuts what looks like a template argument out of it.
const FUNCTION = { id: 1, name: 2, file: 4, startLine: 5 } as const;

/** The string table; text 0 is the empty one. */
class Strings {
  readonly list: string[] = [''];
  private readonly numbers = new Map<string, number>([['', 0]]);

  number(text: string): number {
    const known = this.numbers.get(text);
    if (known !== undefined) return known;
    this.numbers.set(text, this.list.length);
    return this.list.push(text) - 1;
  }
}

/**
 * Writes a profile for `go tool pprof` and everything that reads its format: samples and nanoseconds
 * per stack. Not compressed, which the tool accepts; pipe it through gzip for others. Loss is a
 * function `[lost]` and a comment.
 *
 * @param epochNanoseconds - when the profile began, for display; default unknown
 */
export function writePprof(profile: Profile, sink: ByteSink, epochNanoseconds = 0n): void {
  const out = new ProtoWriter(sink);
  const strings = new Strings();
  const { tree } = profile;
  const count = profile.kind === 'samples' ? 'samples' : 'ticks';
  const valueType = (field: number, type: string, unit: string): void => {
    const message = out.open(field);
    out.unsigned(VALUE_TYPE.type, strings.number(type));
    out.unsigned(VALUE_TYPE.unit, strings.number(unit));
    out.close(message);
  };
  valueType(PROFILE.sampleType, count, 'count');
  valueType(PROFILE.sampleType, 'cpu', 'nanoseconds');
  const lost = tree.functionCount;
  const outside = tree.functionCount + 1;
  const sample = (stack: readonly number[], weight: number): void => {
    if (weight === 0) return;
    const message = out.open(PROFILE.sample);
    // The leaf comes first.
    for (let index = stack.length - 1; index >= 0; index -= 1) {
      out.unsigned(SAMPLE.location, stack[index] + 1);
    }
    out.unsigned(SAMPLE.value, Math.round(weight));
    out.unsigned(SAMPLE.value, weightNanoseconds(profile, weight));
    out.close(message);
  };
  for (let node = 1; node < tree.nodeCount; node += 1) sample(tree.stack(node), tree.self(node));
  sample([outside], tree.self(ROOT));
  sample([lost], profile.lost);
  const describe = (number: number, name: string, file: string, line: number): void => {
    const location = out.open(PROFILE.location);
    out.unsigned(LOCATION.id, number + 1);
    const place = out.open(LOCATION.line);
    out.unsigned(LINE.function, number + 1);
    if (line > 0) out.unsigned(LINE.line, line);
    out.close(place);
    out.close(location);
    const message = out.open(PROFILE.function);
    out.unsigned(FUNCTION.id, number + 1);
    out.unsigned(FUNCTION.name, strings.number(name));
    out.unsigned(FUNCTION.file, strings.number(file));
    if (line > 0) out.unsigned(FUNCTION.startLine, line);
    out.close(message);
  };
  for (let number = 0; number < tree.functionCount; number += 1) {
    const { name, file, line } = tree.functionOf(number);
    describe(number, name, file, line);
  }
  describe(lost, LOST_NAME, '', 0);
  describe(outside, '[no stack]', '', 0);
  valueType(PROFILE.periodType, 'cpu', 'nanoseconds');
  summary(out, strings, profile, epochNanoseconds);
}

/** The fields after the tables, and the string table itself, which is complete only now. */
function summary(out: ProtoWriter, strings: Strings, profile: Profile, epoch: bigint): void {
  const whole = profile.tree.total + profile.lost;
  if (epoch > 0n) out.unsigned64(PROFILE.timeNanos, epoch);
  out.unsigned(PROFILE.duration, weightNanoseconds(profile, whole));
  out.unsigned(PROFILE.period, weightNanoseconds(profile, 1));
  if (profile.lost > 0) {
    out.unsigned(PROFILE.comment, strings.number(`${profile.lost} samples lost`));
  }
  out.unsigned(PROFILE.defaultType, strings.number('cpu'));
  for (const text of strings.list) out.text(PROFILE.string, text);
  out.flush();
}
