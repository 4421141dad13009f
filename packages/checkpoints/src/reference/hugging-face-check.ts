/** Compares a published encoder-decoder with the outputs of its own library. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { readJsonFile, SlmError } from "@slm/core";
import { parseGenerationSettings, type Strategy } from "@slm/generation";
import type { Engine } from "@slm/tensor";
import { z } from "zod";
import { isPublishedEncoderDecoder } from "../import/encoder-decoder/families.js";
import { readHuggingFaceDirectory } from "../import/hugging-face-directory.js";
import { importEncoderDecoder, importedGeneration } from "../import/import-checkpoint.js";
import type { ExternalCheckpoint } from "../external-checkpoint.js";
import { IMPORTERS } from "../importers.js";
import { BEAMS, isSameAnswer, MAX_NEW_TOKENS } from "./checked-answers.js";
import { forward, forwardProgram, type CheckedModel } from "./checked-model.js";
import { OUTPUT_TOLERANCE, maxAbsDifference } from "./differences.js";
import { atTokens, readLibraryOutputs, type LibraryOutputs, type TokenRows } from "./library-outputs.js";
import { isCut } from "./window-cache.js";

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
    ...(await readLibraryOutputs(directory)),
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
  const leftOut = `source positions before the last ${window - 1} in layers with a window, which transformers drops after the first token of an answer`;
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
interface Reference extends LibraryOutputs {
  readonly generation: Readonly<Record<string, unknown>>;
  readonly where: string;
}

async function compare(
  model: CheckedModel,
  { expected, answers, generation, where }: Reference,
): Promise<HuggingFaceReport> {
  const program = await forwardProgram(model, expected.source.shape, expected.target.shape);
  const { encoded, logits } = await forward(program, model, expected);
  const encoderOutput = {
    maxAbs: maxAbsDifference(atTokens(encoded, expected.mask), atTokens(expected.encoded, expected.mask)),
  };
  const logitsReport = { maxAbs: maxAbsDifference(logits, expected.logits) };
  await program.release();
  const answer = async (
    tokens: TokenRows,
    search: { readonly strategy?: Strategy; readonly settings?: Readonly<Record<string, unknown>> },
  ): Promise<{ readonly same: boolean }> => {
    const settings = parseGenerationSettings({ ...generation, ...search.settings }, where);
    const strategy = search.strategy ?? settings.strategy ?? { kind: "greedy" };
    return { same: await isSameAnswer(model, { expected, settings, strategy, tokens }) };
  };
  const greedy = await answer(answers.greedy, { strategy: { kind: "greedy" } });
  const beams = await answer(answers.beams, { strategy: BEAMS });
  const found: boolean[] = [];
  for (const { settings, tokens } of answers.searches ?? [])
    found.push((await answer(tokens, { settings })).same);
  const searches =
    answers.searches === undefined ? undefined : { same: found.every(Boolean), count: found.length };
  const report = { encoderOutput, logits: logitsReport, greedy, beams, searches };
  const pass = areOutputsSame(report) && greedy.same && beams.same && searches?.same !== false;
  return { ...report, pass };
}
