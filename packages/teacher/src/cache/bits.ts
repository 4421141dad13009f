/** Bit streams, most significant bit first, and the Rice code with an escape for large values. */
import { SlmError } from "@slm/core";

/** Escape: quotients of at least this value are written as this many ones, followed by the plain value. */
const ESCAPE = 20;

/** Number of bits that represent every value up to `largest`. */
export function bitWidth(largest: number): number {
  return 32 - Math.clz32(largest);
}

/**
 * Length of a value in the Rice code with parameter `rice` [bits]: the quotient by 2^rice in unary, a zero, the remainder.
 *
 * Source: Rice and Plaunt 1971; the escape is from JPEG-LS (ITU-T T.87, A.5.3).
 */
export function riceLength(value: number, rice: number, width: number): number {
  const quotient = value >>> rice;
  return quotient < ESCAPE ? quotient + 1 + rice : ESCAPE + width;
}

/** Length of a list in the Rice code [bits]. */
export function riceTotal(values: ArrayLike<number>, rice: number, width: number): number {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += riceLength(values[i]!, rice, width);
  return total;
}

/** The Rice parameter up to `largest` with the shortest code of a list, and its length; on ties the smallest parameter. */
export function bestRice(
  values: ArrayLike<number>,
  largest: number,
  width: number,
): { readonly rice: number; readonly bits: number } {
  let best = { rice: 0, bits: Infinity };
  // If the remainder has as many bits as the value, the quotient is zero; a wider remainder only costs bits.
  for (let rice = 0; rice <= Math.min(largest, width); rice++) {
    const bits = riceTotal(values, rice, width);
    if (bits < best.bits) best = { rice, bits };
  }
  return best;
}

export class BitWriter {
  private bytes = new Uint8Array(1024);
  private length = 0;
  private pending = 0;
  private pendingBits = 0;

  /** Bits written so far. */
  get bitLength(): number {
    return 8 * this.length + this.pendingBits;
  }

  /** Writes the lowest `width` bits of a value, `width` at most 24. */
  write(value: number, width: number): void {
    this.pending = (this.pending << width) | value;
    this.pendingBits += width;
    while (this.pendingBits >= 8) {
      this.pendingBits -= 8;
      this.push((this.pending >>> this.pendingBits) & 0xff);
    }
    this.pending &= (1 << this.pendingBits) - 1;
  }

  writeRice(value: number, rice: number, width: number): void {
    const quotient = value >>> rice;
    if (quotient < ESCAPE) {
      this.write(2 ** (quotient + 1) - 2, quotient + 1);
      this.write(value & (2 ** rice - 1), rice);
    } else {
      this.write(2 ** ESCAPE - 1, ESCAPE);
      this.write(value, width);
    }
  }

  /** Returns all written bits, padded with zeros to a whole byte, and empties the writer. */
  take(): Uint8Array {
    if (this.pendingBits > 0) this.write(0, 8 - this.pendingBits);
    const taken = this.bytes.slice(0, this.length);
    this.length = 0;
    return taken;
  }

  private push(byte: number): void {
    if (this.length === this.bytes.length) {
      const grown = new Uint8Array(2 * this.length);
      grown.set(this.bytes);
      this.bytes = grown;
    }
    this.bytes[this.length++] = byte;
  }
}

export class BitReader {
  private readonly bytes: Uint8Array;
  private readonly end: number;
  private position = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.end = 8 * bytes.length;
  }

  /** Bits not read yet. */
  get remaining(): number {
    return this.end - this.position;
  }

  /** The next `width` bits, at most 24. @throws SlmError DATA_INVALID beyond the end */
  read(width: number): number {
    if (width > this.end - this.position) throw endsEarly();
    const value = width === 0 ? 0 : (this.window() << (this.position & 7)) >>> (32 - width);
    this.position += width;
    return value;
  }

  /** A value written by {@link BitWriter.writeRice}. @throws SlmError DATA_INVALID beyond the end */
  readRice(rice: number, width: number): number {
    const ones = Math.min(ESCAPE, Math.clz32(~(this.window() << (this.position & 7))));
    if (ones >= ESCAPE) {
      this.read(ESCAPE);
      return this.read(width);
    }
    this.read(ones + 1);
    return (ones << rice) + this.read(rice);
  }

  /** 32 bits from the byte the position is in; zeros beyond the end. At least 25 of them are at or after the position. */
  private window(): number {
    const { bytes } = this;
    const at = this.position >>> 3;
    return (
      ((bytes[at] ?? 0) << 24) |
      ((bytes[at + 1] ?? 0) << 16) |
      ((bytes[at + 2] ?? 0) << 8) |
      (bytes[at + 3] ?? 0)
    );
  }
}

function endsEarly(): SlmError {
  return new SlmError("DATA_INVALID", "a record ends before its last token");
}
