/** Compares a published encoder-decoder with what its own library computed for it. */
import { join } from "node:path";
import { readJsonFile, SlmError } from "@slm/core";
import {
  decode as generate,
  parseGenerationSettings,
  type GenerationSettings,
  type StepDecoder,
  type Strategy,
} from "@slm/decoding";
import {
  crossCaches,
  decode,
  encode,
  outputHead,
  type EncoderDecoderConfig,
  type Parameters,
  type Weights,
} from "@slm/model";
import { createHostTensor, type HostTensor } from "@slm/runtime";
import { maskBias, math, type Engine, type Program, type Tensor } from "@slm/tensor";
import { z } from "zod";
import { isPublishedEncoderDecoder } from "../import/encoder-decoder/families.js";
import { readHuggingFaceDirectory } from "../import/hugging-face-directory.js";
import { importEncoderDecoder, importedGeneration } from "../import/import-model.js";
import { readSafetensors } from "../safetensors.js";
import { OUTPUT_TOLERANCE, maxAbsDifference } from "./differences.js";

export interface HuggingFaceReport {
  /** Largest differences at source tokens (what is computed at padding is never read), and of logits. */
  readonly encoderOutput: { readonly maxAbs: number };
  readonly logits: { readonly maxAbs: number };
  /** Whether every row's tokens are the library's. */
  readonly greedy: { readonly same: boolean };
  readonly beams: { readonly same: boolean };
  /** The same of further searches, if the directory has any. */
  readonly searches?: { readonly same: boolean; readonly count: number } | undefined;
  /**
   * Why a setting of the model was left out of the comparison: the library's default attention ignores a cap of attention scores, so
   * numbers made with it are those of a model without. Imported models have it.
   */
  readonly leftOut?: string | undefined;
  readonly pass: boolean;
}

/** Answers of `generate(max_new_tokens=12)`: greedy, and of 4 beams with length penalty 1. */
const MAX_NEW_TOKENS = 12;
const BEAMS: Strategy = { kind: "beam", beams: 4, lengthPenalty: 1, earlyStopping: false };

const rows = z.array(z.array(z.int().nonnegative()).min(1)).min(1);
const answers = z.looseObject({
  greedy: rows,
  beams: rows,
  /** Generation settings, in the place of the model's own, and what they give. */
  searches: z.array(z.strictObject({ settings: z.record(z.string(), z.unknown()), tokens: rows })).optional(),
});

/** What the directory's expected.safetensors holds. */
interface Expected {
  /** `[batch, source]` */
  readonly source: HostTensor;
  readonly mask: HostTensor;
  /** `[batch, target]` */
  readonly target: HostTensor;
  readonly encoded: HostTensor;
  readonly logits: HostTensor;
}

/** Whether a directory holds a published encoder-decoder, and no reference of the paper's code. */
export async function isHuggingFaceReference(directory: string): Promise<boolean> {
  const config = await readJsonFile(join(directory, "config.json"), z.record(z.string(), z.unknown()));
  return isPublishedEncoderDecoder({ config });
}

/**
 * Imports the model in `directory` and compares its outputs with expected.safetensors, its answers with expected.json.
 *
 * @throws SlmError INPUT_MISSING, DATA_INVALID, CONFIG_INVALID or SHAPE_MISMATCH if the directory does not have that layout.
 */
export async function checkHuggingFace(directory: string, engine: Engine): Promise<HuggingFaceReport> {
  const external = await readHuggingFaceDirectory(directory);
  const reference: Reference = {
    expected: await readExpected(join(directory, "expected.safetensors")),
    told: await readJsonFile(join(directory, "expected.json"), answers),
    generation: importedGeneration(external) ?? {},
    where: directory,
  };
  const [, sourceLength] = reference.expected.source.shape as [number, number];
  const [, targetLength] = reference.expected.target.shape as [number, number];
  const { config, weights } = await importEncoderDecoder(external, {
    maxSource: sourceLength,
    maxTarget: Math.max(targetLength, 1 + MAX_NEW_TOKENS),
  });
  const report = await compare({ config, weights, engine }, reference);
  const { attentionSoftcap, ...uncapped } = config;
  if (report.pass || attentionSoftcap === undefined) return report;
  const without = await compare({ config: uncapped, weights, engine }, reference);
  const leftOut = `attention softcap ${attentionSoftcap}, which transformers' default attention (sdpa) ignores`;
  return without.logits.maxAbs <= OUTPUT_TOLERANCE ? { ...without, leftOut } : report;
}

/** What the library computed, and the model's own generation settings. */
interface Reference {
  readonly expected: Expected;
  readonly told: z.infer<typeof answers>;
  readonly generation: Readonly<Record<string, unknown>>;
  readonly where: string;
}

async function compare(
  model: CheckedModel,
  { expected, told, generation, where }: Reference,
): Promise<HuggingFaceReport> {
  const program = await forwardProgram(model, expected.source.shape, expected.target.shape);
  const { encoded, logits } = await forward(program, model, expected);
  const encoderOutput = {
    maxAbs: maxAbsDifference(atTokens(encoded, expected.mask), atTokens(expected.encoded, expected.mask)),
  };
  const logitsReport = { maxAbs: maxAbsDifference(logits, expected.logits) };
  await program.release();
  const answer = async (
    tokens: z.infer<typeof rows>,
    search: { readonly strategy?: Strategy; readonly settings?: Readonly<Record<string, unknown>> },
  ): Promise<{ readonly same: boolean }> => {
    const settings = parseGenerationSettings({ ...generation, ...search.settings }, where);
    const strategy = search.strategy ?? settings.strategy ?? { kind: "greedy" };
    return { same: await isSameAnswer(model, { expected, settings, strategy, tokens }) };
  };
  const greedy = await answer(told.greedy, { strategy: { kind: "greedy" } });
  const beams = await answer(told.beams, { strategy: BEAMS });
  const found: boolean[] = [];
  for (const { settings, tokens } of told.searches ?? [])
    found.push((await answer(tokens, { settings })).same);
  const searches =
    told.searches === undefined ? undefined : { same: found.every(Boolean), count: found.length };
  const pass =
    encoderOutput.maxAbs <= OUTPUT_TOLERANCE &&
    logitsReport.maxAbs <= OUTPUT_TOLERANCE &&
    greedy.same &&
    beams.same &&
    searches?.same !== false;
  return { encoderOutput, logits: logitsReport, greedy, beams, searches, pass };
}

interface CheckedModel {
  readonly config: EncoderDecoderConfig;
  readonly weights: Weights;
  readonly engine: Engine;
}

async function readExpected(file: string): Promise<Expected> {
  const { tensors } = await readSafetensors(file);
  const need = (name: string): HostTensor => {
    const tensor = tensors.get(name);
    if (tensor === undefined) throw new SlmError("DATA_INVALID", `${file}: tensor '${name}' is missing`);
    return tensor;
  };
  return {
    source: need("input_ids"),
    mask: asFloat(need("attention_mask")),
    target: need("decoder_input_ids"),
    encoded: need("encoder_output"),
    logits: need("logits"),
  };
}

const asFloat = ({ shape, data }: HostTensor): HostTensor =>
  createHostTensor("float32", shape, Float32Array.from(data as ArrayLike<number | bigint>, Number));

/** Ids as programs take them. @throws SlmError DATA_INVALID for an id outside the vocabulary */
function asIds({ shape, data }: HostTensor, vocabularySize: number): HostTensor {
  const ids = Int32Array.from(data as ArrayLike<number | bigint>, Number);
  const wrong = ids.find((id) => id < 0 || id >= vocabularySize);
  if (wrong === undefined) return createHostTensor("int32", shape, ids);
  throw new SlmError(
    "DATA_INVALID",
    `reference: token id ${wrong} outside the vocabulary of ${vocabularySize}`,
  );
}

/** The model over whole sources and targets of these shapes. */
function forwardProgram(
  { config, weights, engine }: CheckedModel,
  source: readonly number[],
  target: readonly number[],
): Promise<Program> {
  const inputs = Object.fromEntries(
    [...weights].map(([name, { shape }]) => [name, { dtype: "float32" as const, shape }]),
  );
  return engine.compile({
    name: "hugging-face-check",
    forwardOnly: true,
    inputs: {
      ...inputs,
      source: { dtype: "int32", shape: source },
      mask: { dtype: "float32", shape: source },
      target: { dtype: "int32", shape: target },
    },
    build: (x) => forwardPass(config, x),
  });
}

function forwardPass(config: EncoderDecoderConfig, x: Parameters): Record<string, Tensor> {
  const [source, mask, target] = [x["source"]!, x["mask"]!, x["target"]!];
  const encoded = encode(config, x, source, { mask });
  const bias = maskBias(math.reshape(mask, [mask.shape[0], 1, 1, mask.shape[1]!]));
  const context = { cross: crossCaches(config, x, encoded), bias };
  return { encoded, logits: outputHead(config, x, decode(config, x, target, { source: context })) };
}

async function forward(
  program: Program,
  { config, weights }: CheckedModel,
  { source, mask, target }: Pick<Expected, "source" | "mask" | "target">,
): Promise<{ readonly encoded: HostTensor; readonly logits: HostTensor }> {
  const feeds = {
    ...Object.fromEntries(weights),
    source: asIds(source, config.sourceVocabularySize ?? config.vocabularySize),
    mask,
    target: asIds(target, config.vocabularySize),
  };
  const { fetched } = await program.run({ feeds, fetch: ["encoded", "logits"] });
  return { encoded: fetched["encoded"]!, logits: fetched["logits"]! };
}

/** Rows `[batch, length, width]` of source tokens; those of padding are left out. */
function atTokens({ shape, data }: HostTensor, mask: HostTensor): HostTensor {
  const width = shape.at(-1)!;
  const kept = [...(mask.data as Float32Array)].flatMap((isToken, row) => (isToken === 1 ? [row] : []));
  const values = new Float32Array(kept.length * width);
  kept.forEach((row, at) => {
    values.set((data as Float32Array).subarray(row * width, (row + 1) * width), at * width);
  });
  return createHostTensor("float32", [kept.length, width], values);
}

interface Answer {
  readonly expected: Expected;
  readonly settings: GenerationSettings;
  readonly strategy: Strategy;
  /** The library's: the start token, the answer, padding. */
  readonly tokens: readonly (readonly number[])[];
}

/** Generates for every source and compares the tokens. */
async function isSameAnswer(
  model: CheckedModel,
  { expected, settings, strategy, tokens }: Answer,
): Promise<boolean> {
  const { config } = model;
  const beams = strategy.kind === "beam" ? strategy.beams : 1;
  const [batch, length] = expected.source.shape as [number, number];
  const repeat = (tensor: HostTensor): HostTensor => repeatRows(tensor, beams);
  const shape = [batch * beams, 1 + MAX_NEW_TOKENS];
  const program = await forwardProgram(model, [batch * beams, length], shape);
  const source = { source: repeat(expected.source), mask: repeat(expected.mask) };
  const decoder = new WholeTargetDecoder(shape, config.vocabularySize, async (target) => {
    const { logits } = await forward(program, model, { ...source, target });
    return logits.data as Float32Array;
  });
  const { pad = config.tokens.pad, eos = config.tokens.eos, start = config.tokens.bos } = settings;
  const decoded = await generate(decoder, {
    bos: start,
    eos,
    pad,
    maxTokens: MAX_NEW_TOKENS,
    strategy,
    rules: settings.rules,
  });
  await program.release();
  const actual = decoded.map((row) => [start, ...row.tokens, ...(row.finished ? [eos] : [])]);
  return actual.length === tokens.length && actual.every((row, at) => isPadded(row, tokens[at]!, [pad, eos]));
}

/** Whether a row is `expected` up to what the library fills rows with: padding, or EOS after beams of a model whose padding is id 0. */
const isPadded = (row: readonly number[], expected: readonly number[], fillers: readonly number[]): boolean =>
  row.length <= expected.length &&
  expected.every((id, at) => (at < row.length ? id === row[at] : fillers.includes(id)));

/** Every row of a matrix several times, copies next to each other. */
function repeatRows({ dtype, shape, data }: HostTensor, times: number): HostTensor {
  const [rowCount, length] = shape as [number, number];
  const values = Array.from(data as ArrayLike<number | bigint>, Number);
  const repeated = Array.from({ length: rowCount * times * length }, (_, at) => {
    const row = Math.floor(at / (length * times));
    return values[row * length + (at % length)]!;
  });
  return dtype === "float32"
    ? createHostTensor("float32", [rowCount * times, length], Float32Array.from(repeated))
    : createHostTensor("int32", [rowCount * times, length], Int32Array.from(repeated));
}

/** A decoder without a cache: each step runs the whole target again, of which later positions are not attended. */
class WholeTargetDecoder implements StepDecoder {
  readonly rows: number;
  readonly vocabularySize: number;
  readonly #length: number;
  readonly #run: (target: HostTensor) => Promise<Float32Array>;
  #ids: Int32Array;
  #position = 0;

  constructor(
    [rowCount = 0, length = 0]: readonly number[],
    vocabularySize: number,
    run: (target: HostTensor) => Promise<Float32Array>,
  ) {
    this.rows = rowCount;
    this.vocabularySize = vocabularySize;
    this.#length = length;
    this.#run = run;
    this.#ids = new Int32Array(rowCount * length);
  }

  async step(tokens: Int32Array): Promise<Float32Array> {
    const at = this.#position++;
    tokens.forEach((token, row) => (this.#ids[row * this.#length + at] = token));
    const logits = await this.#run(createHostTensor("int32", [this.rows, this.#length], this.#ids));
    const last = new Float32Array(this.rows * this.vocabularySize);
    for (let row = 0; row < this.rows; row++) {
      const from = (row * this.#length + at) * this.vocabularySize;
      last.set(logits.subarray(from, from + this.vocabularySize), row * this.vocabularySize);
    }
    return last;
  }

  permuteRows(order: readonly number[]): Promise<void> {
    const ids = new Int32Array(this.#ids.length);
    order.forEach((from, row) => {
      ids.set(this.#ids.subarray(from * this.#length, (from + 1) * this.#length), row * this.#length);
    });
    this.#ids = ids;
    return Promise.resolve();
  }
}
