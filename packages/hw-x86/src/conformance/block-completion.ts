import { FLUSH, READ, WRITE } from '../block-device.js';
import { OK, PENDING } from '../status.js';
import type { RigCase } from './block-device.js';
import type { Rig } from './block-rig.js';
import { expectSame, expectThat } from './case.js';

/** Cases about completions: now or later, never inside, each exactly once. */
export function completionCases(): RigCase[] {
  return [
    { name: 'a completion is never called from inside submit', run: neverInside },
    { name: 'what submit has answered is never told to the sink', run: answeredIsSilent },
    { name: 'reap calls each sink exactly once', run: exactlyOnce },
    { name: 'reap with nothing finished calls nobody', run: nothingToReap },
    {
      name: 'a device is never full: hundreds of requests are taken and all finish',
      run: neverFull,
    },
    { name: 'the line is raised when reap has work', run: lineRaised },
    { name: 'a sink may submit the next request, ten thousand times over', run: chain },
    { name: 'a request may be used again as soon as its sink is called', run: reuse },
    { name: 'reads in flight together all get the data', run: readsTogether },
    { name: 'a flush among writes in flight finishes, and so do they', run: flushAmongWrites },
  ];
}

async function neverInside(rig: Rig): Promise<void> {
  // The rig itself throws when a sink is called during submit.
  for (let tag = 0; tag < 8; tag++) {
    rig.submit(rig.request(READ, tag, 1, rig.area(tag), tag));
    rig.submit(rig.request(FLUSH, 0, 0, 0, 100 + tag));
  }
  await rig.settle();
  expectSame('calls from inside submit', rig.witness.insideCalls, 0);
}

async function answeredIsSilent(rig: Rig): Promise<void> {
  const silent: number[] = [];
  const last = rig.device.blockCount;
  for (let tag = 0; tag < 16; tag++) {
    const block = tag % 2 === 0 ? tag : last;
    if (rig.submit(rig.request(READ, block, 1, rig.area(tag), tag)) !== PENDING) silent.push(tag);
  }
  await rig.settle();
  for (let i = 0; i < 3; i++) {
    await rig.under.progress();
    rig.reap();
  }
  for (const tag of silent) expectSame(`sink of request ${tag}`, rig.witness.times(tag), 0);
}

async function exactlyOnce(rig: Rig): Promise<void> {
  const waiting: number[] = [];
  for (let tag = 0; tag < 40; tag++) {
    const op = tag % 3 === 0 || rig.device.readOnly ? READ : WRITE;
    if (rig.submit(rig.request(op, tag, 1, rig.area(tag), tag)) === PENDING) waiting.push(tag);
  }
  await rig.settle();
  for (let i = 0; i < 3; i++) {
    await rig.under.progress();
    rig.reap();
  }
  for (const tag of waiting) expectSame(`sink of request ${tag}`, rig.witness.times(tag), 1);
  expectSame('sinks called', rig.witness.tags.length, waiting.length);
  for (const result of rig.witness.results) expectSame('result', result, OK);
}

async function nothingToReap(rig: Rig): Promise<void> {
  expectSame('reap of an idle device', rig.reap(), 0);
  await rig.read(0, 1, 0);
  expectSame('reap after all is reaped', rig.reap(), 0);
}

async function neverFull(rig: Rig): Promise<void> {
  const count = 600;
  let finished = 0;
  for (let tag = 0; tag < count; tag++) {
    const status = rig.submit(rig.request(READ, tag % 64, 1, rig.area(tag % 16), tag));
    expectThat(status === PENDING || status === OK, `request ${tag} is taken, not ${status}`);
    if (status === OK) finished++;
  }
  await rig.settle();
  expectSame('requests finished', finished + rig.witness.tags.length, count);
}

async function lineRaised(rig: Rig): Promise<void> {
  const { under } = rig;
  if (under.raised === undefined) return;
  for (let tag = 0; tag < 8; tag++) rig.submit(rig.request(READ, tag, 1, rig.area(tag), tag));
  for (let guard = 0; rig.reaped < rig.pending; guard++) {
    const before = under.raised();
    await under.progress();
    const raised = under.raised() - before;
    const count = rig.reap();
    expectThat(count === 0 || raised > 0, `${count} finished without the line being raised`);
    expectThat(guard < 10_000, 'requests finish');
  }
}

async function chain(rig: Rig): Promise<void> {
  const total = 10_000;
  const request = rig.request(READ, 0, 1, 0);
  let left = total;
  // Synchronous answers are taken in a loop, as contracts demand of a caller; pending ones go on
  // from the sink.
  const advance = (): void => {
    while (left > 0) {
      left--;
      request.block = left % 64;
      const status = rig.device.submit(request);
      if (status === PENDING) {
        rig.pending++;
        return;
      }
      expectSame('status', status, OK);
    }
  };
  rig.witness.onCompleted = advance;
  advance();
  await rig.settle();
  rig.witness.onCompleted = null;
  expectSame('requests left', left, 0);
}

async function reuse(rig: Rig): Promise<void> {
  const { blockBytes } = rig.device;
  if (rig.device.readOnly) return;
  for (const block of [40, 41]) {
    rig.paint(0, blockBytes, block);
    expectSame('status', await rig.write(block, 1, 0), OK);
  }
  const request = rig.request(READ, 40, 1, rig.area(1), 40);
  rig.witness.onCompleted = (tag): void => {
    if (tag !== 40) return;
    request.tag = 41;
    request.block = 41;
    request.segmentAddress[0] = rig.area(2);
    rig.witness.onCompleted = null;
    if (rig.device.submit(request) === PENDING) rig.pending++;
  };
  if (rig.submit(request) !== PENDING) return;
  await rig.settle();
  rig.expectPainted('the first read', rig.area(1), blockBytes, 40);
  rig.expectPainted('the second read', rig.area(2), blockBytes, 41);
  expectSame('sink of the first', rig.witness.times(40), 1);
  expectSame('sink of the second', rig.witness.times(41), 1);
}

async function readsTogether(rig: Rig): Promise<void> {
  const { blockBytes, readOnly } = rig.device;
  rig.paint(0, blockBytes, 8);
  if (!readOnly) expectSame('status', await rig.write(9, 1, 0), OK);
  for (let i = 1; i <= 20; i++) rig.submit(rig.request(READ, 9, 1, rig.area(i), i));
  await rig.settle();
  for (let i = 1; i <= 20 && !readOnly; i++) {
    rig.expectPainted(`read ${i}`, rig.area(i), blockBytes, 8);
  }
}

async function flushAmongWrites(rig: Rig): Promise<void> {
  if (rig.device.readOnly) return;
  const { blockBytes } = rig.device;
  for (let i = 0; i < 24; i++) {
    rig.paint(rig.area(i), blockBytes, i);
    rig.submit(rig.request(WRITE, i, 1, rig.area(i), i));
    if (i % 5 === 0) rig.submit(rig.request(FLUSH, 0, 0, 0, 1000 + i));
  }
  await rig.settle();
  for (const result of rig.witness.results) expectSame('result', result, OK);
  for (let i = 0; i < 24; i++) {
    expectSame('status', await rig.read(i, 1, rig.area(30)), OK);
    rig.expectPainted(`block ${i}`, rig.area(30), blockBytes, i);
  }
}
