/** A compiled model as plain numbers: what a portable file contains, and what the WebAssembly module runs. */
import type { CompiledModel } from "../compile-model.js";
import type { Capacities } from "../program/arena.js";
import type { WeightForm } from "../program/sections.js";
import { encodeCalls } from "./module-text.js";

export interface PortableProgram {
  readonly form: WeightForm;
  /** Calls that read the source, as numbers. Absent in decoder-only models. */
  readonly encode: Int32Array | undefined;
  /** Calls that read new tokens and give logits, as numbers. */
  readonly step: Int32Array;
  /** Where logits `[wanted, vocabulary]` are in the arena [floats]. */
  readonly logits: number;
  /** Size of the arena [floats]. */
  readonly arena: number;
  readonly capacities: Capacities;
  readonly vocabulary: number;
  /** Ids that a source may have; 0 in decoder-only models. */
  readonly sourceVocabulary: number;
  /** Tokens that an answer may have, ascending. Absent: all. */
  readonly answers: Int32Array | undefined;
  readonly weights: Uint8Array;
}

/** @param answers tokens that an answer may have. Default: all */
export function portableProgram(
  { form, program, sourceVocabulary, offsets, weights }: CompiledModel,
  answers?: readonly number[],
): PortableProgram {
  return {
    form,
    encode: program.encode && encodeCalls(program.encode, offsets),
    step: encodeCalls(program.step, offsets),
    logits: program.logits,
    arena: program.arena,
    capacities: program.capacities,
    vocabulary: program.vocabulary,
    sourceVocabulary,
    answers: answers && Int32Array.from(answers),
    weights,
  };
}
