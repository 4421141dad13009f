/** The compilers, the processors and the tiny models of the tests of target c. */
import { join } from "node:path";
import { importEncoderDecoder, readHuggingFaceDirectory, type Checkpoint } from "@slm/checkpoints";
import { createRandom } from "@slm/generation";
import {
  decoderOnlyConfig,
  encoderDecoderConfig,
  initializeWeights,
  type EncoderDecoderConfig,
  type ModelConfig,
} from "@slm/model";

const FIXTURES = join(import.meta.dirname, "../../packages/checkpoints/fixtures/encoder-decoders");
export const STRICT = ["-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror"];

/** How a program is built, and what runs it. */
export interface Build {
  readonly compiler: string;
  readonly flags: readonly string[];
  readonly emulator?: readonly string[];
}

export const BUILDS: Readonly<Record<string, Build>> = {
  "gcc, the CPU's vectors": { compiler: "gcc", flags: ["-O3", "-fno-math-errno", "-march=native"] },
  "gcc, any x86-64": { compiler: "gcc", flags: ["-O2"] },
  clang: { compiler: "clang", flags: ["-O2", "-mavx2", "-mfma"] },
  "gcc without vectors, address and undefined-behaviour sanitizers": {
    compiler: "gcc",
    flags: ["-O1", "-g", "-DSLM_SCALAR", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
  },
  "gcc with SSE2, address and undefined-behaviour sanitizers": {
    compiler: "gcc",
    flags: ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
  },
  "arm64 (emulated)": {
    compiler: "aarch64-linux-gnu-gcc",
    flags: ["-O2", "-static"],
    emulator: ["qemu-aarch64"],
  },
  "arm64 with products of bytes (emulated)": {
    compiler: "aarch64-linux-gnu-gcc",
    flags: ["-O2", "-static", "-march=armv8.2-a+dotprod"],
    emulator: ["qemu-aarch64"],
  },
  "armv7 with NEON (emulated)": {
    compiler: "arm-linux-gnueabihf-gcc",
    flags: ["-O2", "-static", "-mfpu=neon", "-mfloat-abi=hard"],
    emulator: ["qemu-arm"],
  },
};

/** Longest source and target [tokens]. */
export interface Room {
  readonly maxSource: number;
  readonly maxTarget: number;
}

export const published = async (name: string, room: Room): Promise<Checkpoint> =>
  importEncoderDecoder(await readHuggingFaceDirectory(join(FIXTURES, name)), room);

const sizes = {
  width: 20,
  heads: 4,
  kvHeads: 2,
  headDim: 6,
  feedForward: 37,
  decoderLayers: 2,
  vocabularySize: 21,
  tokens: { pad: 0, bos: 1, eos: 2, unknown: 3 },
};

const withWeights = (config: ModelConfig): Promise<Checkpoint> =>
  Promise.resolve({ config, weights: initializeWeights(config, createRandom(1).next) });

/** A student of slm. @param options that slm's models may have, and that published ones lack */
export const student = (room: Room, options: Partial<EncoderDecoderConfig>): Promise<Checkpoint> =>
  withWeights(encoderDecoderConfig.parse({ ...sizes, encoderLayers: 2, ...room, ...options }));

export const decoderOnly = (room: Room): Promise<Checkpoint> =>
  withWeights(decoderOnlyConfig.parse({ ...sizes, ...room }));
