import { withCode } from "@slm/core/testing";
import { describe, expect, test } from "vitest";
import { chooseLayers, type LayerChoice } from "./choose-layers.js";

const INFLUENCE = [0.9, 0.1, 0.5, 0.2, 0.4, 0.8];

describe(chooseLayers, () => {
  test.each<[LayerChoice, number, readonly number[]]>([
    ["every", 1, [0]],
    ["every", 2, [0, 5]],
    ["every", 3, [0, 3, 5]],
    ["every", 4, [0, 2, 3, 5]],
    ["every", 6, [0, 1, 2, 3, 4, 5]],
    ["first", 3, [0, 1, 2]],
    ["ends", 1, [0]],
    ["ends", 4, [0, 1, 4, 5]],
    ["ends", 5, [0, 1, 2, 4, 5]],
    ["importance", 3, [0, 2, 5]],
    ["importance", 6, [0, 1, 2, 3, 4, 5]],
    [[1, 4], 2, [1, 4]],
  ])("%s of %i layers", (choice, count, expected) => {
    expect(chooseLayers(choice, { count, of: 6 }, INFLUENCE)).toEqual(expected);
  });

  test("every keeps the first and the last layer without repeats, for any counts", () => {
    for (let of = 2; of <= 40; of++)
      for (let count = 2; count <= of; count++) {
        const layers = chooseLayers("every", { count, of });
        expect([layers[0], layers.at(-1), new Set(layers).size]).toEqual([0, of - 1, count]);
      }
  });

  test.each<[string, LayerChoice, number]>([
    ["more layers than the teacher has", "every", 7],
    ["a list of another length", [0, 1], 3],
    ["a list that does not ascend", [1, 1], 2],
    ["a layer that the teacher does not have", [0, 6], 2],
  ])("rejects %s", (_, choice, count) => {
    expect(() => chooseLayers(choice, { count, of: 6 }, INFLUENCE)).toThrow(withCode("CONFIG_INVALID"));
  });
});
