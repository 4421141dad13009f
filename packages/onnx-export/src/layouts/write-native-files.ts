/** Writes the files that slm's own layout has in addition to the graphs: model.json, config.json and the tokenizer's files. */
import { copyFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  LEXICAL_SHORTLIST_FILE,
  shortlistFile,
  writeDeviceModel,
  type DeviceModel,
  type GraphFile,
  type DeviceVision,
} from "@slm/exported-model";
import { writeFailure } from "@slm/core";
import { CONFIG_FILE, type Checkpoint } from "@slm/checkpoints";
import { shortlistBytes, type LexicalShortlist } from "@slm/generation";
import {
  cacheCapacity,
  flopsPerImage,
  flopsPerToken,
  imageTokenCount,
  parameterCount,
  patchReadingOf,
  pooledGroup,
  stateWidthOf,
  visionOf,
  type ModelConfig,
} from "@slm/model";
import { TOKENIZER_CONFIG_FILE, TOKENIZER_FILE } from "@slm/tokenizer";
import { writePortableForms } from "./write-portable.js";
import type { StaticSizes } from "../graphs/static-graphs.js";
import { generationOf, rowSettingsOf } from "./checkpoint-settings.js";
import { STATIC_MASKED } from "../lowerings/context.js";
import type { WrittenGraph } from "../graphs/write-graphs.js";
import type { Device } from "../settings/profiles.js";
import type { Shortlist } from "../weights/shortlist.js";

export interface LayoutSource {
  readonly config: ModelConfig;
  readonly name: string;
  readonly tokenizerDirectory: string;
  /** Tokens that the decoder can produce. Absent: all. */
  readonly shortlist?: Shortlist | undefined;
  /** The lexical shortlist. Absent: none. */
  readonly lexical?: LexicalShortlist | undefined;
}

/** Writes the files that a runtime needs in addition to the graphs. @throws SlmError OUTPUT_FAILED */
export async function writeNativeFiles(
  outputDirectory: string,
  source: LayoutSource & Pick<Checkpoint, "weights">,
  { device, graphs }: { readonly device: Device; readonly graphs: readonly WrittenGraph[] },
): Promise<void> {
  const rows = await rowSettingsOf(source.tokenizerDirectory);
  const generation = await generationOf(source.tokenizerDirectory);
  const portable = await writePortableForms(outputDirectory, source, { ...source, device });
  const described = { ...describeModel(source, device, graphs), ...portable, rows, generation };
  await writeDeviceModel(outputDirectory, described);
  try {
    for (const file of [TOKENIZER_FILE, TOKENIZER_CONFIG_FILE])
      await copyFile(join(source.tokenizerDirectory, file), join(outputDirectory, file));
    if (source.lexical !== undefined && shortlistFile(described) !== undefined)
      await writeFile(join(outputDirectory, LEXICAL_SHORTLIST_FILE), shortlistBytes(source.lexical));
    await writeFile(join(outputDirectory, CONFIG_FILE), `${JSON.stringify(source.config, null, 2)}\n`);
  } catch (cause) {
    throw writeFailure(cause, outputDirectory, "the directory is incomplete");
  }
}

function describeModel(
  { config, name, shortlist, lexical }: LayoutSource,
  device: Device,
  graphs: readonly WrittenGraph[],
): DeviceModel {
  const { target, profileName, precision } = device;
  const { architecture, vocabularySize, decoderLayers, kvHeads, headDim, maxSource, tokens } = config;
  const entry = ({ file, bytes }: WrittenGraph): GraphFile => ({
    file,
    bytes,
    scheme: precision,
  });
  const last = (role: WrittenGraph["role"]): WrittenGraph | undefined =>
    graphs.findLast((graph) => graph.role === role);
  const [vision, encoder, chunk] = [last("vision"), last("encoder"), last("chunk")];
  const decoder = last("decoder")!;
  const sets = graphs.flatMap((graph) => (graph.role === "decoder" ? (graph.sizes ?? []) : []));
  const inSet = (role: WrittenGraph["role"], sizes: StaticSizes): WrittenGraph | undefined =>
    graphs.find((graph) => graph.role === role && graph.sizes === sizes);
  const buckets = sets.map((sizes) => {
    const [ownEncoder, ownChunk] = [inSet("encoder", sizes), inSet("chunk", sizes)];
    return {
      source: sizes.source,
      encoder: ownEncoder && entry(ownEncoder),
      chunk: ownChunk && entry(ownChunk),
      decoder: entry(inSet("decoder", sizes)!),
    };
  });
  const [first] = sets;
  return {
    schemaVersion: 1,
    name,
    architecture,
    target,
    profile: profileName,
    precision,
    scheme: precision,
    graphs: {
      vision: vision && entry(vision),
      encoder: encoder && entry(encoder),
      chunk: chunk && entry(chunk),
      decoder: entry(decoder),
    },
    ...describeSight(config),
    static: first && {
      window: first.window,
      maskedBias: STATIC_MASKED,
      chunk: first.chunk,
      lexicalShortlist: lexical === undefined ? undefined : LEXICAL_SHORTLIST_FILE,
      buckets,
    },
    caches: first === undefined ? device.caches : undefined,
    parameters: parameterCount(config),
    vocabularySize,
    decoderLayers,
    kvHeads,
    headDim,
    stateWidth: stateWidthOf(config),
    tokens,
    pooledGroup: pooledGroup(config) === 1 ? undefined : pooledGroup(config),
    maxSource: sets.at(-1)?.source ?? maxSource,
    maxTarget: first?.window ?? cacheCapacity(config),
    shortlist: shortlist?.length,
    lexicalShortlist: lexical === undefined || first !== undefined ? undefined : true,
    flops: flopsPerToken({ ...config, vocabularySize: shortlist?.length ?? vocabularySize }),
  };
}

/** The vision settings; nothing for a text model. */
function describeSight(config: ModelConfig): { readonly vision?: DeviceVision } {
  const vision = visionOf(config);
  if (vision === undefined) return {};
  const { width } = config;
  return {
    vision: {
      ...patchReadingOf(vision.tower),
      tokens: imageTokenCount(vision),
      width,
      prompt: vision.prompt,
      flopsPerImage: flopsPerImage(vision, width),
    },
  };
}
