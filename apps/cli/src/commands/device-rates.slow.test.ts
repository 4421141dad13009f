import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { z } from "zod";
import { runCommand } from "../testing/run-command.js";
import { writeTinyRecipe } from "@slm/pipeline/testing/tiny-run";
import { deviceRatesFile } from "@slm/pipeline/compute/device-rates";

const root = temporaryFolder();
let recipe = "";
beforeAll(async () => {
  recipe = await writeTinyRecipe(root);
});
beforeEach(() => {
  vi.stubEnv("XDG_CACHE_HOME", join(root, "cache"));
});

const deviceOf = (name: string, float32: number, float16?: number): unknown => ({
  name,
  device: "gpu:cuda",
  description: `${name}, synthetic`,
  simulated: false,
  measured: "2026-11-28",
  products: { float32, ...(float16 === undefined ? {} : { float16 }) },
});

async function keep(...devices: readonly unknown[]): Promise<void> {
  await mkdir(dirname(deviceRatesFile()), { recursive: true });
  await writeFile(deviceRatesFile(), JSON.stringify({ devices }));
}

const plan = z.object({
  result: z.object({
    stages: z.array(
      z.object({
        name: z.string(),
        estimate: z.object({ seconds: z.number().optional(), basis: z.string().optional() }),
      }),
    ),
  }),
});

/** Seconds and basis of the distillation. */
async function distillation(...more: readonly string[]): Promise<{ seconds: number; basis: string }> {
  const argv = [recipe, "--out", join(root, "run"), "--dry-run", "--json", ...more];
  const { stages } = plan.parse((await runCommand("distill", argv)).json).result;
  const { seconds, basis } = stages.find(({ name }) => name === "distill")!.estimate;
  return { seconds: seconds!, basis: basis! };
}

describe("a plan for a device that was measured elsewhere", () => {
  test("uses the rate for the training's number format, on any machine, and names the origin of the rate", async () => {
    await keep(deviceOf("slow", 1e9), deviceOf("fast", 4e9, 16e9));
    const slow = await distillation("--estimate-for", "slow", "--device", "gpu:cuda");
    const fast = await distillation("--estimate-for", "fast");
    const float16 = await distillation("--estimate-for", "fast", "--set", "distill.mixedPrecision=float16");
    expect(slow.seconds / fast.seconds).toBeCloseTo(4, 9);
    expect(fast.seconds / float16.seconds).toBeCloseTo(4, 9);
    expect(float16.basis).toContain("rate of float16 products measured on 2026-11-28 on fast");
    expect(float16.basis).toContain("0.65 (the part that steps on CPUs reach)");
  });

  test("is an error for a format in which it was not measured", async () => {
    await keep(deviceOf("slow", 1e9));
    const argv = [recipe, "--dry-run", "--estimate-for", "slow", "--set", "distill.mixedPrecision=bfloat16"];
    const { exitCode, stderr } = await runCommand("distill", argv);
    expect(exitCode).toBe(78);
    expect(stderr).toContain("expected a number format in which 'slow' was measured (float32), got bfloat16");
  });

  test("is an error for an unknown name, without an invented rate", async () => {
    await keep(deviceOf("slow", 1e9));
    const { exitCode, stderr } = await runCommand("distill", [recipe, "--dry-run", "--estimate-for", "h100"]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain("--estimate-for h100: no such device");
    expect(stderr).toContain("measured devices: slow");
  });

  test("is an error without --dry-run, because the named device is not on this machine", async () => {
    expect((await runCommand("distill", [recipe, "--estimate-for", "slow"])).exitCode).toBe(2);
  });
});

test("slm doctor --measure stores the device's rates, and replaces earlier ones with the same name", async () => {
  await keep(deviceOf("mine", 1), deviceOf("other", 1e9));
  const { json, exitCode } = await runCommand("doctor", ["--measure", "mine", "--json"]);
  expect(exitCode).toBe(0);
  const { measured } = z
    .object({
      result: z.object({ measured: z.looseObject({ products: z.looseObject({ float32: z.number() }) }) }),
    })
    .parse(json).result;
  expect(measured).toMatchObject({ name: "mine", device: "cpu", simulated: false });
  expect(measured.products.float32).toBeGreaterThan(1e6);
  // The CPU provider does not multiply bfloat16 matrices.
  expect(Object.keys(measured.products).sort()).toEqual(["float16", "float32"]);
  const { devices } = z
    .object({ devices: z.array(z.unknown()) })
    .parse(JSON.parse(await readFile(deviceRatesFile(), "utf8")));
  expect(devices).toEqual([deviceOf("other", 1e9), measured]);
});
