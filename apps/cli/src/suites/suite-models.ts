/** The models of a suite. They have random weights, and are exported and quantized like trained ones, once each. */
import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { makeFolder, type StageContext } from "@slm/core";
import { SlmError } from "@slm/core/errors";
import { SCHEME_NAMES } from "@slm/devices";
import type { EncoderDecoderConfig } from "@slm/model";
import { exportCheckpoint } from "@slm/onnx-export";
import { quantizeDirectory } from "@slm/quantization";
import { makeBaseline } from "../models/make-baseline.js";
import { writeRandomCheckpoint } from "../models/random-checkpoint.js";

/** Name of the unquantized export in the list of schemes. */
const UNQUANTIZED = "float32";

export interface SuiteModel {
  readonly shape: EncoderDecoderConfig;
  readonly scheme: string;
  /** Directory for all models of the suite. */
  readonly root: string;
  readonly context: StageContext;
}

/** Directories of the encoder-decoder and its decoder-only baseline. */
export interface SuitePair {
  readonly encoderDecoder: string;
  readonly decoderOnly: string;
}

/** Makes the missing models. A directory is written atomically.
 *
 * @throws SlmError USAGE for an unknown scheme, and what exporting and quantizing throw
 */
export async function makePair({ shape, scheme, root, context }: SuiteModel): Promise<SuitePair> {
  const known = SCHEME_NAMES.find((name) => name === scheme);
  if (known === undefined && scheme !== UNQUANTIZED)
    throw new SlmError("USAGE", `bench: unknown scheme ${scheme}`, {
      suggestions: [`--schemes ${[UNQUANTIZED, ...SCHEME_NAMES].join(",")}`],
    });
  const { encoderLayers, decoderLayers } = shape;
  const directory = join(root, `${encoderLayers}+${decoderLayers}`);
  await makeFolder(directory);
  const float32 = join(directory, UNQUANTIZED);
  const say = (message: string): void => {
    context.progress({ stage: "bench", message });
  };
  await once(float32, async (work) => {
    say(`making an encoder-decoder of ${encoderLayers} + ${decoderLayers} layers`);
    const checkpoint = `${work}-checkpoint`;
    await rm(checkpoint, { recursive: true, force: true });
    await mkdir(checkpoint);
    await writeRandomCheckpoint(checkpoint, shape, { seed: context.seed, progress: context.progress });
    await exportCheckpoint({
      checkpointDirectory: checkpoint,
      outputDirectory: work,
      target: "cpu",
      name: `encoder-decoder ${encoderLayers} + ${decoderLayers}, random weights`,
      signal: context.signal,
    });
    await rm(checkpoint, { recursive: true });
  });
  const encoderDecoder = join(directory, scheme);
  if (known !== undefined)
    await once(encoderDecoder, async (work) => {
      say(`quantizing it to ${scheme}`);
      const { signal } = context;
      await quantizeDirectory({ modelDirectory: float32, outputDirectory: work, scheme: known, signal });
    });
  const decoderOnly = join(directory, `decoder-only-${scheme}`);
  await once(decoderOnly, async (work) => {
    say(`making the decoder-only baseline, ${scheme}`);
    await makeBaseline({ like: encoderDecoder, outputDirectory: work, context });
  });
  return { encoderDecoder, decoderOnly };
}

/** Makes a directory unless it exists. */
async function once(directory: string, make: (work: string) => Promise<unknown>): Promise<void> {
  if (existsSync(directory)) return;
  const work = `${directory}.making`;
  await rm(work, { recursive: true, force: true });
  await mkdir(work);
  await make(work);
  await rename(work, directory);
}
