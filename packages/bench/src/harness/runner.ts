/** The parent's end of one contestant. */

import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import { packageFolder, runsFromSource } from '../package-folder.js';
import type { Command, Reply } from './contestant.js';

/** A command takes seconds at most; a contestant that hangs must not hang the race. */
const REPLY_MS_MAX = 120_000;

type ReplyTo<Kind extends Reply['kind']> = Extract<Reply, { kind: Kind }>;

/** A contestant that failed: it says which and why. */
export class ContestantError extends Error {
  override readonly name = 'ContestantError';
  readonly code = 'ERR_CONTESTANT';
}

/** Path of a module of this package, in the sources or in the build. */
export function modulePath(inside: string): string {
  const folder = packageFolder();
  return runsFromSource
    ? join(folder, 'src', `${inside}.ts`)
    : join(folder, 'dist', `${inside}.js`);
}

/** One child process with one contestant in it. */
export class Runner {
  private readonly process: ChildProcess;
  private readonly module: string;

  /** @param module - the contestant's module, inside this package and without suffix */
  constructor(module: string) {
    this.module = module;
    const loader = runsFromSource ? ['--import', 'tsx', '--conditions=@hotpath/source'] : [];
    this.process = fork(modulePath('harness/child'), {
      cwd: packageFolder(),
      execArgv: [...loader, '--expose-gc'],
      serialization: 'json',
    });
  }

  /** Loads the contestant and lets it prepare. */
  prepare(parameters: unknown, seed: number): Promise<ReplyTo<'prepared'>> {
    const module = new URL(`file://${modulePath(this.module)}`).href;
    return this.ask({ kind: 'prepare', module, parameters, seed }, 'prepared');
  }

  /** One timed round. */
  run(): Promise<ReplyTo<'ran'>> {
    return this.ask({ kind: 'run' }, 'ran');
  }

  /** Asks for the contestant's facts and ends its process. */
  async finish(): Promise<ReplyTo<'finished'>> {
    const reply = await this.ask({ kind: 'finish' }, 'finished');
    this.stop();
    return reply;
  }

  /** Ends the process. */
  stop(): void {
    if (this.process.exitCode === null) this.process.kill();
  }

  private ask<Kind extends Reply['kind']>(command: Command, kind: Kind): Promise<ReplyTo<Kind>> {
    const { process: child, module } = this;
    return new Promise((resolve, reject) => {
      const settle = (reply: Reply): void => {
        clearTimeout(timer);
        child.off('exit', exited);
        child.off('message', settle);
        if (reply.kind === kind) resolve(reply as ReplyTo<Kind>);
        else reject(new ContestantError(`${module}: ${messageOf(reply)}`));
      };
      const fail = (message: string): void => settle({ kind: 'failed', message });
      const exited = (code: number | null): void => fail(`its process ended with code ${code}`);
      const timer = setTimeout(() => {
        fail(`no answer in ${REPLY_MS_MAX / 1000} s`);
        this.stop();
      }, REPLY_MS_MAX);
      child.on('message', settle);
      child.once('exit', exited);
      child.send(command);
    });
  }
}

const messageOf = (reply: Reply): string =>
  reply.kind === 'failed' ? reply.message : `unexpected answer '${reply.kind}'`;
