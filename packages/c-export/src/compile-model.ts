/** Exports a model as C99: a program over kernels, and a file of weights. */
import type { Checkpoint } from "@slm/checkpoints";
import type { ModelConfig } from "@slm/model";
import { fuse } from "./program/fuse.js";
import { capacitiesOf } from "./program/arena.js";
import { planProgram, type Program } from "./program/plan.js";
import { recordModel } from "./program/record.js";
import type { WeightForm } from "./program/sections.js";
import { packRules, type PackedRules, type Rule } from "./weights/pack-rules.js";
import { packWeights } from "./weights/pack.js";

export interface CompiledModel {
  readonly form: WeightForm;
  readonly program: Program;
  /** Ids that a source may have; 0 in decoder-only models. */
  readonly sourceVocabulary: number;
  /** Start of each section of the program in the weights [bytes]. */
  readonly offsets: readonly number[];
  /** Draft rules, and the index of their section in `offsets`. */
  readonly rules?: (Omit<PackedRules, "bytes"> & { readonly section: number }) | undefined;
  /** The file, which starts with its own digest: see `packWeights`. */
  readonly weights: Uint8Array;
}

/**
 * Compiles a text model to calls of kernels, with its weights packed for them.
 *
 * @param draftRules of an encoder-decoder. Default: none
 * @throws SlmError OP_UNSUPPORTED for an op that target c lacks; DATA_INVALID for a weight that is not a number
 */
export function compileModel(
  { config, weights }: Checkpoint,
  form: WeightForm,
  draftRules: readonly Rule[] = [],
): CompiledModel {
  const nodes = fuse(recordModel(config, (name) => weights.has(name)));
  const program = planProgram(nodes, form, capacitiesOf(config));
  const packed = draftRules.length === 0 ? undefined : packRules(draftRules);
  const { offsets, bytes } = packWeights(program.sections, weights, form, packed?.bytes);
  const rules = packed && {
    count: packed.count,
    bits: packed.bits,
    kinds: packed.kinds,
    section: program.sections.length,
  };
  return { form, program, sourceVocabulary: sourceVocabularyOf(config), offsets, rules, weights: bytes };
}

const sourceVocabularyOf = (config: ModelConfig): number =>
  config.architecture === "encoder-decoder" ? (config.sourceVocabularySize ?? config.vocabularySize) : 0;
