/** Corrupt models give an analysis or a rejection. `npm run fuzz` reads many more. */
import { readFile } from "node:fs/promises";
import { SlmError } from "@slm/core";
import { decodeOutline, type FixedSizes, type ModelOutline } from "@slm/onnx";
import { expect, test } from "vitest";
import { analyzeModel } from "./analyze-model.js";
import { createMutator } from "./mutate.test-support.js";

const FILES = 300;

/** Sets every symbolic size of every input to 2. */
const twos = ({ inputs }: ModelOutline): readonly FixedSizes[] =>
  inputs.flatMap(({ name, shape }) =>
    shape === undefined ? [] : [{ name, sizes: shape.map((size) => (typeof size === "number" ? size : 2)) }],
  );

test.each(["conv-net-qdq", "control-flow", "lstm"])("corrupt copies of %s", async (name) => {
  const url = new URL(`../fixtures/${name}.onnx`, import.meta.url);
  const original = new Uint8Array(await readFile(url));
  const { next } = createMutator(7);
  const outcomes = { analysed: 0, rejected: 0 };
  for (let count = 0; count < FILES / 3; count += 1) {
    try {
      const outline = decodeOutline(next(original));
      analyzeModel(outline, { target: "npu", sizes: twos(outline) });
      outcomes.analysed += 1;
    } catch (error) {
      if (!(error instanceof SlmError)) throw error;
      outcomes.rejected += 1;
    }
  }
  expect(outcomes.analysed).toBeGreaterThan(0);
  expect(outcomes.rejected).toBeGreaterThan(0);
});

test("mutations are a function of the seed", () => {
  const original = Uint8Array.from({ length: 100 }, (_, index) => index);
  const [a, b, c] = [createMutator(3), createMutator(3), createMutator(4)].map(({ next }) =>
    Array.from({ length: 20 }, () => next(original)),
  );
  expect(a).toEqual(b);
  expect(a).not.toEqual(c);
});
