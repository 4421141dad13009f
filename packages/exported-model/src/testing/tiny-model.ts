/** The smallest exported model: one layer, one head of one element. Its sources are letters, its answers symbols. */
import { imageProcessing } from "@slm/vision";
import { trainSymbolTokenizer, writeTokenizer, type TokenizerFiles } from "@slm/tokenizer";
import { writeDeviceModel } from "../device-model-file.js";
import type { DeviceModel } from "../device-model.js";

export const TINY = {
  /** 4 special tokens, 4 letters, 3 symbols. */
  vocabularySize: 11,
  maxSource: 6,
  maxTarget: 8,
  tokens: { pad: 0, bos: 1, eos: 2, unknown: 3 },
  /** Pixels of an image, which has one row. Each is a token. */
  imageTokens: 2,
} as const;

/** Its `model.json`, with changes. The graphs follow from the architecture. */
export function tinyDeviceModel(change: Partial<DeviceModel> = {}): DeviceModel {
  const { architecture = "encoder-decoder" } = change;
  const encoder = { file: "encoder.onnx", bytes: 1, scheme: "float32" };
  const decoder = { file: "decoder.onnx", bytes: 1, scheme: "float32" };
  const { vocabularySize, maxSource, maxTarget, tokens } = TINY;
  return {
    schemaVersion: 1,
    name: "tiny",
    architecture,
    target: "cpu",
    scheme: "float32",
    graphs: architecture === "encoder-decoder" ? { encoder, decoder } : { decoder },
    parameters: 1,
    vocabularySize,
    decoderLayers: 1,
    kvHeads: 1,
    headDim: 1,
    maxSource,
    maxTarget,
    tokens,
    flops: { encoderPerSourceToken: architecture === "encoder-decoder" ? 1 : 0, decoderPerTargetToken: 1 },
    ...change,
  };
}

/**
 * The same with a vision tower. It reads a grey image of {@link TINY.imageTokens} pixels; each sample is a token.
 *
 * @param prompt prompt for an image without a text
 */
export function tinyVisionModel(prompt?: string): DeviceModel {
  const model = tinyDeviceModel();
  const { imageTokens, maxSource } = TINY;
  return {
    ...model,
    graphs: { vision: { file: "vision.onnx", bytes: 1, scheme: "float32" }, ...model.graphs },
    maxSource: imageTokens + maxSource,
    vision: {
      image: imageProcessing.parse({
        channels: 1,
        scale: 1,
        mean: [0],
        std: [1],
        resize: { kind: "stretch", height: 1, width: imageTokens },
      }),
      patch: { height: 1, width: 1 },
      classToken: false,
      tokens: imageTokens,
      width: 1,
      flopsPerImage: 1,
      prompt,
    },
  };
}

/** Its tokenizer: sources of the letters `abcd`, answers of the symbols `X Y Z`. */
export const tinyTokenizer = (): TokenizerFiles =>
  trainSymbolTokenizer({ sources: ["abcd"], targets: ["X Y Z"], sourceLowercase: true });

/** Writes `model.json` and the tokenizer; the graphs are a `MemoryModel`'s, or the caller writes them. */
export async function writeTinyModel(directory: string, change: Partial<DeviceModel> = {}): Promise<void> {
  await writeTokenizer(tinyTokenizer(), directory);
  await writeDeviceModel(directory, tinyDeviceModel(change));
}
