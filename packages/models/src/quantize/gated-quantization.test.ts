import { describe, expect, test } from "vitest";
import { readGateRequest } from "./gated-quantization.js";

describe(readGateRequest, () => {
  test.each([
    ["logitDivergence:0.01", { data: "rows.jsonl" }, /--calibration/],
    ["logitDivergence:+1", { calibration: "rows.jsonl" }, /nats/],
    ["wer:+1", {}, /--data or --calibration/],
    ["word:+1", { data: "rows.jsonl" }, /expected a metric/],
  ])("rejects --gate %s with %o before anything is quantized", async (gate, flags, message) => {
    const request = readGateRequest({ gate, model: "missing", scheme: "cpu", ...flags });
    await expect(request).rejects.toMatchObject({ code: "USAGE" });
    await expect(request).rejects.toThrow(message);
  });

  test("without --gate nothing is measured", async () => {
    expect(await readGateRequest({ model: "missing", scheme: "cpu", data: "rows.jsonl" })).toBeUndefined();
  });
});
