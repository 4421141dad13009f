/** Corrupt models give an analysis or a rejection. `npm run fuzz` reads many more. */
import { readFile } from "node:fs/promises";
import { SlmError } from "@slm/core";
import { decodeOutline, type FixedSizes, type ModelOutline } from "@slm/onnx";
import fc from "fast-check";
import { expect, test } from "vitest";
import { analyzeModel } from "./analyze-model.js";

/** Sets every symbolic size of every input to 2. */
const twos = ({ inputs }: ModelOutline): readonly FixedSizes[] =>
  inputs.flatMap(({ name, shape }) =>
    shape === undefined ? [] : [{ name, sizes: shape.map((size) => (typeof size === "number" ? size : 2)) }],
  );

const bytes = fc.uint8Array({ minLength: 1, maxLength: 4 });
/** Most edits keep the length, so that they change a number, a name or a type. */
const edit = fc.oneof(
  { weight: 3, arbitrary: fc.record({ at: fc.nat(), put: bytes, lost: fc.constant(undefined) }) },
  { weight: 1, arbitrary: fc.record({ at: fc.nat(), put: bytes, lost: fc.nat(64) }) },
);
const edits = fc.array(edit, { minLength: 1, maxLength: 4 });

test.each(["conv-net-qdq", "control-flow", "lstm"])("corrupt copies of %s", async (name) => {
  const original = await readFile(new URL(`../fixtures/${name}.onnx`, import.meta.url));
  const outcomes = new Set<string>();
  fc.assert(
    fc.property(edits, (all) => {
      let copy: Uint8Array = original;
      for (const { at, put, lost = put.length } of all) {
        const from = at % copy.length;
        copy = Buffer.concat([copy.subarray(0, from), put, copy.subarray(from + lost)]);
      }
      try {
        const outline = decodeOutline(copy);
        analyzeModel(outline, { target: "npu", sizes: twos(outline) });
        outcomes.add("analysed");
      } catch (error) {
        if (!(error instanceof SlmError)) throw error;
        outcomes.add("rejected");
      }
    }),
    { seed: 7, numRuns: 100 },
  );
  expect(outcomes.size).toBe(2);
});
