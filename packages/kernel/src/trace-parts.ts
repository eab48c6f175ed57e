/** Names for the events of the parts that the kernel is made of, for whoever shows a trace. */
import {
  TRACE_BLOCK_EVICT,
  TRACE_BLOCK_FLUSH,
  TRACE_BLOCK_HIT,
  TRACE_BLOCK_MISS,
  TRACE_BLOCK_READ_AHEAD,
  TRACE_BLOCK_READ_ERROR,
  TRACE_BLOCK_WRITE_ERROR,
} from '@hotpath/blockcache';
import {
  FILE_SYNCED,
  FILE_TRUNCATE,
  PAGE_EVICT,
  PAGE_MISS,
  PAGE_READ,
  PAGE_WRITE,
  PAGE_WRITE_ERROR,
} from '@hotpath/pagecache';
import type { ArgumentDefinition, EventRegistry } from '@hotpath/pmc-trace';
import {
  TRACE_FREE_REFUSED,
  TRACE_OBJECT_ALLOCATE,
  TRACE_OBJECT_FREE,
  TRACE_PAGES_ALLOCATE,
  TRACE_PAGES_EXHAUSTED,
  TRACE_PAGES_FREE,
  TRACE_SLAB_CREATE,
  TRACE_SLAB_DESTROY,
} from '@hotpath/slab';

type Argument = string | ArgumentDefinition;
type Row = readonly [kind: number, name: string, a: Argument, b: Argument];

const address: ArgumentDefinition = { name: 'address', type: 'address' };
const result: ArgumentDefinition = { name: 'result', type: 'status' };

const EVENTS: Readonly<Record<string, readonly Row[]>> = {
  blockcache: [
    [TRACE_BLOCK_HIT, 'block hit', 'device', 'block'],
    [TRACE_BLOCK_MISS, 'block miss', 'device', 'block'],
    [TRACE_BLOCK_EVICT, 'block evicted', 'device', 'block'],
    [TRACE_BLOCK_FLUSH, 'flush', 'device', 'dirty blocks'],
    [TRACE_BLOCK_READ_ERROR, 'block read error', 'block', result],
    [TRACE_BLOCK_WRITE_ERROR, 'block write error', 'block', result],
    [TRACE_BLOCK_READ_AHEAD, 'blocks read ahead', 'first block', 'blocks'],
  ],
  pagecache: [
    [PAGE_MISS, 'page miss', 'file', 'page'],
    [PAGE_READ, 'pages read', 'first page', 'pages'],
    [PAGE_WRITE, 'pages written', 'first page', 'pages'],
    [PAGE_EVICT, 'page evicted', 'file', 'page'],
    [PAGE_WRITE_ERROR, 'page write error', 'first page', result],
    [FILE_TRUNCATE, 'file truncated', 'file', { name: 'size', type: 'bytes' }],
    [FILE_SYNCED, 'file synced', 'file', result],
  ],
  slab: [
    [TRACE_PAGES_ALLOCATE, 'pages allocated', address, 'pages'],
    [TRACE_PAGES_FREE, 'pages freed', address, 'pages'],
    [TRACE_PAGES_EXHAUSTED, 'out of pages', 'order', 'free pages'],
    [TRACE_SLAB_CREATE, 'slab created', address, 'cache'],
    [TRACE_SLAB_DESTROY, 'slab given back', address, 'cache'],
    [TRACE_OBJECT_ALLOCATE, 'object allocated', address, 'cache'],
    [TRACE_OBJECT_FREE, 'object freed', address, 'cache'],
    [TRACE_FREE_REFUSED, 'free refused', address, 'cache'],
  ],
};

/** Gives the parts' events their names and arguments. */
export function definePartEvents(registry: EventRegistry): void {
  for (const [category, rows] of Object.entries(EVENTS)) {
    for (const [kind, name, a, b] of rows) registry.define(kind, { name, category, a, b });
  }
}
