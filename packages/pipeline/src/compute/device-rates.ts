/**
 * Rates of matrix products of devices, measured once and kept under a name in the user's cache, so that a run can be planned for a device
 * that is not here. Nothing in it is anyone's data sheet: what was not measured has no rate.
 */
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { readJsonFile, userCacheFolder, writeJsonAtomic } from "@slm/core";
import { SlmError } from "@slm/core/errors";
import { z } from "zod";
import type { TrainingDevice } from "./compute.js";

const rate = z.number().positive();

/** Products of two square matrices in each number format that the device computes [FLOP/s], a multiply-add counted as two. */
const productRates = z.strictObject({
  float32: rate,
  float16: rate.optional(),
  bfloat16: rate.optional(),
});

const measuredDevice = z.strictObject({
  name: z.string().min(1),
  /** As `--device` takes it. */
  device: z.string(),
  description: z.string(),
  /** Whether software stands in for the device: its rates say nothing about one. */
  simulated: z.boolean(),
  /** Day of the measurement, ISO 8601. */
  measured: z.iso.date(),
  products: productRates,
});

/** A device with a name that the user gave it. */
export type MeasuredDevice = Readonly<z.infer<typeof measuredDevice>>;

const ratesFile = z.strictObject({ devices: z.array(measuredDevice) });

/** The file; it may be copied to another machine. */
export const deviceRatesFile = (): string => join(userCacheFolder(), "device-rates.json");

/** Every device that was measured. @throws SlmError DATA_INVALID for a corrupt file */
async function measuredDevices(): Promise<readonly MeasuredDevice[]> {
  try {
    return (await readJsonFile(deviceRatesFile(), ratesFile)).devices;
  } catch (error) {
    if (error instanceof SlmError && error.code === "INPUT_MISSING") return [];
    throw error;
  }
}

/** @throws SlmError USAGE for a name that no device was measured under */
export async function measuredDeviceOf(name: string): Promise<MeasuredDevice> {
  const all = await measuredDevices();
  const found = all.find((device) => device.name === name);
  if (found !== undefined) return found;
  const known =
    all.length === 0 ? "none was measured" : `measured were ${all.map((device) => device.name).join(", ")}`;
  throw new SlmError("USAGE", `--estimate-for ${name}: no such device in ${deviceRatesFile()}; ${known}`, {
    suggestions: [
      `slm doctor --measure ${name} --device gpu:cuda   # where the device is; then copy the file`,
    ],
  });
}

/** The side of the square matrices; software that stands in for a GPU would take a minute for the larger ones. */
const sideOf = (isSoftware: boolean): number => (isSoftware ? 512 : 2048);

/**
 * Measures a device and keeps its rates, in place of earlier ones of that name.
 *
 * @throws SlmError DEVICE_UNAVAILABLE if the device is not on this machine
 */
export async function measureDevice(
  name: string,
  device: TrainingDevice,
  threads?: number,
): Promise<MeasuredDevice> {
  const { squareProductRate } = await import("@slm/bench");
  const { withTrainingRuntime } = await import("./open-engine.js");
  const found = await withTrainingRuntime({ device, threads }, async (runtime): Promise<MeasuredDevice> => {
    const { description, simulated } = runtime.device;
    const side = sideOf(simulated);
    const in16Bits = (format: "float16" | "bfloat16"): Promise<number | undefined> =>
      // A device that does not compute in a format has no rate in it.
      squareProductRate(runtime, side, format).catch(() => undefined);
    return {
      ...{ name, device, description, simulated, measured: new Date().toISOString().slice(0, 10) },
      products: {
        float32: await squareProductRate(runtime, side, "float32"),
        float16: await in16Bits("float16"),
        bfloat16: await in16Bits("bfloat16"),
      },
    };
  });
  const others = (await measuredDevices()).filter((other) => other.name !== name);
  await mkdir(dirname(deviceRatesFile()), { recursive: true });
  await writeJsonAtomic(deviceRatesFile(), { devices: [...others, found] });
  return found;
}
