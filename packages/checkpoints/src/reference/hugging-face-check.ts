/** Compares a published encoder-decoder with the outputs of its own library. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { readJsonFile, SlmError } from "@slm/core";
import {
  decode as generate,
  parseGenerationSettings,
  type GenerationSettings,
  type Strategy,
} from "@slm/generation";
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
import { importEncoderDecoder, importedGeneration } from "../import/import-checkpoint.js";
import type { ExternalCheckpoint } from "../external-checkpoint.js";
import { IMPORTERS } from "../importers.js";
import { readSafetensors } from "../safetensors.js";
import { OUTPUT_TOLERANCE, maxAbsDifference } from "./differences.js";
import { WholeTargetDecoder } from "./whole-target-decoder.js";
import { WindowCacheDecoder, isCut } from "./window-cache.js";

export interface HuggingFaceReport {
  /** Largest differences at source tokens (outputs at padding are never read), and of logits. */
  readonly encoderOutput: { readonly maxAbs: number };
  readonly logits: { readonly maxAbs: number };
  /** Whether all tokens equal the library's. */
  readonly greedy: { readonly same: boolean };
  readonly beams: { readonly same: boolean };
  /** The same for other searches, if the directory has any. */
  readonly searches?: { readonly same: boolean; readonly count: number } | undefined;
  /**
   * Differences from the library that the comparison leaves out: its default attention ignores a softcap of attention scores, and its cache
   * drops source positions of layers with a window. Imported models apply both.
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
  /** Generation settings that replace the model's own, and the expected answers. */
  searches: z.array(z.strictObject({ settings: z.record(z.string(), z.unknown()), tokens: rows })).optional(),
});

/** The contents of the directory's expected.safetensors. */
interface Expected {
  /** `[batch, source]` */
  readonly source: HostTensor;
  readonly mask: HostTensor;
  /** `[batch, target]` */
  readonly target: HostTensor;
  readonly encoded: HostTensor;
  readonly logits: HostTensor;
}

/** A model's GGUF file, instead of the directory's own files. */
const GGUF_FILE = "model.gguf";

/** Whether a directory contains a published encoder-decoder, and not a reference of the paper's code. */
export async function isHuggingFaceReference(directory: string): Promise<boolean> {
  if (existsSync(join(directory, GGUF_FILE))) return true;
  const config = await readJsonFile(join(directory, "config.json"), z.record(z.string(), z.unknown()));
  return isPublishedEncoderDecoder({ config });
}

/** @throws SlmError CONFIG_INVALID if no extension reads GGUF */
async function importedCheckpoint(file: string): Promise<ExternalCheckpoint> {
  const importer = IMPORTERS.get("gguf");
  if (importer !== undefined) return (await importer.open(file)).checkpoint;
  throw new SlmError("CONFIG_INVALID", `${file}: no installed importer reads GGUF files`, {
    context: { file },
  });
}

/**
 * Imports the model in `directory` (Hugging Face files or model.gguf), and compares its outputs with expected.safetensors and its answers with
 * expected.json.
 *
 * @throws SlmError INPUT_MISSING, DATA_INVALID, CONFIG_INVALID or SHAPE_MISMATCH if the directory does not have that layout.
 */
export async function checkHuggingFace(directory: string, engine: Engine): Promise<HuggingFaceReport> {
  const gguf = join(directory, GGUF_FILE);
  const external = existsSync(gguf)
    ? await importedCheckpoint(gguf)
    : await readHuggingFaceDirectory(directory);
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
  const model = { config, weights, engine };
  const plain = await withPads(await compare(model, reference), model, reference);
  const report = await withItsCache(plain, model, reference);
  const { attentionSoftcap, ...uncapped } = config;
  if (report.pass || attentionSoftcap === undefined) return report;
  const without = { ...model, config: uncapped };
  const found = await withItsCache(await compare(without, reference), without, reference);
  if (found.logits.maxAbs > OUTPUT_TOLERANCE) return report;
  const cap = `attention softcap ${attentionSoftcap}, which transformers' default attention (sdpa) ignores`;
  return { ...found, leftOut: [cap, found.leftOut].filter((part) => part !== undefined).join("; ") };
}

/**
 * Returns the report. If only answers differ and the library's cache drops source positions of layers with a window, decodes answers in the same
 * way.
 */
async function withItsCache(
  report: HuggingFaceReport,
  model: CheckedModel,
  reference: Reference,
): Promise<HuggingFaceReport> {
  const { config } = model;
  if (report.pass || !areOutputsSame(report) || !isCut(config, reference.expected.source.shape[1]!))
    return report;
  const found = await compare({ ...model, cutsSources: true }, reference);
  if (!found.pass) return report;
  const { window } = config.slidingWindow!;
  const leftOut = `in answers, all source positions of layers with a window except the last ${window - 1}, which transformers' cache drops after the first token`;
  return { ...found, leftOut };
}

/**
 * Returns the report. If only answers differ and the library does not count padding tokens as positions, decodes answers in the same way.
 * Answers of a trained model contain no padding.
 */
async function withPads(
  report: HuggingFaceReport,
  model: CheckedModel,
  reference: Reference,
): Promise<HuggingFaceReport> {
  const { positions } = model.config;
  if (report.pass || !areOutputsSame(report) || positions?.kind !== "sinusoidal" || positions.first === 0)
    return report;
  const found = await compare({ ...model, leavesPads: true }, reference);
  return found.pass
    ? { ...found, leftOut: "positions of padding tokens inside answers, which transformers leaves out" }
    : report;
}

const areOutputsSame = ({
  encoderOutput,
  logits,
}: Pick<HuggingFaceReport, "encoderOutput" | "logits">): boolean =>
  encoderOutput.maxAbs <= OUTPUT_TOLERANCE && logits.maxAbs <= OUTPUT_TOLERANCE;

/** The library's outputs, and the model's own generation settings. */
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
  const report = { encoderOutput, logits: logitsReport, greedy, beams, searches };
  const pass = areOutputsSame(report) && greedy.same && beams.same && searches?.same !== false;
  return { ...report, pass };
}

interface CheckedModel {
  readonly config: EncoderDecoderConfig;
  readonly weights: Weights;
  readonly engine: Engine;
  /** Decodes answers with the library's cache, see `WindowCacheDecoder`. */
  readonly cutsSources?: boolean | undefined;
  /** Leaves padding tokens inside answers without a position, as the library does in models that count positions after padding's. */
  readonly leavesPads?: boolean | undefined;
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

/** Ids as program inputs. @throws SlmError DATA_INVALID for an id outside the vocabulary */
function asIds({ shape, data }: HostTensor, vocabularySize: number): HostTensor {
  const ids = Int32Array.from(data as ArrayLike<number | bigint>, Number);
  const wrong = ids.find((id) => id < 0 || id >= vocabularySize);
  if (wrong === undefined) return createHostTensor("int32", shape, ids);
  throw new SlmError(
    "DATA_INVALID",
    `reference: token id ${wrong} outside the vocabulary of ${vocabularySize}`,
  );
}

/** The model for whole sources and targets of these shapes. */
function forwardProgram(
  { config, weights, engine, leavesPads }: CheckedModel,
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
      ...(leavesPads === true ? { placed: { dtype: "float32" as const, shape: target } } : {}),
    },
    build: (x) => forwardPass(config, x),
  });
}

function forwardPass(config: EncoderDecoderConfig, x: Parameters): Record<string, Tensor> {
  const [source, mask, target] = [x["source"]!, x["mask"]!, x["target"]!];
  const { states: encoded } = encode(config, x, source, { mask });
  const bias = maskBias(math.reshape(mask, [mask.shape[0], 1, 1, mask.shape[1]!]));
  const context = { cross: crossCaches(config, x, encoded), bias };
  const decoded = decode(config, x, target, { source: context, placed: x["placed"] });
  return { encoded, logits: outputHead(config, x, decoded) };
}

async function forward(
  program: Program,
  { config, weights, leavesPads }: CheckedModel,
  { source, mask, target }: Pick<Expected, "source" | "mask" | "target">,
): Promise<{ readonly encoded: HostTensor; readonly logits: HostTensor }> {
  const feeds = {
    ...Object.fromEntries(weights),
    source: asIds(source, config.sourceVocabularySize ?? config.vocabularySize),
    mask,
    target: asIds(target, config.vocabularySize),
    ...(leavesPads === true ? { placed: isNot(target, config.tokens.pad) } : {}),
  };
  const { fetched } = await program.run({ feeds, fetch: ["encoded", "logits"] });
  return { encoded: fetched["encoded"]!, logits: fetched["logits"]! };
}

/** 1 where a token differs from this one. */
const isNot = ({ shape, data }: HostTensor, token: number): HostTensor =>
  createHostTensor(
    "float32",
    shape,
    Float32Array.from(data as ArrayLike<number | bigint>, (id) => (Number(id) === token ? 0 : 1)),
  );

/** Rows `[batch, length, width]` of source tokens, without padding. */
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
  /** The library's tokens: the start token, the answer, padding. */
  readonly tokens: readonly (readonly number[])[];
}

/** Generates for every source and compares the tokens. */
async function isSameAnswer(
  model: CheckedModel,
  { expected, settings, strategy, tokens }: Answer,
): Promise<boolean> {
  const { config } = model;
  const beams = strategy.kind === "beam" ? strategy.beams : 1;
  const repeat = (tensor: HostTensor): HostTensor => repeatRows(tensor, beams);
  const source = { source: repeat(expected.source), mask: repeat(expected.mask) };
  const decoder = await (model.cutsSources === true ? openCut(model, source) : openWhole(model, source));
  const { pad = config.tokens.pad, eos = config.tokens.eos, start = config.tokens.bos } = settings;
  const decoded = await generate(decoder, {
    bos: start,
    eos,
    pad,
    maxTokens: MAX_NEW_TOKENS,
    strategy,
    rules: settings.rules,
    source: (row) => idsOfRow(expected.source, row),
  });
  await decoder.close();
  const actual = decoded.map((row) => [start, ...row.tokens, ...(row.end === undefined ? [] : [row.end])]);
  return actual.length === tokens.length && actual.every((row, at) => isPadded(row, tokens[at]!, [pad, eos]));
}

/** Ids of a row as the library reads them, including padding. */
function idsOfRow({ shape, data }: HostTensor, row: number): readonly number[] {
  const length = shape[1]!;
  return Array.from(data as ArrayLike<number | bigint>, Number).slice(row * length, (row + 1) * length);
}

type RepeatedSource = Pick<Expected, "source" | "mask">;

/** A decoder that runs the whole target in every step. */
async function openWhole(model: CheckedModel, source: RepeatedSource): Promise<WholeTargetDecoder> {
  const [rows, length] = source.source.shape as [number, number];
  const shape = [rows, 1 + MAX_NEW_TOKENS];
  const program = await forwardProgram(model, [rows, length], shape);
  const run = async (target: HostTensor): Promise<Float32Array> => {
    const { logits } = await forward(program, model, { ...source, target });
    return logits.data as Float32Array;
  };
  return new WholeTargetDecoder(shape, model.config.vocabularySize, run, () => program.release());
}

const openCut = (
  { config, weights, engine }: CheckedModel,
  { source, mask }: RepeatedSource,
): Promise<WindowCacheDecoder> =>
  WindowCacheDecoder.open({
    config,
    weights,
    engine,
    source: asIds(source, config.sourceVocabularySize ?? config.vocabularySize),
    mask,
    capacity: 1 + MAX_NEW_TOKENS,
  });

/** Whether a row equals `expected`, followed by the library's fill: padding, or EOS after beams of a model with padding id 0. */
const isPadded = (row: readonly number[], expected: readonly number[], fillers: readonly number[]): boolean =>
  row.length <= expected.length &&
  expected.every((id, at) => (at < row.length ? id === row[at] : fillers.includes(id)));

/** Repeats every row of a matrix, copies next to each other. */
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
