/**
 * Measured rates of matrix products, stored by device name in the user's cache, so that a run can be planned for a device that is not on
 * this machine. All rates are measured; none comes from a data sheet.
 */
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { readJsonFile, userCacheFolder, writeJsonAtomic } from "@slm/core";
import { SlmError } from "@slm/core/errors";
import { z } from "zod";
import type { TrainingDevice } from "./compute.js";

const rate = z.number().positive();

/** Rate of products of two square matrices in each number format that the device supports [FLOP/s]. A multiply-add counts as two. */
const productRates = z.strictObject({
  float32: rate,
  float16: rate.optional(),
  bfloat16: rate.optional(),
});

const measuredDevice = z.strictObject({
  name: z.string().min(1),
  /** As written in `--device`. */
  device: z.string(),
  description: z.string(),
  /** Whether software simulates the device. Its rates then say nothing about real hardware. */
  simulated: z.boolean(),
  /** Day of the measurement, ISO 8601. */
  measured: z.iso.date(),
  products: productRates,
});

/** A device under the name that the user gave it. */
export type MeasuredDevice = Readonly<z.infer<typeof measuredDevice>>;

const ratesFile = z.strictObject({ devices: z.array(measuredDevice) });

/** The file of rates. It can be copied to another machine. */
export const deviceRatesFile = (): string => join(userCacheFolder(), "device-rates.json");

/** All measured devices. @throws SlmError DATA_INVALID for a corrupt file */
async function measuredDevices(): Promise<readonly MeasuredDevice[]> {
  try {
    return (await readJsonFile(deviceRatesFile(), ratesFile)).devices;
  } catch (error) {
    if (error instanceof SlmError && error.code === "INPUT_MISSING") return [];
    throw error;
  }
}

/** @throws SlmError USAGE if no device was measured under this name */
export async function measuredDeviceOf(name: string): Promise<MeasuredDevice> {
  const all = await measuredDevices();
  const found = all.find((device) => device.name === name);
  if (found !== undefined) return found;
  const known =
    all.length === 0
      ? "no device was measured"
      : `measured devices: ${all.map((device) => device.name).join(", ")}`;
  throw new SlmError("USAGE", `--estimate-for ${name}: no such device in ${deviceRatesFile()}; ${known}`, {
    suggestions: [
      `slm doctor --measure ${name} --device gpu:cuda   # on the machine with the device; then copy the file`,
    ],
  });
}

/** Side of the square matrices. It is smaller for a simulated GPU, which would need a minute for the large ones. */
const sideOf = (isSoftware: boolean): number => (isSoftware ? 512 : 2048);

/**
 * Measures a device and stores its rates; earlier rates of this name are replaced.
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
      // There is no rate for a format that the device does not support.
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
