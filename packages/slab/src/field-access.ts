import type { ByteCount } from '@hotpath/hw-x86';
import type { ArenaViews } from './arena-memory.js';
import type { FieldType } from './struct.js';

/*
 * One function literal for each type, on purpose: closures made from one literal share their type
 * feedback, and a load that has seen eight kinds of typed array is several times slower.
 *
 * A view that was detached by growth has length 0, so the bounds test finds it.
 */

/** A function that reads a field. It throws ERR_OFFSET outside the memory. */
export function makeGetter(
  views: ArenaViews,
  type: FieldType,
  at: ByteCount,
): (offset: number) => number {
  switch (type) {
    case 'u8':
      return (offset) => {
        if (offset + at >= views.u8.length) views.recover(offset + at);
        return views.u8[offset + at];
      };
    case 'i8':
      return (offset) => {
        if (offset + at >= views.i8.length) views.recover(offset + at);
        return views.i8[offset + at];
      };
    case 'u16':
      return (offset) => {
        if ((offset + at) >>> 1 >= views.u16.length) views.recover(offset + at);
        return views.u16[(offset + at) >>> 1];
      };
    case 'i16':
      return (offset) => {
        if ((offset + at) >>> 1 >= views.i16.length) views.recover(offset + at);
        return views.i16[(offset + at) >>> 1];
      };
    case 'u32':
      return (offset) => {
        if ((offset + at) >>> 2 >= views.u32.length) views.recover(offset + at);
        return views.u32[(offset + at) >>> 2];
      };
    case 'i32':
      return (offset) => {
        if ((offset + at) >>> 2 >= views.i32.length) views.recover(offset + at);
        return views.i32[(offset + at) >>> 2];
      };
    case 'f32':
      return (offset) => {
        if ((offset + at) >>> 2 >= views.f32.length) views.recover(offset + at);
        return views.f32[(offset + at) >>> 2];
      };
    case 'f64':
      return (offset) => {
        if ((offset + at) >>> 3 >= views.f64.length) views.recover(offset + at);
        return views.f64[(offset + at) >>> 3];
      };
  }
}

/** A function that writes a field. It throws ERR_OFFSET outside the memory. */
export function makeSetter(
  views: ArenaViews,
  type: FieldType,
  at: ByteCount,
): (offset: number, value: number) => void {
  switch (type) {
    case 'u8':
      return (offset, value) => {
        if (offset + at >= views.u8.length) views.recover(offset + at);
        views.u8[offset + at] = value;
      };
    case 'i8':
      return (offset, value) => {
        if (offset + at >= views.i8.length) views.recover(offset + at);
        views.i8[offset + at] = value;
      };
    case 'u16':
      return (offset, value) => {
        if ((offset + at) >>> 1 >= views.u16.length) views.recover(offset + at);
        views.u16[(offset + at) >>> 1] = value;
      };
    case 'i16':
      return (offset, value) => {
        if ((offset + at) >>> 1 >= views.i16.length) views.recover(offset + at);
        views.i16[(offset + at) >>> 1] = value;
      };
    case 'u32':
      return (offset, value) => {
        if ((offset + at) >>> 2 >= views.u32.length) views.recover(offset + at);
        views.u32[(offset + at) >>> 2] = value;
      };
    case 'i32':
      return (offset, value) => {
        if ((offset + at) >>> 2 >= views.i32.length) views.recover(offset + at);
        views.i32[(offset + at) >>> 2] = value;
      };
    case 'f32':
      return (offset, value) => {
        if ((offset + at) >>> 2 >= views.f32.length) views.recover(offset + at);
        views.f32[(offset + at) >>> 2] = value;
      };
    case 'f64':
      return (offset, value) => {
        if ((offset + at) >>> 3 >= views.f64.length) views.recover(offset + at);
        views.f64[(offset + at) >>> 3] = value;
      };
  }
}
