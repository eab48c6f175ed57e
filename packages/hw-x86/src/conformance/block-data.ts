import { READ, WRITE } from '../block-device.js';
import { ArgumentError } from '../errors.js';
import { ENXIO, EROFS, OK } from '../status.js';
import type { RigCase } from './block-device.js';
import type { Rig } from './block-rig.js';
import { expectSame, expectThat } from './case.js';

/** Cases about data: what is written is read, where it belongs, and nowhere else. */
export function dataCases(): RigCase[] {
  return [
    { name: 'a device has a power-of-two block size and whole blocks', run: geometry },
    { name: 'a block that was never written reads as zeros', run: zeros },
    { name: 'a read sees the last completed write', run: readsLastWrite },
    { name: 'a write leaves its neighbours alone', run: neighbours },
    { name: 'the first and the last block can be written', run: ends },
    { name: 'segments may lie apart and in any order', run: scattered },
    { name: 'segments may be smaller or larger than a block', run: segmentSizes },
    { name: 'a range outside the device is ENXIO and changes nothing', run: outside },
    { name: 'a request that contradicts itself throws an ArgumentError', run: contradiction },
    { name: 'a flush is answered OK and keeps what was written', run: flushKeeps },
    { name: 'a write with force unit access is read back', run: forced },
    { name: 'a discard leaves the neighbours alone', run: discards },
    { name: 'a read-only device refuses writes with EROFS and still reads', run: readOnly },
    { name: 'a request is not changed by the device', run: requestUntouched },
    { name: 'after a power cut everything flushed is there', run: flushedSurvives },
    {
      name: 'after a power cut a completed write with force unit access is there',
      run: forcedSurvives,
    },
  ];
}

async function geometry({ device }: Rig): Promise<void> {
  const { blockBytes, blockCount } = device;
  expectThat(
    blockBytes >= 512 && blockBytes <= 65_536,
    `blockBytes ${blockBytes} is in 512..65536`,
  );
  expectThat(65_536 % blockBytes === 0, `blockBytes ${blockBytes} is a power of two`);
  expectThat(Number.isSafeInteger(blockCount), `blockCount ${blockCount} is a whole number`);
}

async function zeros(rig: Rig): Promise<void> {
  const { blockBytes, blockCount } = rig.device;
  for (const block of [0, 17, blockCount - 1]) {
    rig.paint(0, blockBytes, 1);
    expectSame('status', await rig.read(block, 1, 0), OK);
    rig.expectZeros(`block ${block}`, 0, blockBytes);
  }
}

/** Read-only devices hold the data cases that write trivially: `readOnly` looks at them. */
function writable(rig: Rig): boolean {
  return !rig.device.readOnly;
}

async function readsLastWrite(rig: Rig): Promise<void> {
  if (!writable(rig)) return;
  const { blockBytes } = rig.device;
  for (let round = 0; round < 3; round++) {
    for (let block = 0; block < 4; block++) {
      rig.paint(0, blockBytes, round * 4 + block);
      expectSame('status of a write', await rig.write(block, 1, 0), OK);
    }
    for (let block = 0; block < 4; block++) {
      expectSame('status of a read', await rig.read(block, 1, rig.area(1)), OK);
      rig.expectPainted(`block ${block}`, rig.area(1), blockBytes, round * 4 + block);
    }
  }
}

async function neighbours(rig: Rig): Promise<void> {
  if (!writable(rig)) return;
  const { blockBytes } = rig.device;
  for (let i = 0; i < 8; i++) rig.paint(i * blockBytes, blockBytes, i);
  expectSame('status', await rig.write(20, 8, 0), OK);
  rig.paint(0, 2 * blockBytes, 99);
  expectSame('status', await rig.write(23, 2, 0), OK);
  expectSame('status', await rig.read(20, 8, rig.area(8)), OK);
  for (const i of [0, 1, 2, 5, 6, 7]) {
    rig.expectPainted(`block ${20 + i}`, rig.area(8) + i * blockBytes, blockBytes, i);
  }
  rig.expectPainted('blocks 23, 24', rig.area(8) + 3 * blockBytes, 2 * blockBytes, 99);
}

async function ends(rig: Rig): Promise<void> {
  if (!writable(rig)) return;
  const { blockBytes, blockCount } = rig.device;
  rig.paint(0, blockBytes, 1);
  rig.paint(rig.area(1), blockBytes, 2);
  expectSame('status of block 0', await rig.write(0, 1, 0), OK);
  expectSame('status of the last block', await rig.write(blockCount - 1, 1, rig.area(1)), OK);
  expectSame('status', await rig.read(0, 1, rig.area(2)), OK);
  expectSame('status', await rig.read(blockCount - 1, 1, rig.area(3)), OK);
  rig.expectPainted('block 0', rig.area(2), blockBytes, 1);
  rig.expectPainted('the last block', rig.area(3), blockBytes, 2);
}

async function scattered(rig: Rig): Promise<void> {
  if (!writable(rig)) return;
  const { blockBytes } = rig.device;
  const order = [3, 0, 2, 1];
  const write = rig.request(WRITE, 8, 4, 0);
  order.forEach((area, i) => {
    rig.paint(rig.area(area), blockBytes, i);
    write.segmentAddress[i] = rig.area(area);
  });
  expectSame('status', await rig.perform(write), OK);
  const read = rig.request(READ, 8, 4, 0);
  for (let i = 0; i < 4; i++) read.segmentAddress[i] = rig.area(20 - 2 * i);
  expectSame('status', await rig.perform(read), OK);
  for (let i = 0; i < 4; i++)
    rig.expectPainted(`segment ${i}`, rig.area(20 - 2 * i), blockBytes, i);
}

async function segmentSizes(rig: Rig): Promise<void> {
  if (!writable(rig)) return;
  const { blockBytes } = rig.device;
  const half = rig.request(WRITE, 4, 1, 0);
  const small = { ...half, segmentAddress: new Float64Array([0, rig.area(1)]) };
  rig.paint(0, blockBytes / 2, 5);
  rig.paint(rig.area(1), blockBytes / 2, 6);
  expectSame(
    'status',
    await rig.perform({ ...small, segmentCount: 2, segmentBytes: blockBytes / 2 }),
    OK,
  );
  expectSame('status', await rig.read(4, 1, rig.area(2)), OK);
  rig.expectPainted('first half', rig.area(2), blockBytes / 2, 5);
  rig.expectPainted('second half', rig.area(2) + blockBytes / 2, blockBytes / 2, 6);
  const large = rig.request(READ, 4, 2, rig.area(4));
  expectSame(
    'status',
    await rig.perform({ ...large, segmentCount: 1, segmentBytes: 2 * blockBytes }),
    OK,
  );
  rig.expectPainted('first half in one segment', rig.area(4), blockBytes / 2, 5);
}

async function outside(rig: Rig): Promise<void> {
  const { blockCount, blockBytes } = rig.device;
  rig.paint(0, 2 * blockBytes, 7);
  const ranges = [
    [blockCount, 1],
    [blockCount - 1, 2],
    [-1, 1],
    [Number.MAX_SAFE_INTEGER, 2],
  ];
  for (const [block, count] of ranges) {
    expectSame(`read of ${count} at ${block}`, await rig.read(block, count, rig.area(4)), ENXIO);
    const status = await rig.write(block, count, 0);
    const wanted = status === EROFS && rig.device.readOnly ? EROFS : ENXIO;
    expectSame(`write of ${count} at ${block}`, status, wanted);
  }
  expectSame('status', await rig.read(blockCount - 1, 1, rig.area(2)), OK);
  rig.expectZeros('the last block', rig.area(2), blockBytes);
}

async function contradiction(rig: Rig): Promise<void> {
  const good = rig.request(READ, 0, 2, 0);
  const bad = [
    { ...good, op: 9 },
    { ...good, blockCount: 0 },
    { ...good, blockCount: 3 },
    { ...good, block: 0.5 },
    { ...good, segmentBytes: good.segmentBytes / 2 },
    { ...good, segmentCount: 3, blockCount: 3 },
    { ...good, segmentAddress: new Float64Array([0, rig.memory.byteCount - 256]) },
    { ...good, segmentAddress: new Float64Array([0, -4096]) },
    { ...good, segmentAddress: new Float64Array([0, Number.NaN]) },
  ];
  for (const [index, request] of bad.entries()) {
    let thrown: unknown;
    try {
      rig.device.submit(request);
    } catch (error) {
      thrown = error;
    }
    expectThat(
      thrown instanceof ArgumentError,
      `request ${index} is refused with an ArgumentError`,
    );
  }
  expectSame('sinks told of refused requests', rig.witness.tags.length, 0);
  expectSame('a good one after the bad', await rig.perform(good), OK);
}

async function flushKeeps(rig: Rig): Promise<void> {
  expectSame('flush of a fresh device', await rig.flush(), OK);
  if (!writable(rig)) return;
  rig.paint(0, rig.device.blockBytes, 3);
  expectSame('status', await rig.write(5, 1, 0), OK);
  expectSame('flush', await rig.flush(), OK);
  expectSame('status', await rig.read(5, 1, rig.area(1)), OK);
  rig.expectPainted('block 5', rig.area(1), rig.device.blockBytes, 3);
}

async function forced(rig: Rig): Promise<void> {
  if (!writable(rig)) return;
  const { blockBytes } = rig.device;
  for (const seed of [1, 2, 3]) {
    rig.paint(0, blockBytes, seed);
    expectSame('status', await rig.write(6, 1, 0, seed !== 2), OK);
    expectSame('status', await rig.read(6, 1, rig.area(1)), OK);
    rig.expectPainted('block 6', rig.area(1), blockBytes, seed);
  }
}

async function discards(rig: Rig): Promise<void> {
  if (!writable(rig)) return;
  const { blockBytes } = rig.device;
  for (let i = 0; i < 4; i++) rig.paint(i * blockBytes, blockBytes, i);
  expectSame('status', await rig.write(30, 4, 0), OK);
  expectSame('discard', await rig.discard(31, 2), OK);
  expectSame('status', await rig.read(30, 4, rig.area(8)), OK);
  rig.expectPainted('block 30', rig.area(8), blockBytes, 0);
  rig.expectPainted('block 33', rig.area(8) + 3 * blockBytes, blockBytes, 3);
  rig.paint(0, blockBytes, 9);
  expectSame('status', await rig.write(31, 1, 0), OK);
  expectSame('status', await rig.read(31, 1, rig.area(1)), OK);
  rig.expectPainted('block 31, written again', rig.area(1), blockBytes, 9);
}

async function readOnly(rig: Rig): Promise<void> {
  if (!rig.device.readOnly) return;
  expectSame('write', await rig.write(0, 1, 0), EROFS);
  expectSame('discard', await rig.discard(0, 1), EROFS);
  expectSame('read', await rig.read(0, 1, 0), OK);
}

async function requestUntouched(rig: Rig): Promise<void> {
  const request = rig.request(READ, 3, 2, rig.area(1), 77);
  const before = JSON.stringify({ ...request, memory: 0, sink: 0 });
  expectSame('status', await rig.perform(request), OK);
  expectSame('the request', JSON.stringify({ ...request, memory: 0, sink: 0 }), before);
  expectThat(request.memory === rig.memory, 'the request names the same memory');
  expectThat(request.sink === rig.witness, 'the request names the same sink');
}

async function flushedSurvives(rig: Rig): Promise<void> {
  const { under, device } = rig;
  if (under.powerCut === undefined || !writable(rig)) return;
  for (let block = 0; block < 16; block++) {
    rig.paint(0, device.blockBytes, block);
    expectSame('status', await rig.write(block, 1, 0), OK);
  }
  expectSame('flush', await rig.flush(), OK);
  for (let block = 16; block < 32; block++) expectSame('status', await rig.write(block, 1, 0), OK);
  under.powerCut();
  for (let block = 0; block < 16; block++) {
    expectSame('status', await rig.read(block, 1, rig.area(1)), OK);
    rig.expectPainted(`flushed block ${block}`, rig.area(1), device.blockBytes, block);
  }
}

async function forcedSurvives(rig: Rig): Promise<void> {
  const { under, device } = rig;
  if (under.powerCut === undefined || !writable(rig)) return;
  rig.paint(0, device.blockBytes, 1);
  rig.paint(rig.area(1), device.blockBytes, 2);
  // An older write to the same block must not come up over the forced one.
  expectSame('status', await rig.write(7, 1, 0), OK);
  expectSame('status', await rig.write(7, 1, rig.area(1), true), OK);
  under.powerCut();
  expectSame('status', await rig.read(7, 1, rig.area(2)), OK);
  rig.expectPainted('block 7', rig.area(2), device.blockBytes, 2);
}
