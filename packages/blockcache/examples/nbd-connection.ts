/** One client of the NBD server: handshake, requests, replies. */
import type { Socket } from 'node:net';
import { type AwaitFront, BlockCacheError, ReadAhead } from '@hotpath/blockcache';
import * as nbd from './nbd-protocol.js';

/** What is served. */
export interface Export {
  readonly front: AwaitFront;
  readonly device: number;
  readonly byteCount: number;
  readonly readOnly: boolean;
}

const READ_AHEAD_BLOCKS = 32;
/** Bytes of replies waiting for a slow client above which no further requests are taken. */
const BACKLOG_BYTES = 8 * 1024 * 1024;

export class NbdConnection {
  readonly #socket: Socket;
  readonly #export: Export;
  readonly #opener: number;
  readonly #ahead = new ReadAhead(READ_AHEAD_BLOCKS);
  #input: Buffer = Buffer.alloc(0);
  /** Received and not yet joined to the input: joined at once when a long payload is complete. */
  #chunks: Buffer[] = [];
  #pending = 0;
  /** Bytes of input without which no step can be made. */
  #need = 0;
  /** Consumes what it can of the input; false when it needs more. */
  #step: () => boolean = () => this.#clientFlags();
  #noZeroes = false;
  #structured = false;
  #running = 0;
  #ending = false;

  constructor(socket: Socket, served: Export) {
    this.#socket = socket;
    this.#export = served;
    this.#opener = served.front.cache.openErrors(served.device);
    const hello = Buffer.alloc(18);
    hello.writeBigUInt64BE(nbd.NBD_MAGIC, 0);
    hello.writeBigUInt64BE(nbd.OPTION_MAGIC, 8);
    hello.writeUInt16BE(nbd.HANDSHAKE_FLAGS, 16);
    socket.write(hello);
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.on('drain', () => this.#take(Buffer.alloc(0)));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => served.front.cache.closeErrors(served.device, this.#opener));
  }

  #take(chunk: Buffer): void {
    const socket = this.#socket;
    if (chunk.length > 0) this.#chunks.push(chunk);
    this.#pending += chunk.length;
    if (this.#input.length + this.#pending < this.#need) return;
    if (this.#chunks.length > 0) {
      this.#input = Buffer.concat([this.#input, ...this.#chunks]);
      this.#chunks = [];
      this.#pending = 0;
      this.#need = 0;
    }
    // One system call for all replies to what one chunk asked for.
    socket.cork();
    while (!this.#ending && socket.writableLength < BACKLOG_BYTES && this.#step());
    socket.uncork();
    if (socket.writableLength >= BACKLOG_BYTES) socket.pause();
    else socket.resume();
  }

  #shift(byteCount: number): Buffer {
    const taken = this.#input.subarray(0, byteCount);
    this.#input = this.#input.subarray(byteCount);
    return taken;
  }

  #clientFlags(): boolean {
    if (this.#input.length < 4) return false;
    const flags = this.#shift(4).readUInt32BE(0);
    this.#noZeroes = (flags & nbd.CLIENT_NO_ZEROES) !== 0;
    this.#step = () => this.#option();
    return true;
  }

  #option(): boolean {
    if (this.#input.length < 16) return false;
    if (this.#input.readBigUInt64BE(0) !== nbd.OPTION_MAGIC) return this.#hangUp();
    const option = this.#input.readUInt32BE(8);
    const length = this.#input.readUInt32BE(12);
    if (length > 65_536) return this.#hangUp();
    if (this.#input.length < 16 + length) return false;
    const data = this.#shift(16 + length).subarray(16);
    switch (option) {
      case nbd.OPT_EXPORT_NAME:
        this.#socket.write(this.#exportData(this.#noZeroes ? 10 : 134));
        this.#step = () => this.#request();
        return true;
      case nbd.OPT_ABORT:
        this.#reply(option, nbd.REP_ACK);
        return this.#hangUp();
      case nbd.OPT_LIST:
        this.#reply(option, nbd.REP_SERVER, Buffer.alloc(4));
        this.#reply(option, nbd.REP_ACK);
        return true;
      case nbd.OPT_INFO:
      case nbd.OPT_GO:
        this.#info(option);
        return true;
      case nbd.OPT_STRUCTURED_REPLY:
        this.#structured = data.length === 0;
        this.#reply(option, data.length === 0 ? nbd.REP_ACK : nbd.REP_ERR_INVALID);
        return true;
      default:
        this.#reply(option, nbd.REP_ERR_UNSUP);
        return true;
    }
  }

  #reply(option: number, type: number, data: Buffer = Buffer.alloc(0)): void {
    const head = Buffer.alloc(20);
    head.writeBigUInt64BE(nbd.OPTION_REPLY_MAGIC, 0);
    head.writeUInt32BE(option, 8);
    head.writeUInt32BE(type, 12);
    head.writeUInt32BE(data.length, 16);
    this.#socket.write(Buffer.concat([head, data]));
  }

  #exportData(byteCount: number): Buffer {
    const data = Buffer.alloc(byteCount);
    data.writeBigUInt64BE(BigInt(this.#export.byteCount), 0);
    const readOnly = this.#export.readOnly ? nbd.TRANSMISSION_READ_ONLY : 0;
    data.writeUInt16BE(nbd.TRANSMISSION_FLAGS | readOnly, 8);
    return data;
  }

  #info(option: number): void {
    const type = Buffer.alloc(2);
    this.#reply(option, nbd.REP_INFO, Buffer.concat([type, this.#exportData(10)]));
    const sizes = Buffer.alloc(14);
    sizes.writeUInt16BE(nbd.INFO_BLOCK_SIZE, 0);
    sizes.writeUInt32BE(1, 2);
    sizes.writeUInt32BE(this.#export.front.cache.blockBytes, 6);
    sizes.writeUInt32BE(nbd.PAYLOAD_MAX, 10);
    this.#reply(option, nbd.REP_INFO, sizes);
    this.#reply(option, nbd.REP_ACK);
    if (option === nbd.OPT_GO) this.#step = () => this.#request();
  }

  #hangUp(): boolean {
    this.#ending = true;
    this.#socket.end();
    return false;
  }

  #request(): boolean {
    const input = this.#input;
    if (input.length < nbd.REQUEST_BYTES) return false;
    if (input.readUInt32BE(0) !== nbd.REQUEST_MAGIC) return this.#hangUp();
    const flags = input.readUInt16BE(4);
    const command = input.readUInt16BE(6);
    const length = input.readUInt32BE(24);
    const payload = command === nbd.CMD_WRITE ? length : 0;
    if (payload > nbd.PAYLOAD_MAX) return this.#hangUp();
    if (input.length < nbd.REQUEST_BYTES + payload) {
      this.#need = nbd.REQUEST_BYTES + payload;
      return false;
    }
    const whole = this.#shift(nbd.REQUEST_BYTES + payload);
    const cookie = whole.subarray(8, 16);
    const offset = Number(whole.readBigUInt64BE(16));
    if (command === nbd.CMD_DISCONNECT) {
      this.#ending = true;
      if (this.#running === 0) this.#socket.end();
      return false;
    }
    const outside = command !== nbd.CMD_FLUSH && offset + length > this.#export.byteCount;
    if (outside || (command === nbd.CMD_READ && length > nbd.PAYLOAD_MAX)) {
      this.#fail(cookie, 22, 'outside the export');
      return true;
    }
    this.#running += 1;
    try {
      const done = this.#serve(command, flags, cookie, offset, length, whole);
      if (done === null) this.#finished();
      else done.catch((error: unknown) => this.#failed(cookie, error)).then(() => this.#finished());
    } catch (error) {
      this.#failed(cookie, error);
      this.#finished();
    }
    return true;
  }

  #finished(): void {
    this.#running -= 1;
    if (this.#ending && this.#running === 0) this.#socket.end();
  }

  /** Null when the reply was sent at once. */
  #serve(
    command: number,
    flags: number,
    cookie: Buffer,
    offset: number,
    length: number,
    whole: Buffer,
  ): Promise<void> | null {
    const { front, device } = this.#export;
    if (command === nbd.CMD_READ) return this.#read(cookie, offset, length);
    let done: number | Promise<unknown>;
    if (command === nbd.CMD_WRITE) {
      done = front.writeBytes(device, offset, whole.subarray(nbd.REQUEST_BYTES));
    } else if (command === nbd.CMD_WRITE_ZEROES) done = front.zeroBytes(device, offset, length);
    else if (command === nbd.CMD_TRIM) done = front.discardBytes(device, offset, length);
    else if (command === nbd.CMD_FLUSH) done = front.flush(device, this.#opener);
    else if (command === nbd.CMD_CACHE) {
      const { blockBytes } = front.cache;
      front.cache.prefetch(device, Math.floor(offset / blockBytes), Math.ceil(length / blockBytes));
      done = 0;
    } else {
      this.#fail(cookie, 22, 'unknown command');
      return null;
    }
    const forced = (flags & nbd.CMD_FLAG_FUA) !== 0 && command !== nbd.CMD_FLUSH;
    if (typeof done === 'number' && !forced) {
      this.#succeed(cookie);
      return null;
    }
    return this.#finish(done, forced, cookie, offset, length);
  }

  async #finish(
    done: number | Promise<unknown>,
    forced: boolean,
    cookie: Buffer,
    offset: number,
    length: number,
  ): Promise<void> {
    const { front, device } = this.#export;
    await done;
    if (forced) await front.flushBytes(device, offset, length, this.#opener);
    this.#succeed(cookie);
  }

  #read(cookie: Buffer, offset: number, length: number): Promise<void> | null {
    const headBytes = this.#structured ? 28 : 16;
    const reply = Buffer.allocUnsafe(headBytes + length);
    if (this.#structured) {
      reply.writeUInt32BE(nbd.STRUCTURED_REPLY_MAGIC, 0);
      reply.writeUInt16BE(nbd.REPLY_DONE, 4);
      reply.writeUInt16BE(nbd.REPLY_OFFSET_DATA, 6);
      cookie.copy(reply, 8);
      reply.writeUInt32BE(length + 8, 16);
      reply.writeBigUInt64BE(BigInt(offset), 20);
    } else {
      reply.writeUInt32BE(nbd.SIMPLE_REPLY_MAGIC, 0);
      reply.writeUInt32BE(0, 4);
      cookie.copy(reply, 8);
    }
    const { front, device } = this.#export;
    const done = front.readBytes(device, offset, reply.subarray(headBytes), this.#ahead);
    if (typeof done !== 'number') return done.then(() => void this.#socket.write(reply));
    this.#socket.write(reply);
    return null;
  }

  #succeed(cookie: Buffer): void {
    if (this.#structured) this.#chunk(cookie, nbd.REPLY_NONE, Buffer.alloc(0));
    else this.#simple(cookie, 0);
  }

  #failed(cookie: Buffer, error: unknown): void {
    if (!(error instanceof BlockCacheError)) throw error;
    this.#fail(cookie, nbd.nbdError(error.errno), error.message);
  }

  #fail(cookie: Buffer, error: number, message: string): void {
    if (!this.#structured) {
      this.#simple(cookie, error);
      return;
    }
    const data = Buffer.alloc(6 + message.length);
    data.writeUInt32BE(error, 0);
    data.writeUInt16BE(message.length, 4);
    data.write(message, 6, 'latin1');
    this.#chunk(cookie, nbd.REPLY_ERROR, data);
  }

  #simple(cookie: Buffer, error: number): void {
    const reply = Buffer.alloc(16);
    reply.writeUInt32BE(nbd.SIMPLE_REPLY_MAGIC, 0);
    reply.writeUInt32BE(error, 4);
    cookie.copy(reply, 8);
    this.#socket.write(reply);
  }

  #chunk(cookie: Buffer, type: number, data: Buffer): void {
    const head = Buffer.alloc(20);
    head.writeUInt32BE(nbd.STRUCTURED_REPLY_MAGIC, 0);
    head.writeUInt16BE(nbd.REPLY_DONE, 4);
    head.writeUInt16BE(type, 6);
    cookie.copy(head, 8);
    head.writeUInt32BE(data.length, 16);
    this.#socket.write(data.length === 0 ? head : Buffer.concat([head, data]));
  }
}
