/** Opens the transformers.js library with a test's own models. */
import { createRandom } from "@slm/generation";
import { initializeWeights, type EncoderDecoderConfig, type Weights } from "@slm/model";
import { createHostTensor } from "@slm/runtime";
import { beforeAll } from "vitest";
import { encoderDecoder } from "./random-models.js";
import { TinyModels } from "./tiny-models.js";

/** The part of `@huggingface/transformers` that all tests use. Its types are not installed. */
interface Environment {
  readonly env: { allowRemoteModels: boolean; localModelPath: string };
}

/** Text generation models with their tokenizers. */
export interface TextLibrary extends Environment {
  readonly AutoTokenizer: {
    from_pretrained: (name: string) => Promise<(text: string | string[], options?: object) => object>;
  };
  readonly AutoModelForSeq2SeqLM: {
    from_pretrained: (
      name: string,
      options: { readonly dtype: string | object },
    ) => Promise<{ generate: (inputs: object) => Promise<{ tolist: () => bigint[][] }> }>;
  };
}

const LIBRARY: string = "@huggingface/transformers";
const WORDS = Array.from({ length: 27 }, (_, index) => `T${index}`).join(" ");

/** Models, and the library, which loads models from the same directory. */
export class LibraryModels<Library extends Environment> extends TinyModels {
  #library: Library | undefined;

  constructor() {
    super({ letters: "abcdefhlo", words: WORDS, lowercase: true });
    beforeAll(async () => {
      const library = (await import(LIBRARY)) as Library;
      library.env.allowRemoteModels = false;
      library.env.localModelPath = `${this.workspace}/`;
      this.#library = library;
    });
  }

  get library(): Library {
    return this.#library!;
  }
}

/** Grouped heads with another count than `num_heads`. */
export const config: EncoderDecoderConfig = { ...encoderDecoder, feedForward: 96, vocabularySize: 40 };

/** Weights larger than initial ones, so that greedy choices depend on the source and the image, and are clear. */
export function clearWeights(model: EncoderDecoderConfig): Weights {
  const weights = new Map(initializeWeights(model, createRandom(5).next));
  for (const [name, { shape, data }] of weights) {
    if (shape.length !== 2 || name === "embedding.weight") continue;
    const factor = name.startsWith("vision") ? 4 : 2.5;
    const values = Float32Array.from(data as Float32Array, (value) => factor * value);
    weights.set(name, createHostTensor("float32", shape, values));
  }
  return weights;
}

/** Both stop at the model's longest target, which includes the BOS token only in the library. */
export const LONGEST = config.maxTarget - 1;

/** Tokens between the BOS token and the first EOS token. */
export function answerOf(row: readonly bigint[]): readonly number[] {
  const tokens = row.slice(1).map(Number);
  const end = tokens.indexOf(config.tokens.eos);
  return (end < 0 ? tokens : tokens.slice(0, end)).slice(0, LONGEST);
}
