/** Parses a model configuration and checks what the schema cannot: sizes that depend on each other, and options that exclude each other. */
import { SlmError } from "@slm/core";
import { z } from "zod";
import {
  decoderOnlyConfig,
  encoderDecoderConfig,
  type DecoderOnlyConfig,
  type EncoderDecoderConfig,
  type ModelConfig,
} from "./config.js";
import { checkPublishedOptions } from "./published-options.js";
import { checkVision, imageTokenCount } from "./vision-config.js";

const modelConfig = z.discriminatedUnion("architecture", [
  encoderDecoderConfig.extend({ architecture: z.literal("encoder-decoder") }),
  decoderOnlyConfig.extend({ architecture: z.literal("decoder-only") }),
]);

/**
 * Checks a model configuration: keys, sizes, and which sizes must divide others.
 *
 * @param where start of error messages, usually the file.
 * @throws SlmError CONFIG_INVALID
 */
export function parseModelConfig(value: unknown, where: string): ModelConfig {
  const parsed = modelConfig.safeParse(value);
  if (!parsed.success) throw new SlmError("CONFIG_INVALID", `${where}: ${z.prettifyError(parsed.error)}`);
  const config = parsed.data;
  checkHeads(config, config, where);
  if (config.architecture === "encoder-decoder" && config.encoderHeads !== undefined)
    checkHeads(config, config.encoderHeads, `${where}: encoderHeads`);
  if (config.architecture === "decoder-only") checkWindows(config, where);
  else {
    checkPublishedOptions(config, where);
    checkLayerLists(config, where);
    checkImageTokens(config, where);
    checkMerged(config, where);
    checkRecurrence(config, where);
    checkPooling(config, where);
  }
  const ids = Object.values(config.tokens);
  if (ids.some((id) => id >= config.vocabularySize)) {
    throw new SlmError(
      "CONFIG_INVALID",
      `${where}: a special token id is beyond the vocabulary of ${config.vocabularySize}`,
    );
  }
  return config;
}

function checkMerged({ mergedAttention, positions, crossQkNorm }: EncoderDecoderConfig, where: string): void {
  if (mergedAttention !== true) return;
  const other = Object.entries({ positions, crossQkNorm }).find(([, value]) => value !== undefined);
  if (other === undefined) return;
  throw new SlmError("CONFIG_INVALID", `${where}: mergedAttention cannot be combined with ${other[0]}`);
}

/** @throws SlmError CONFIG_INVALID for self-attention options if the decoder has no self-attention */
function checkRecurrence(config: EncoderDecoderConfig, where: string): void {
  if (config.decoderRecurrence === undefined) return;
  const { mergedAttention, slidingWindow, localRope, positions } = config;
  const options = {
    mergedAttention: mergedAttention === true,
    "slidingWindow.decoderLayers": (slidingWindow?.decoderLayers.length ?? 0) > 0,
    "localRope.decoderLayers": (localRope?.decoderLayers.length ?? 0) > 0,
    "relative-bias positions": positions?.kind === "relative-bias",
  };
  const [other] = Object.entries(options).flatMap(([name, isSet]) => (isSet ? [name] : []));
  if (other === undefined) return;
  throw new SlmError("CONFIG_INVALID", `${where}: decoderRecurrence cannot be combined with ${other}`);
}

/** @throws SlmError CONFIG_INVALID for pooling after layers that do not exist, or out of order */
function checkPooling({ encoderPooling, encoderLayers, vision }: EncoderDecoderConfig, where: string): void {
  if (encoderPooling === undefined) return;
  if (vision !== undefined)
    throw new SlmError("CONFIG_INVALID", `${where}: encoderPooling cannot be combined with vision`, {
      suggestions: ["vision.projector.pool, which produces fewer image tokens"],
    });
  const places = encoderPooling.afterLayers;
  if (places.every((place, at) => place <= encoderLayers && place > (places[at - 1] ?? 0))) return;
  throw new SlmError(
    "CONFIG_INVALID",
    `${where}: encoderPooling.afterLayers should be ascending and at most encoderLayers ${encoderLayers}, got ${places.join(", ")}`,
  );
}

/** Whether self-attention rotates its heads. */
const isRotary = (config: ModelConfig): boolean =>
  config.architecture === "decoder-only" || config.positions === undefined;

function checkImageTokens({ vision, maxSource }: EncoderDecoderConfig, where: string): void {
  if (vision === undefined) return;
  checkVision(vision, `${where}: vision`);
  const tokens = imageTokenCount(vision);
  if (tokens >= maxSource)
    throw new SlmError(
      "CONFIG_INVALID",
      `${where}: maxSource ${maxSource} leaves no room for text after the ${tokens} tokens of an image`,
    );
}

/** @throws SlmError CONFIG_INVALID for heads that cannot be grouped or rotated */
function checkHeads(
  config: ModelConfig,
  { heads, kvHeads, headDim }: Pick<ModelConfig, "heads" | "kvHeads" | "headDim">,
  where: string,
): void {
  if (heads % kvHeads !== 0)
    throw new SlmError("CONFIG_INVALID", `${where}: kvHeads ${kvHeads} does not divide heads ${heads}`);
  if (headDim % 2 !== 0 && isRotary(config))
    throw new SlmError(
      "CONFIG_INVALID",
      `${where}: headDim ${headDim} is odd; rotary embedding needs an even number`,
    );
  const { ropeInverseFrequencies } = config;
  if (ropeInverseFrequencies === undefined || ropeInverseFrequencies.length === headDim / 2) return;
  throw new SlmError(
    "CONFIG_INVALID",
    `${where}: ropeInverseFrequencies should be ${headDim / 2} numbers for headDim ${headDim}, got ${ropeInverseFrequencies.length}`,
  );
}

function checkLayerLists(config: EncoderDecoderConfig, where: string): void {
  for (const option of ["localRope", "slidingWindow"] as const) {
    for (const side of ["encoderLayers", "decoderLayers"] as const) {
      const beyond = config[option]?.[side].find((layer) => layer >= config[side]);
      if (beyond === undefined) continue;
      throw new SlmError(
        "CONFIG_INVALID",
        `${where}: ${option}.${side} contains layer ${beyond}, but ${side} is ${config[side]}`,
      );
    }
  }
}

function checkWindows({ slidingWindow, decoderLayers }: DecoderOnlyConfig, where: string): void {
  const beyond = slidingWindow?.layers.find((layer) => layer >= decoderLayers);
  if (beyond !== undefined) {
    throw new SlmError(
      "CONFIG_INVALID",
      `${where}: slidingWindow contains layer ${beyond}, but there are ${decoderLayers} decoder layers`,
    );
  }
}
