/** Converts Hugging Face's `preprocessor_config.json` to slm's settings. */
import { z } from "zod";
import { readRegular, SlmError } from "@slm/core";
import { parseImageProcessing, type ImageProcessing } from "./image-processing.js";
import type { FilterName } from "../resample/resample.js";

export const PREPROCESSOR_FILE = "preprocessor_config.json";
/** Size limit of the file; real ones have a few hundred bytes. */
const MAX_CONFIG_BYTES = 1 << 20;

/** Pillow's numbers of filters. No published tower uses nearest (0), box (4) or hamming (5). */
const RESAMPLE: Readonly<Record<number, FilterName>> = { 1: "lanczos", 2: "bilinear", 3: "bicubic" };

const CLIP_MEAN = [0.48145466, 0.4578275, 0.40821073];
const CLIP_STD = [0.26862954, 0.26130258, 0.27577711];
const HALVES = [0.5, 0.5, 0.5];

/** Defaults of a kind of image processor, for keys that the file does not have. */
interface Defaults {
  /** Meaning of a plain number as `size`. */
  readonly numberSize: "shortestEdge" | "square";
  readonly crop: boolean;
  readonly resample: number;
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** Source: the image processors' signatures in transformers 4.57. */
const CLIP: Defaults = {
  numberSize: "shortestEdge",
  crop: true,
  resample: 3,
  mean: CLIP_MEAN,
  std: CLIP_STD,
};
const SIGLIP: Defaults = { numberSize: "square", crop: false, resample: 3, mean: HALVES, std: HALVES };
const VIT: Defaults = { numberSize: "square", crop: false, resample: 2, mean: HALVES, std: HALVES };
const PROCESSORS: Readonly<Record<string, Defaults>> = {
  CLIPImageProcessor: CLIP,
  CLIPFeatureExtractor: CLIP,
  LlavaNextImageProcessor: CLIP,
  SiglipImageProcessor: SIGLIP,
  ViTImageProcessor: VIT,
  ViTFeatureExtractor: VIT,
};
const DEFAULT_SIDE = 224;

const side = z.int().positive();
const sizes = z.union([
  side,
  z.strictObject({ shortest_edge: side }),
  z.strictObject({ height: side, width: side }),
]);
const channelValues = z.union([z.number(), z.array(z.number()).length(3)]);
const isFalse = z.literal(false).nullish();
/** Keys that name an image processor and do not affect its results. */
const ignored = z.unknown().optional();

const file = z.strictObject({
  image_processor_type: z.string().nullish(),
  feature_extractor_type: z.string().nullish(),
  do_resize: z.boolean().nullish(),
  size: sizes.nullish(),
  resample: z.int().nullish(),
  do_center_crop: z.boolean().nullish(),
  crop_size: sizes.nullish(),
  do_rescale: z.boolean().nullish(),
  rescale_factor: z.number().positive().nullish(),
  do_normalize: z.boolean().nullish(),
  image_mean: channelValues.nullish(),
  image_std: channelValues.nullish(),
  do_convert_rgb: z.boolean().nullish(),
  /** LLaVA-NeXT's resolutions for tiles: its tower reads whole images here. */
  image_grid_pinpoints: z.array(z.tuple([side, side])).min(1).max(64).nullish(), // prettier-ignore
  aspect_ratio_setting: z.literal("anyres").nullish(),
  do_pad: z.boolean().nullish(),
  use_square_size: isFalse,
  processor_class: ignored,
  _valid_processor_keys: ignored,
  data_format: ignored,
  default_to_square: ignored,
  device: ignored,
  disable_grouping: ignored,
  input_data_format: ignored,
  pad_size: z.null().optional(),
  return_tensors: ignored,
});

export interface PreprocessorConfig {
  readonly processing: ImageProcessing;
}

/**
 * Reads a file.
 *
 * @throws SlmError INPUT_MISSING if it does not exist, CONFIG_INVALID as {@link parsePreprocessorConfig}.
 */
export async function readPreprocessorConfig(path: string): Promise<PreprocessorConfig> {
  const bytes = await readRegular(path).catch((cause: unknown) => {
    throw new SlmError("INPUT_MISSING", `${path}: cannot be read`, { context: { file: path }, cause });
  });
  const text = bytes.toString("utf8");
  if (text.length > MAX_CONFIG_BYTES)
    throw new SlmError(
      "CONFIG_INVALID",
      `${path}: has ${text.length} characters, too many for the settings of an image processor`,
    );
  try {
    return parsePreprocessorConfig(JSON.parse(text), path);
  } catch (cause) {
    if (cause instanceof SlmError) throw cause;
    throw new SlmError("CONFIG_INVALID", `${path}: not JSON`, { cause });
  }
}

/**
 * Converts settings of CLIP, SigLIP, ViT and LLaVA-NeXT image processors. Unknown keys are rejected, because they could change the model's
 * input.
 *
 * @throws SlmError CONFIG_INVALID with the key.
 */
export function parsePreprocessorConfig(value: unknown, where: string): PreprocessorConfig {
  const parsed = file.safeParse(value);
  if (!parsed.success) throw new SlmError("CONFIG_INVALID", `${where}: ${z.prettifyError(parsed.error)}`);
  const config = parsed.data;
  const defaults = defaultsOf(config.image_processor_type ?? config.feature_extractor_type, where);
  const filter = RESAMPLE[config.resample ?? defaults.resample];
  if (filter === undefined)
    throw new SlmError("CONFIG_INVALID", `${where}: resample should be 1, 2 or 3, got ${config.resample}`);
  const crops = config.do_center_crop ?? defaults.crop;
  const normalizes = config.do_normalize ?? true;
  const processing = {
    channels: 3,
    filter,
    ...((config.do_resize ?? true) ? { resize: resizeOf(config.size, defaults, where) } : {}),
    ...(crops ? { crop: cropOf(config.crop_size, where) } : {}),
    scale: (config.do_rescale ?? true) ? (config.rescale_factor ?? 1 / 255) : 1,
    mean: normalizes ? three(config.image_mean ?? defaults.mean) : [0, 0, 0],
    std: normalizes ? three(config.image_std ?? defaults.std) : [1, 1, 1],
  };
  return { processing: parseImageProcessing(processing, where) };
}

function defaultsOf(name: string | null | undefined, where: string): Defaults {
  const plain = name?.replace(/Fast$/, "");
  if (plain !== undefined && Object.hasOwn(PROCESSORS, plain)) return PROCESSORS[plain]!;
  throw new SlmError(
    "CONFIG_INVALID",
    `${where}: image_processor_type should be one of ${Object.keys(PROCESSORS).join(", ")}, got ${String(name)}`,
  );
}

type Sizes = z.infer<typeof sizes> | null | undefined;

function resizeOf(size: Sizes, { numberSize }: Defaults, where: string): object {
  const wanted = size ?? DEFAULT_SIDE;
  if (typeof wanted === "number")
    return numberSize === "square"
      ? { kind: "stretch", height: wanted, width: wanted }
      : { kind: "shortestEdge", pixels: wanted };
  if ("height" in wanted) return { kind: "stretch", ...wanted };
  if (numberSize === "shortestEdge") return { kind: "shortestEdge", pixels: wanted.shortest_edge };
  throw new SlmError(
    "CONFIG_INVALID",
    `${where}: size should be {height, width} for this image processor, got shortest_edge`,
  );
}

function cropOf(size: Sizes, where: string): object {
  const wanted = size ?? DEFAULT_SIDE;
  if (typeof wanted === "number") return { height: wanted, width: wanted };
  if ("height" in wanted) return wanted;
  throw new SlmError(
    "CONFIG_INVALID",
    `${where}: crop_size should be a number or {height, width}, got shortest_edge`,
  );
}

const three = (value: number | readonly number[]): readonly number[] =>
  typeof value === "number" ? [value, value, value] : value;
