import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fromHalf, toHalf } from "@slm/runtime";
import { packGgmlBlocks, type PackedBlocks } from "./ggml-blocks.js";

const OUTPUTS = 3;
const BLOCKS = 3;
const INPUTS = 32 * BLOCKS;

/** The weights that the operator computes with, according to its documentation. */
function unpack({ codes, scales, zeroPoints, inputs, outputs, bits, blocks }: PackedBlocks): number[] {
  const code = (bytes: Uint8Array, row: number, at: number): number =>
    bits === 8 ? bytes[row + at]! : (bytes[row + (at >> 1)]! >> (4 * (at % 2))) & 15;
  const zeroBytes = Math.ceil(blocks / 2);
  return Array.from({ length: outputs * inputs }, (_, index) => {
    const output = Math.floor(index / inputs);
    const input = index % inputs;
    const block = Math.floor(input / 32);
    const zero = zeroPoints === undefined ? 2 ** (bits - 1) : code(zeroPoints, output * zeroBytes, block);
    return Math.fround(
      (code(codes, output * ((inputs * bits) / 8), input) - zero) * scales[output * blocks + block]!,
    );
  });
}

/** The weights of the blocks, according to ggml's documentation. */
function meant(type: "Q4_0" | "Q4_1" | "Q8_0", raw: Uint8Array): number[] {
  const view = new DataView(raw.buffer);
  const bytes = { Q4_0: 18, Q4_1: 20, Q8_0: 34 }[type];
  return Array.from({ length: (raw.length / bytes) * 32 }, (_, index) => {
    const start = Math.floor(index / 32) * bytes;
    const j = index % 32;
    const d = fromHalf(view.getUint16(start, true));
    if (type === "Q8_0") return Math.fround(d * view.getInt8(start + 2 + j));
    const codes = start + (type === "Q4_0" ? 2 : 4);
    const code = j < 16 ? raw[codes + j]! & 15 : raw[codes + j - 16]! >> 4;
    if (type === "Q4_0") return Math.fround(d * (code - 8));
    return Math.fround(Math.fround(d * code) + fromHalf(view.getUint16(start + 2, true)));
  });
}

const finiteHalf = fc.nat(0xffff).filter((bits) => (bits & 0x7c00) !== 0x7c00);

/** Blocks with arbitrary codes and finite scales. `minimum` is derived from the scale if the type has one. */
const blocksOf = (
  bytes: number,
  minimum?: (scale: number, zero: number) => number,
): fc.Arbitrary<Uint8Array> =>
  fc
    .array(fc.tuple(finiteHalf, fc.nat(15), fc.uint8Array({ minLength: bytes, maxLength: bytes })), {
      minLength: OUTPUTS * BLOCKS,
      maxLength: OUTPUTS * BLOCKS,
    })
    .map((parts) => {
      const raw = new Uint8Array(parts.length * bytes);
      const view = new DataView(raw.buffer);
      for (const [index, [scale, zero, block]] of parts.entries()) {
        raw.set(block, index * bytes);
        view.setUint16(index * bytes, scale, true);
        if (minimum !== undefined) view.setUint16(index * bytes + 2, minimum(scale, zero), true);
      }
      return raw;
    });

const shape = { outputs: OUTPUTS, inputs: INPUTS };
/** Treats -0 and 0 as equal. */
const plus = (values: readonly number[]): number[] => values.map((value) => value + 0);

describe(packGgmlBlocks, () => {
  test.each([
    ["Q4_0", 18],
    ["Q8_0", 34],
  ] as const)("keeps every weight of %s bit for bit", (type, bytes) => {
    fc.assert(
      fc.property(blocksOf(bytes), (raw) => {
        const packed = packGgmlBlocks(type, raw, shape)!;
        expect(packed.zeroPoints).toBeUndefined();
        expect(plus(unpack(packed))).toEqual(plus(meant(type, raw)));
      }),
    );
  });

  test("keeps Q4_1 bit for bit where its minimum is a whole number of steps", () => {
    // A scale with one significant bit, so that its multiples are half-precision numbers.
    const simple = blocksOf(20).map((raw) => {
      const view = new DataView(raw.buffer);
      for (let at = 0; at < raw.length; at += 20) {
        view.setUint16(at, toHalf(0.25), true);
        view.setUint16(at + 2, toHalf(-0.25 * (raw[at + 3]! & 15)), true);
      }
      return raw;
    });
    fc.assert(
      fc.property(simple, (raw) => {
        const packed = packGgmlBlocks("Q4_1", raw, shape)!;
        expect(plus(unpack(packed))).toEqual(plus(meant("Q4_1", raw)));
      }),
    );
  });

  test("either converts any Q4_1 block bit for bit or reports that it cannot", () => {
    let rejected = 0;
    fc.assert(
      fc.property(
        blocksOf(20, (scale, zero) => toHalf(-zero * fromHalf(scale))),
        (raw) => {
          const packed = packGgmlBlocks("Q4_1", raw, shape);
          if (packed === undefined) rejected += 1;
          else expect(plus(unpack(packed))).toEqual(plus(meant("Q4_1", raw)));
        },
      ),
    );
    expect(rejected).toBeGreaterThan(0);
  });

  test.each([
    [-0.1, "between two steps"],
    [0.25, "below the first"],
    [-4, "above the last"],
  ])("rejects a Q4_1 minimum of %d, %s", (minimum) => {
    const raw = new Uint8Array(20);
    new DataView(raw.buffer).setUint16(0, toHalf(0.25), true);
    new DataView(raw.buffer).setUint16(2, toHalf(minimum), true);
    expect(packGgmlBlocks("Q4_1", raw, { outputs: 1, inputs: 32 })).toBeUndefined();
  });

  test("rejects bytes that are not the blocks of the shape", () => {
    expect(() => packGgmlBlocks("Q4_0", new Uint8Array(17), { outputs: 1, inputs: 32 })).toThrow(
      expect.objectContaining({ code: "SHAPE_MISMATCH" }),
    );
    expect(() => packGgmlBlocks("Q4_0", new Uint8Array(18), { outputs: 1, inputs: 16 })).toThrow(
      expect.objectContaining({ code: "SHAPE_MISMATCH" }),
    );
  });
});
