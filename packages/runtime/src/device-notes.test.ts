import { describe, expect, test } from "vitest";
import { deviceNotes } from "./device-notes.js";

const DEVICE = { provider: "cpu", simulated: false, description: "Example CPU", fallbacks: [] };
const NO_GPU = { device: "gpu:cuda", reason: "no driver" };

describe(deviceNotes, () => {
  test("has no note if the requested device computed", () => {
    expect(deviceNotes(DEVICE)).toEqual([]);
  });

  test("says which device was used instead, and why", () => {
    expect(deviceNotes({ ...DEVICE, fallbacks: [NO_GPU] })).toEqual([
      "gpu:cuda is not available here: no driver.",
      "cpu was used instead (Example CPU).",
    ]);
  });

  test("reports a simulation, whether it was requested or not", () => {
    const simulation = {
      ...DEVICE,
      provider: "qnn",
      simulated: true,
      description: "qnn simulated on Example CPU",
    };
    expect(deviceNotes(simulation)).toEqual([
      "qnn was simulated (qnn simulated on Example CPU): the times were not measured on that device.",
    ]);
  });
});
