/** Validates a structure of Thrift's compact protocol before it is read, so that a corrupt length cannot make the reader allocate or loop. */

/** Bytes of a 64-bit varint. */
const MAX_VARINT_BYTES = 10;
/** Maximum nesting; Parquet's deepest structure has nine levels. */
const MAX_DEPTH = 32;

const STOP = 0;
const BOOLEAN_TYPES: ReadonlySet<number> = new Set([1, 2]);
const LIST = 9;
const STRUCT = 12;

/** Skips a value, by scalar type. */
const SKIP: Readonly<Record<number, (view: DataView, offset: number) => number>> = {
  1: (_view, offset) => offset,
  2: (_view, offset) => offset,
  3: (_view, offset) => offset + 1,
  4: (view, offset) => readVarint(view, offset).end,
  5: (view, offset) => readVarint(view, offset).end,
  6: (view, offset) => readVarint(view, offset).end,
  7: (_view, offset) => offset + 8,
  8: (view, offset) => {
    const { value, end } = readVarint(view, offset);
    return end + value;
  },
};

/**
 * Returns the offset of the end of a structure.
 *
 * @throws RangeError if it does not end within the view, is nested too deeply, or contains types that Parquet does not use
 */
export function endOfStruct(view: DataView, start: number, depth = 0): number {
  if (depth > MAX_DEPTH) throw new RangeError(`structures are nested deeper than ${MAX_DEPTH}`);
  let offset = start;
  for (;;) {
    const byte = view.getUint8(offset++);
    const type = byte & 0x0f;
    if (type === STOP) return offset;
    if (byte >> 4 === 0) offset = readVarint(view, offset).end;
    offset = endOfValue(view, offset, type, depth);
    if (offset > view.byteLength)
      throw new RangeError(`a value ends at ${offset} of ${view.byteLength} bytes`);
  }
}

function endOfValue(view: DataView, start: number, type: number, depth: number): number {
  if (type === STRUCT) return endOfStruct(view, start, depth + 1);
  if (type === LIST) return endOfList(view, start, depth + 1);
  const skip = SKIP[type];
  if (skip === undefined) throw new RangeError(`unknown type ${type}`);
  return skip(view, start);
}

function endOfList(view: DataView, start: number, depth: number): number {
  if (depth > MAX_DEPTH) throw new RangeError(`lists are nested deeper than ${MAX_DEPTH}`);
  let offset = start;
  const byte = view.getUint8(offset++);
  const type = byte & 0x0f;
  let count = byte >> 4;
  if (count === 15) ({ value: count, end: offset } = readVarint(view, offset));
  // Every item has at least one byte.
  if (count > view.byteLength - offset)
    throw new RangeError(`a list of ${count} items is longer than its bytes`);
  if (BOOLEAN_TYPES.has(type)) return offset + count;
  for (let item = 0; item < count; item++) offset = endOfValue(view, offset, type, depth);
  return offset;
}

/** Reads an unsigned varint, exact up to 2^53. @throws RangeError if it does not end */
export function readVarint(view: DataView, start: number): { readonly value: number; readonly end: number } {
  let value = 0;
  for (let index = 0; index < MAX_VARINT_BYTES; index++) {
    const byte = view.getUint8(start + index);
    value += (byte & 0x7f) * 128 ** index;
    if (byte < 0x80) return { value, end: start + index + 1 };
  }
  throw new RangeError(`a number at byte ${start} does not end`);
}
