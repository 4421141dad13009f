/** Exports a model as C99: a program over kernels, and a file of weights. */
import { createHash } from "node:crypto";
import type { Checkpoint } from "@slm/checkpoints";
import { EMBEDDING_WEIGHT } from "@slm/model";
import { fuse } from "./program/fuse.js";
import { capacitiesOf, type Capacities } from "./program/arena.js";
import { planProgram, type Program } from "./program/plan.js";
import { recordModel } from "./program/record.js";
import type { WeightForm } from "./program/sections.js";
import { packWeights } from "./weights/pack.js";

export interface CompiledModel {
  readonly form: WeightForm;
  readonly program: Program;
  /** Start of each section of the program in the weights [bytes]. */
  readonly offsets: readonly number[];
  readonly weights: Uint8Array;
  /** The first 64 bits of the weights' SHA-256, in hexadecimal: the code and its weights belong together. */
  readonly digest: string;
}

/**
 * Compiles a text model to calls of kernels, with its weights packed for them.
 *
 * @param capacities default: those of the model
 * @throws SlmError OP_UNSUPPORTED for an op that target c lacks; DATA_INVALID for a weight that is not a number
 */
export function compileModel(
  { config, weights }: Checkpoint,
  form: WeightForm,
  capacities: Capacities = capacitiesOf(config),
): CompiledModel {
  const isShared = (name: string): boolean => name === EMBEDDING_WEIGHT;
  const nodes = fuse(
    recordModel(config, (name) => weights.has(name)),
    isShared,
  );
  const program = planProgram(nodes, form, capacities);
  const { offsets, bytes } = packWeights(program.sections, weights, form);
  const digest = createHash("sha256").update(bytes).digest("hex").slice(0, 16);
  return { form, program, offsets, weights: bytes, digest };
}
