/** The type of a wrong input, and the correct rows and recipe that wrong inputs change. */
import type { Mapping } from "@slm/pipeline/recipe/mapping";

/** One wrong input. */
export interface WrongInput {
  /** What is wrong, as a heading in the docs. */
  readonly title: string;
  /** Files next to the recipe. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  /** Changes of {@link SOUND_RECIPE}: some keys of sections, but all of `data`; null removes a section. */
  readonly recipe?: Mapping;
  /** Text of the recipe, if it is not valid YAML. */
  readonly text?: string;
  /** Command with its arguments. Default: `run r.yaml`. */
  readonly argv?: readonly [string, ...string[]];
  readonly code: string;
  /** Part of the message. */
  readonly message: string | RegExp;
  /** Part of a suggestion. */
  readonly help: string;
}

const LETTERS = ["a", "b", "c", "d", "e"];

/** Different words of three letters, with their letters. */
export const WORDS: readonly (readonly [string, string])[] = Array.from({ length: 60 }, (_, index) => {
  const word = [index, Math.floor(index / 5), Math.floor(index / 25)]
    .map((place) => LETTERS[place % 5]!)
    .join("");
  return [word, Array.from(word.toUpperCase()).join(" ")];
});

export const csv = (header: string, line: (pair: readonly [string, string]) => string): string =>
  `${[header, ...WORDS.map(line)].join("\n")}\n`;
export const SOUND = csv("source,target", ([source, target]) => `${source},${target}`);
export const jsonl = (record: (pair: readonly [string, string]) => object): string =>
  WORDS.map((pair) => `${JSON.stringify(record(pair))}\n`).join("");

export const shape = { width: 16, heads: 2, decoderLayers: 1, maxSource: 8, maxTarget: 8 };
const training = { steps: 2, batchSize: 4, warmupSteps: 1, buckets: 1, evaluateEvery: 2, evaluateRows: 2 };

/** Files of {@link SOUND_RECIPE}. */
export const SOUND_FILES: Readonly<Record<string, string>> = { "rows.csv": SOUND };

/** A correct recipe. */
export const SOUND_RECIPE: Mapping = {
  metrics: ["exactMatch"],
  data: { train: "rows.csv", devFraction: 0.2 },
  tokenizer: {},
  teacher: { kind: "train", model: shape, ...training },
  distill: { student: { ...shape, encoderLayers: 1 }, ...training },
  quantize: { schemes: ["int8-dynamic"], gate: { maxDrop: 1 } },
};

/** The section `data` of a recipe. */
export const data = (changes: object): Mapping => ({ data: changes });
