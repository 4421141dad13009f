/** Exports a model as C99: a program over kernels, and a file of weights. */
import type { Checkpoint } from "@slm/checkpoints";
import type { ModelConfig } from "@slm/model";
import { fuse } from "./program/fuse.js";
import { capacitiesOf } from "./program/arena.js";
import { planProgram, type Program } from "./program/plan.js";
import { recordModel } from "./program/record.js";
import type { WeightForm } from "./program/sections.js";
import { packWeights } from "./weights/pack.js";

export interface CompiledModel {
  readonly form: WeightForm;
  readonly program: Program;
  /** Ids that a source may have; 0 in decoder-only models. */
  readonly sourceVocabulary: number;
  /** Start of each section of the program in the weights [bytes]. */
  readonly offsets: readonly number[];
  /** The file, which starts with its own digest: see `packWeights`. */
  readonly weights: Uint8Array;
}

/**
 * Compiles a text model to calls of kernels, with its weights packed for them.
 *
 * @throws SlmError OP_UNSUPPORTED for an op that target c lacks; DATA_INVALID for a weight that is not a number
 */
export function compileModel({ config, weights }: Checkpoint, form: WeightForm): CompiledModel {
  const nodes = fuse(recordModel(config, (name) => weights.has(name)));
  const program = planProgram(nodes, form, capacitiesOf(config));
  const { offsets, bytes } = packWeights(program.sections, weights, form);
  return { form, program, sourceVocabulary: sourceVocabularyOf(config), offsets, weights: bytes };
}

const sourceVocabularyOf = (config: ModelConfig): number =>
  config.architecture === "encoder-decoder" ? (config.sourceVocabularySize ?? config.vocabularySize) : 0;
