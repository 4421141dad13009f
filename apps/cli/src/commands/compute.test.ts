import { withCode } from "@slm/core/testing";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runCommand } from "../testing/run-command.js";
import { requireCpuOfWorkers } from "@slm/pipeline/workers/workers-address";

test("a device together with workers is rejected, because workers use their own CPUs", () => {
  const compute = { engine: "onnx" } as const;
  expect(() => {
    requireCpuOfWorkers(compute);
    requireCpuOfWorkers({ ...compute, device: "cpu" });
  }).not.toThrow();
  expect(() => {
    requireCpuOfWorkers({ ...compute, device: "gpu:cuda" });
  }).toThrow(withCode("USAGE"));
});

test("a device for an engine that does not use it is rejected before anything is trained", async () => {
  const recipe = new URL("../../../../configs/quickstart/recipe.yaml", import.meta.url).pathname;
  const out = join(tmpdir(), `slm-no-such-run-${process.pid}`);
  const argv = [recipe, "--out", out, "--engine", "js", "--device", "gpu:webgpu"];
  const { exitCode, stderr } = await runCommand("distill", argv);
  expect(exitCode).toBe(2);
  expect(stderr).toContain("engine js: expected device cpu, got gpu:webgpu");
  expect(existsSync(out)).toBe(false);
});
