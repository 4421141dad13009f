/** Tiny decoder-only teachers of the families that slm imports, and programs that run models on them. */
import { createRandom } from "@slm/generation";
import { createHostTensor } from "@slm/runtime";
import { lengthBias } from "@slm/tensor";
import type { ModelConfig } from "../config/config.js";
import { parseModelConfig } from "../config/parse-model-config.js";
import { decode, outputHead } from "../decoder.js";
import { crossCaches, encode } from "../encoder.js";
import { compute, int32, TINY_SHAPE } from "../testing/index.js";
import { initializeWeights, type Weights } from "../parameters/weights.js";
import { decoderOnlyTeacher } from "./student-shape.js";
import type { DecoderOnlyModel } from "./student-weights.js";

const LAYERS = 4;

/** Options of families of teachers. */
export const FAMILIES = {
  plain: {},
  llama: { bias: false, activation: "swiglu", tieWordEmbeddings: false },
  qwen: { bias: "query-key-value", activation: "swiglu", ropeInverseFrequencies: [1, 0.02] },
  gemma: {
    bias: false,
    activation: "geglu",
    qkNorm: true,
    postNorm: true,
    logitSoftcap: 4,
    slidingWindow: { window: 8, layers: [0, 2], ropeTheta: 20 },
  },
} as const;
export type Family = keyof typeof FAMILIES;

/** A teacher with random weights, including gains and biases, which training would start at one and zero. */
export function tinyTeacher(family: Family, changes: object = {}): DecoderOnlyModel {
  const config = decoderOnlyTeacher(
    parseModelConfig(
      {
        ...TINY_SHAPE,
        architecture: "decoder-only",
        heads: 4,
        kvHeads: 2,
        decoderLayers: LAYERS,
        ...FAMILIES[family],
        ...changes,
      },
      "test",
    ),
  );
  const { next } = createRandom(7);
  const weights = new Map(initializeWeights(config, next));
  for (const [name, { shape, data }] of weights)
    if (shape.length === 1) {
      const shifted = (data as Float32Array).map((value) => value + next() - 0.4);
      weights.set(name, createHostTensor("float32", shape, shifted));
    }
  return { config, weights };
}

/** Two sequences of the vocabulary of `TINY_SHAPE`. */
export const IDS = int32([2, 6], [4, 5, 6, 7, 8, 1, 8, 8, 4, 1, 5, 6]);
const SOURCES = int32([2, 3], [4, 5, 6, 7, 8, 0]);
const LENGTHS = int32([2], [3, 2]);

/** Logits of {@link IDS}; an encoder-decoder reads the same two sequences as sources. */
export async function logitsOf(config: ModelConfig, weights: Weights): Promise<Float32Array> {
  const feeds = { ...Object.fromEntries(weights), ids: IDS, sources: SOURCES, lengths: LENGTHS };
  const { logits } = await compute(
    feeds,
    (x) => {
      const lengths = x["lengths"]!;
      const source =
        config.architecture === "decoder-only"
          ? undefined
          : {
              cross: crossCaches(config, x, encode(config, x, x["sources"]!, { lengths }).states),
              bias: lengthBias({ lengths, ids: x["sources"]! }, {}),
            };
      const hidden = decode(config, x, x["ids"]!, source === undefined ? {} : { source });
      return { logits: outputHead(config, x, hidden) };
    },
    ["logits"],
  );
  return logits!.data as Float32Array;
}
