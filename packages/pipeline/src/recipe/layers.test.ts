import { expect, test } from "vitest";
import { environmentLayers } from "./layers.js";

test("on Windows the case of a variable's name does not matter", () => {
  const environment = { slm_Distill__batch_Size: "32", Slm_Seed: "7", Path: "C:\\Windows" };
  const values = (platform: NodeJS.Platform) =>
    environmentLayers(environment, ["distill"], platform).map(({ value }) => value);
  expect(values("win32")).toEqual([{ seed: 7 }, { distill: { batchSize: 32 } }]);
  expect(values("linux")).toEqual([]);
});
