import {
  type BlockDevice,
  type BlockRequest,
  DISCARD,
  FLUSH,
  READ,
  WRITE,
} from './block-device.js';
import { ArgumentError, assert } from './errors.js';
import { ENXIO, EROFS, OK } from './status.js';
import type { ByteCount } from './units.js';

/**
 * What every device checks at `submit`: OK, ENXIO for a range outside the device, EROFS for a WRITE
 * or DISCARD to a read-only one. Costs some nanoseconds a segment; changes nothing.
 * @throws ArgumentError ERR_REQUEST_OP, ERR_REQUEST_BLOCKS, ERR_REQUEST_SIZE, ERR_REQUEST_SEGMENT
 */
export function checkRequest(device: BlockDevice, request: BlockRequest): number {
  const { op, block, blockCount } = request;
  if (op === FLUSH) return OK;
  if (op !== READ && op !== WRITE && op !== DISCARD) {
    throw new ArgumentError('ERR_REQUEST_OP', `op is ${op}; allowed: READ, WRITE, FLUSH, DISCARD`);
  }
  if (!Number.isSafeInteger(block) || !Number.isSafeInteger(blockCount) || blockCount < 1) {
    throw new ArgumentError(
      'ERR_REQUEST_BLOCKS',
      `block ${block}, count ${blockCount}; allowed: whole numbers, at least one block`,
    );
  }
  if (op !== DISCARD) checkSegments(request, blockCount * device.blockBytes);
  // Subtraction: the sum of two numbers near 2^53 would round.
  if (block < 0 || blockCount > device.blockCount || block > device.blockCount - blockCount) {
    return ENXIO;
  }
  return op !== READ && device.readOnly ? EROFS : OK;
}

function checkSegments(request: BlockRequest, byteCount: number): void {
  const { segmentAddress, segmentCount, segmentBytes, memory } = request;
  if (segmentCount * segmentBytes !== byteCount || segmentCount > segmentAddress.length) {
    throw new ArgumentError(
      'ERR_REQUEST_SIZE',
      `${segmentCount} segments of ${segmentBytes} bytes (room for ${segmentAddress.length}); ` +
        `allowed: together exactly ${byteCount} bytes`,
    );
  }
  const chunkBytes = memory.chunkBytes;
  const last = memory.byteCount - segmentBytes;
  for (let i = 0; i < segmentCount; i++) {
    const address = segmentAddress[i];
    const whole = address >= 0 && address <= last && Number.isInteger(address);
    if (!whole || (address % chunkBytes) + segmentBytes > chunkBytes) {
      throw new ArgumentError(
        'ERR_REQUEST_SEGMENT',
        `segment ${i} at ${address}, ${segmentBytes} bytes; allowed: inside one chunk of ` +
          `${chunkBytes} bytes and below ${memory.byteCount}`,
      );
    }
  }
}

/**
 * DMA out of memory: copies `byteCount` bytes of the request's segments, from byte `skip` of the
 * transfer on, to `target[offset ..]`. For those who write a device.
 */
export function gather(
  request: BlockRequest,
  skip: ByteCount,
  target: Uint8Array,
  offset: number,
  byteCount: ByteCount,
): void {
  const { segmentAddress, segmentBytes, memory } = request;
  assert(skip + byteCount <= request.segmentCount * segmentBytes, 'gather inside the transfer');
  let segment = Math.floor(skip / segmentBytes);
  let inside = skip % segmentBytes;
  let done = 0;
  while (done < byteCount) {
    const part = Math.min(segmentBytes - inside, byteCount - done);
    memory.read(segmentAddress[segment] + inside, target, offset + done, part);
    done += part;
    segment++;
    inside = 0;
  }
}

/** DMA into memory: the reverse of {@link gather}, from `source[offset ..]` into the segments. */
export function scatter(
  request: BlockRequest,
  skip: ByteCount,
  source: Uint8Array,
  offset: number,
  byteCount: ByteCount,
): void {
  const { segmentAddress, segmentBytes, memory } = request;
  assert(skip + byteCount <= request.segmentCount * segmentBytes, 'scatter inside the transfer');
  let segment = Math.floor(skip / segmentBytes);
  let inside = skip % segmentBytes;
  let done = 0;
  while (done < byteCount) {
    const part = Math.min(segmentBytes - inside, byteCount - done);
    memory.write(segmentAddress[segment] + inside, source, offset + done, part);
    done += part;
    segment++;
    inside = 0;
  }
}
