import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { decodeAllocTrace } from '../../src/traces/alloc-trace.js';
import { decodeBurstTrace } from '../../src/traces/burst-trace.js';
import { decodeIoTrace, decodeKeyStream } from '../../src/traces/io-trace.js';
import { decodeMemoryTrace } from '../../src/traces/memory-trace.js';
import { TraceError } from '../../src/traces/trace-error.js';
import { readTraceFile, resolveTrace } from '../../src/traces/trace-file.js';

const folder = mkdtempSync(join(tmpdir(), 'hotpath-traces-'));
afterAll(() => rmSync(folder, { recursive: true }));

const words = (...values: number[]): number[] =>
  values.flatMap((value) => [...new Uint8Array(new Uint32Array([value]).buffer)]);
const letters = (text: string): number[] => [...new TextEncoder().encode(text)];

/** Two events: read 5 bytes at 10 of file 0, then the five after them. */
const ioPayload = [0, 0, 20, 5, 32 + 64, 1];
const ioHeader = [...letters('FIO1'), ...words(2, 1, 1, ioPayload.length, 4096, 1, 0)];
const io = Uint8Array.from([...ioHeader, ...ioPayload]);

/** malloc(16), realloc to 24, free. */
const allocPayload = [0x80, 1, 0xc2, 1, 1, 9];
const alloc = Uint8Array.from([...letters('KMT1'), ...words(3, 1, 6), ...allocPayload]);

/** One load of 8 bytes at 64. */
const memory = Uint8Array.from([...letters('MEM1'), ...words(1, 3, 0), 64 + 8, 128, 1]);

const bursts = new TextEncoder().encode('#id\n0\t-1\t0\t0\tmake\texit\t5,10,5\n');

const codeOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    if (error instanceof TraceError) return error.code;
    throw error;
  }
  return 'no error';
};

test('the small recordings of this file are right before they are damaged', () => {
  expect([...decodeIoTrace(io).offset]).toEqual([10, 15]);
  const { op, size, peakLiveBytes, liveAtEnd } = decodeAllocTrace(alloc);
  expect([[...op], [...size], peakLiveBytes, liveAtEnd]).toEqual([[0, 2, 1], [16, 24, 0], 24, 0]);
  expect([...decodeMemoryTrace(memory).address]).toEqual([64]);
  expect([...decodeBurstTrace(bursts)[0].bursts]).toEqual([5, 10, 5]);
});

const formats = [
  { name: 'FIO1', bytes: io, decode: decodeIoTrace },
  { name: 'KMT1', bytes: alloc, decode: decodeAllocTrace },
  { name: 'MEM1', bytes: memory, decode: decodeMemoryTrace },
  { name: 'bursts', bytes: bursts, decode: decodeBurstTrace },
  { name: 'keys', bytes: Uint8Array.from(words(1, 2)), decode: decodeKeyStream },
];

describe.each(formats)('$name', ({ bytes, decode }) => {
  test('damaged anywhere is a TraceError or another recording, never another failure', () => {
    const damage = fc.record({
      at: fc.nat({ max: bytes.length - 1 }),
      value: fc.integer({ min: 0, max: 255 }),
      keep: fc.nat({ max: bytes.length }),
    });
    fc.assert(
      fc.property(damage, ({ at, value, keep }) => {
        const damaged = Uint8Array.from(bytes);
        damaged[at] = value;
        codeOf(() => decode(damaged));
        codeOf(() => decode(damaged.subarray(0, keep)));
      }),
    );
  });

  test('empty is refused', () => {
    expect(codeOf(() => decode(new Uint8Array()))).toMatch(/^ERR_TRACE_(FORMAT|LENGTH)$/);
  });
});

test.each(formats.slice(0, 3))(
  '$name with another magic is another format',
  ({ bytes, decode }) => {
    const other = Uint8Array.from(bytes);
    other[3] = 50;
    expect(codeOf(() => decode(other))).toBe('ERR_TRACE_FORMAT');
  },
);

test.each(formats.slice(0, 3))('$name cut short or with bytes behind it is refused', (format) => {
  const { bytes, decode } = format;
  for (let keep = 16; keep < bytes.length; keep++) {
    expect(codeOf(() => decode(bytes.subarray(0, keep)))).toMatch(/^ERR_TRACE_(FORMAT|LENGTH)$/);
  }
  expect(codeOf(() => decode(Uint8Array.from([...bytes, 0])))).toBe('ERR_TRACE_LENGTH');
});

test('a huge count in a header is refused before memory is taken for it', () => {
  const huge = Uint8Array.from(io);
  huge.set(words(0xffffffff), 4);
  expect(codeOf(() => decodeIoTrace(huge))).toBe('ERR_TRACE_LENGTH');
});

test('a second free is refused', () => {
  const twice = [...letters('KMT1'), ...words(3, 1, 4), 0x80, 1, 9, 9];
  expect(codeOf(() => decodeAllocTrace(Uint8Array.from(twice)))).toBe('ERR_TRACE_VALUE');
});

test.each([
  ['0\t-1\t0\t0\tmake\texit', 'ERR_TRACE_FORMAT'],
  ['0\t-1\t0\t20\tmake\texit\t5', 'ERR_TRACE_VALUE'],
  ['0\t-1\t0\t0\tmake\tgone\t5', 'ERR_TRACE_VALUE'],
  ['0\t-1\t0\t0\tmake\texit\t5,-1', 'ERR_TRACE_VALUE'],
  ['0\t7\t0\t0\tmake\texit\t5', 'ERR_TRACE_VALUE'],
  ['0\t-1\t0\t0\ta\texit\t5\n0\t-1\t0\t0\tb\texit\t5', 'ERR_TRACE_VALUE'],
])('the scheduling trace %j is refused', (text, code) => {
  expect(codeOf(() => decodeBurstTrace(new TextEncoder().encode(text)))).toBe(code);
});

test('a missing file, a folder and a damaged gzip each have their code', () => {
  const damaged = join(folder, 'damaged.gz');
  writeFileSync(damaged, gzipSync(io).subarray(0, 20));
  expect(codeOf(() => readTraceFile(join(folder, 'absent')))).toBe('ERR_TRACE_MISSING');
  expect(codeOf(() => readTraceFile(folder))).toBe('ERR_TRACE_UNREADABLE');
  expect(codeOf(() => readTraceFile(damaged))).toBe('ERR_TRACE_GZIP');
  expect(codeOf(() => resolveTrace('io', 'io-nothing'))).toBe('ERR_TRACE_MISSING');
});

test('a recording is read packed and unpacked', () => {
  const packed = join(folder, 'io.gz');
  const plain = join(folder, 'io.fio');
  writeFileSync(packed, gzipSync(io));
  writeFileSync(plain, io);
  expect([...readTraceFile(packed)]).toEqual([...io]);
  expect([...readTraceFile(plain)]).toEqual([...io]);
});
