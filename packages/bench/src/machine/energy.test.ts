import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { describe, expect, test } from "vitest";
import { openEnergyMeter } from "./energy.js";

const folder = temporaryFolder({ each: true });

async function domain(name: string, microjoules: number): Promise<void> {
  await mkdir(join(folder, name), { recursive: true });
  await writeFile(join(folder, name, "energy_uj"), `${microjoules}\n`);
  await writeFile(join(folder, name, "max_energy_range_uj"), "9000000\n");
}

describe(openEnergyMeter, () => {
  test("adds up the packages without their subdomains, and continues after a counter wraps around", async () => {
    await domain("intel-rapl:0", 8_000_000);
    await domain("intel-rapl:1", 1_000_000);
    await domain("intel-rapl:0:0", 500);
    const meter = openEnergyMeter(folder);
    expect(meter.source).toContain("RAPL, 2 packages");
    await domain("intel-rapl:0", 500_000);
    await domain("intel-rapl:1", 1_250_000);
    expect(meter.take()).toBeCloseTo(1.75);
    expect(meter.take()).toBe(0);
  });

  test("says why energy is not measured, and returns none", async () => {
    const none = openEnergyMeter(folder);
    expect(none.source).toMatch(/^not measured: .* lists no CPU/);
    expect(none.take()).toBeUndefined();
    expect(openEnergyMeter(join(folder, "missing")).source).toMatch(/^not measured/);
    await domain("intel-rapl:0", 1);
    await writeFile(join(folder, "intel-rapl:0", "energy_uj"), "soon\n");
    expect(openEnergyMeter(folder).source).toContain("expected a number, got 'soon'");
  });
});
