import type { Command } from 'commander';
import { addReplayAlloc } from './replay-alloc.js';
import { addReplayIo } from './replay-io.js';
import { addReplayMem } from './replay-mem.js';
import { addReplaySched } from './replay-sched.js';
import type { Terminal } from './terminal.js';

/** Adds `hotpath replay` with a command for each kind of recording. */
export function addReplay(program: Command, terminal: Terminal): void {
  const replay = program.command('replay').description('replay a recording of a real program');
  addReplayIo(replay, terminal);
  addReplayAlloc(replay, terminal);
  addReplaySched(replay, terminal);
  addReplayMem(replay, terminal);
}
