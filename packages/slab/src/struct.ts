import { ArgumentError, type ByteCount } from '@hotpath/hw-x86';

/** Types of a struct's fields: bytes and kind of the typed array that holds them. */
export type FieldType = 'u8' | 'i8' | 'u16' | 'i16' | 'u32' | 'i32' | 'f32' | 'f64';

/** Fields by name, in the order in which they lie. */
export type StructFields = Readonly<Record<string, FieldType>>;

const FIELD_BYTES: Readonly<Record<FieldType, ByteCount>> = {
  u8: 1,
  i8: 1,
  u16: 2,
  i16: 2,
  u32: 4,
  i32: 4,
  f32: 4,
  f64: 8,
};

/** How a struct lies in memory. */
export interface StructType<Fields extends StructFields> {
  readonly fields: Fields;
  /** Byte of each field inside the struct. */
  readonly offsetOf: Readonly<Record<keyof Fields, ByteCount>>;
  /** Length, a multiple of {@link align}. */
  readonly byteCount: ByteCount;
  /** Bytes of the largest field. */
  readonly align: ByteCount;
}

/**
 * Lays out a struct as C does: fields in the given order, each aligned to its length. Put large
 * fields first to avoid gaps. Names that accessors use themselves are refused.
 * @throws ArgumentError ERR_STRUCT
 */
export function struct<const Fields extends StructFields>(fields: Fields): StructType<Fields> {
  const offsetOf: Record<string, ByteCount> = {};
  let end = 0;
  let align = 1;
  for (const [name, type] of Object.entries(fields)) {
    const bytes = FIELD_BYTES[type];
    if (bytes === undefined) {
      const allowed = Object.keys(FIELD_BYTES).join(', ');
      throw new ArgumentError('ERR_STRUCT', `field ${name} is a ${type}; allowed: ${allowed}`);
    }
    if (name === 'offset' || name === 'move') {
      throw new ArgumentError('ERR_STRUCT', `field ${name}: the cursor uses this name itself`);
    }
    offsetOf[name] = Math.ceil(end / bytes) * bytes;
    end = offsetOf[name] + bytes;
    align = Math.max(align, bytes);
  }
  if (end === 0) throw new ArgumentError('ERR_STRUCT', 'a struct has at least one field');
  return {
    fields,
    offsetOf: offsetOf as Record<keyof Fields, ByteCount>,
    byteCount: Math.ceil(end / align) * align,
    align,
  };
}
