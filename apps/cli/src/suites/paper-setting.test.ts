import { encoderDecoderConfig, parameterCount } from "@slm/model";
import { describe, expect, test } from "vitest";
import { fileURLToPath } from "node:url";
import { readModelShape } from "../models/random-checkpoint.js";
import { cellsOf, DEFAULT_GRID, PAPER_SHAPE, splitShape, type SuiteGrid } from "./paper-setting.js";

const shape = encoderDecoderConfig.parse(PAPER_SHAPE);
const grid: SuiteGrid = {
  schemes: ["float32", "cpu"],
  sources: [8, 16, 32],
  answers: [4, 6],
  encoderLayers: [20, 10],
  batches: [1, 8],
};

test("the paper's shape is that of configs/paper-330m/model.yaml, and has the paper's parameters", async () => {
  const path = fileURLToPath(new URL("../../../../configs/paper-330m/model.yaml", import.meta.url));
  expect(await readModelShape(path)).toEqual(shape);
  expect(parameterCount(shape)).toBe(332_042_240);
});

describe(cellsOf, () => {
  test("crosses schemes and lengths at the first split, and takes the others at one point of the last scheme", () => {
    const cells = cellsOf(grid);
    expect(cells).toHaveLength(2 * 3 * 2 + 2);
    expect(new Set(cells.map((cell) => JSON.stringify(cell))).size).toBe(cells.length);
    const middle = { scheme: "cpu", source: 16, answer: 4 };
    expect(cells.slice(-2)).toEqual([
      { ...middle, encoderLayers: 20, batch: 8 },
      { ...middle, encoderLayers: 10, batch: 1 },
    ]);
  });

  test("rejects an empty grid", () => {
    expect(() => cellsOf({ ...grid, encoderLayers: [] })).toThrow(/split/);
    expect(() => cellsOf({ ...grid, sources: [] })).toThrow(/source length/);
  });
});

describe(splitShape, () => {
  test("keeps the number of layers and makes room for the longest lengths", () => {
    for (const layers of DEFAULT_GRID.encoderLayers) {
      const split = splitShape(shape, layers, { ...grid, sources: [8192], answers: [600] });
      expect(split.encoderLayers + split.decoderLayers).toBe(30);
      expect(split).toMatchObject({ encoderLayers: layers, maxSource: 8192, maxTarget: 601 });
    }
  });

  test("rejects a split that leaves one side without layers", () => {
    expect(() => splitShape(shape, 30, grid)).toThrow(/1 to 29/);
    expect(() => splitShape(shape, 0, grid)).toThrow(/1 to 29/);
  });
});
