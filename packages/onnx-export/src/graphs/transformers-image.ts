/**
 * The encoder of a vision-language model with a fixed prompt, in the form of transformers.js's `vision-encoder-decoder`:
 *
 * ```
 * pixel_values float32 [batch, 3, height, width], 0 to 255 -> patches -> tower -> projector, followed by the prompt's tokens
 *   -> encoder -> last_hidden_state [batch, image + prompt, width]
 * ```
 *
 * That library resizes without antialiasing, or with a browser's own code. This graph resizes images itself, so that the model reads the
 * same pixels as in training; `preprocessor_config.json` turns the library's resizing off.
 */
import { SlmError } from "@slm/core";
import type { Graph } from "@slm/onnx";
import {
  encode,
  imageEmbeddings,
  imageTokenCount,
  patchReadingOf,
  patchValues,
  towerTokens,
  type EncoderDecoderConfig,
} from "@slm/model";
import { concat, inPrecision, shapeOf } from "../lowerings/emit.js";
import { pixelPatches } from "./pixel-patches.js";
import { recordGraph, type GraphSource, type Recording } from "./record.js";
import { MIN_POSITIONS, TRANSFORMERS_IO } from "./transformers-graphs.js";

/** Name of the encoder's input. */
export const PIXEL_VALUES = "pixel_values";

/**
 * @param prompt tokens of the fixed prompt.
 * @throws SlmError OP_UNSUPPORTED for a resize filter that ONNX lacks.
 */
export function transformersImageEncoderGraph(
  source: GraphSource<EncoderDecoderConfig>,
  prompt: readonly number[],
): Graph {
  const { config, device } = source;
  const { width, maxSource } = config;
  const vision = config.vision!;
  const { tower } = vision;
  const length = imageTokenCount(vision) + prompt.length;
  const spec = { name: "encoder_model", positions: Math.max(maxSource, MIN_POSITIONS) };
  return recordGraph(source, spec, (recording) => {
    const { recorder, input, output, parameters } = recording;
    const given = input(PIXEL_VALUES, "float32", [1, 3, 1, 1], ["batch_size", 3, "height", "width"]);
    const pixels = recorder.nameOf(given);
    const rows = recorder.builder.scope("pixels", () => {
      const made = pixelPatches(recorder, patchReadingOf(tower), pixels);
      return inPrecision(recorder, made, device.precision);
    });
    const patches = recorder.tensor(rows, [1, towerTokens(tower), patchValues(tower)]);
    const image = imageEmbeddings(vision, parameters, patches);
    const ids = recorder.tensor(promptIds(recording, pixels, prompt), [1, prompt.length], "int32");
    // All are tokens.
    const ones = recorder.builder.constant("float32", [1, length], new Array<number>(length).fill(1));
    const mask = recorder.tensor(ones, [1, length]);
    const { states } = encode(config, parameters, ids, { mask }, image);
    output(TRANSFORMERS_IO.hidden, states, "precision", ["batch_size", states.shape[1]!, width]);
  });
}

/** The prompt, repeated for every image: int64 `[batch, prompt]`. */
function promptIds({ recorder }: Recording, pixels: string, prompt: readonly number[]): string {
  const { builder } = recorder;
  const row = builder.constant("int64", [1, prompt.length], [...prompt]);
  const shape = concat(recorder, [shapeOf(recorder, pixels, 0), builder.ints([prompt.length])], 0);
  return builder.op("Expand", [row, shape]);
}

/**
 * The tokens that follow every image, or undefined for a text model.
 *
 * @param encodeSource the model's tokenizer.
 * @throws SlmError OP_UNSUPPORTED for a vision-language model without a default prompt, because the library's encoder reads only pixels.
 */
export function promptOf(
  { vision, maxSource }: EncoderDecoderConfig,
  encodeSource: (text: string) => readonly number[],
): readonly number[] | undefined {
  if (vision === undefined) return undefined;
  if (vision.prompt === undefined) {
    throw new SlmError(
      "OP_UNSUPPORTED",
      "export: layout transformers.js supports a vision-language model only with a fixed prompt: " +
        "vision-encoder-decoder reads only pixels",
      {
        suggestions: [
          "set vision.prompt in the checkpoint's config.json to that prompt",
          "--target web, then slm deploy --to web for a web page",
        ],
      },
    );
  }
  const tokens = encodeSource(vision.prompt);
  const room = maxSource - imageTokenCount(vision);
  if (tokens.length <= room) return tokens;
  throw new SlmError(
    "CONFIG_INVALID",
    `export: vision.prompt has ${tokens.length} tokens, the model can read at most ${room} in addition to an image`,
  );
}
