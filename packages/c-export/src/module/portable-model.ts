/** Runs a compiled model in the WebAssembly module: in Node.js, browsers and other isolates, on one thread and without a runtime. */
import { SlmError } from "@slm/core/errors";
import type { CompiledModel } from "../compile-model.js";
import type { Capacities } from "../program/arena.js";
import { ProgramMemory, type BestToken, type Region } from "./program-memory.js";
import { portableProgram, type PortableProgram } from "./portable-program.js";

/** One text at a time. Models that share a {@link ProgramMemory} share its weights. */
export class PortableModel {
  readonly #memory: ProgramMemory;
  readonly #arena: Region;
  #source = 0;
  /** The text of the source in the arena; copies of a model share it. */
  #text: object | undefined;
  #past = 0;
  #wanted = 0;
  /** Memory for the tokens that answers may have, and whether it is in use. */
  #mask: Region | undefined;
  #isMasked = false;

  private constructor(memory: ProgramMemory) {
    this.#memory = memory;
    this.#arena = memory.takeArena();
  }

  /**
   * A model in a module of its own.
   *
   * @param module bytes of the module, or the compiled module
   */
  static async open(
    module: BufferSource | WebAssembly.Module,
    model: CompiledModel | PortableProgram,
  ): Promise<PortableModel> {
    const program = "program" in model ? portableProgram(model) : model;
    return new PortableModel(await ProgramMemory.open(module, program));
  }

  /** Another model for the same program, with an arena of its own. */
  sibling(): PortableModel {
    return new PortableModel(this.#memory);
  }

  get vocabulary(): number {
    return this.#memory.program.vocabulary;
  }

  get capacities(): Capacities {
    return this.#memory.program.capacities;
  }

  /**
   * Reads a source, and starts an answer.
   *
   * @throws SlmError USAGE for a decoder-only model, an unknown token, an empty source or one that is too long
   */
  encode(ids: readonly number[]): void {
    const { encode, sourceVocabulary } = this.#memory.program;
    if (encode === undefined) throw new SlmError("USAGE", "a decoder-only model has no encoder");
    checkCount("source", ids.length, this.capacities.source);
    checkIds(ids, sourceVocabulary);
    this.#source = ids.length;
    this.#text = {};
    this.#past = 0;
    this.#memory.runEncode(this.#arena, ids, { source: ids.length, fresh: 0, wanted: 0, past: 0 });
  }

  /**
   * Masks the logits of all further steps.
   *
   * @param mayAnswer `[vocabulary]`, 0 for tokens that an answer cannot have. Absent: it can have all.
   */
  restrict(mayAnswer: Uint8Array | undefined): void {
    this.#isMasked = mayAnswer !== undefined;
    if (mayAnswer === undefined) return;
    this.#mask ??= this.#memory.takeMask();
    this.#memory.writeMask(this.#mask, mayAnswer);
  }

  /**
   * Reads the next tokens of the answer.
   *
   * @param wanted for how many of the last of them logits are returned
   * @returns logits `[wanted, vocabulary]`, which the next call overwrites
   * @throws SlmError USAGE for an unknown token, or more tokens than fit
   */
  step(ids: ArrayLike<number>, wanted = 1): Float32Array {
    this.read(ids, wanted);
    return this.#memory.logits(this.#arena, wanted);
  }

  /** Like {@link step}, without returning logits: {@link best} reads them. */
  read(ids: ArrayLike<number>, wanted = 1): void {
    const { fresh, target, wanted: most } = this.capacities;
    checkCount("step", ids.length, Math.min(fresh, target - this.#past));
    checkCount("logits", wanted, Math.min(ids.length, most));
    checkIds(ids, this.vocabulary);
    const counts = { source: this.#source, fresh: ids.length, wanted, past: this.#past };
    this.#memory.runStep(this.#arena, ids, counts);
    if (this.#isMasked) this.#memory.maskLogits(this.#arena, wanted, this.#mask!);
    this.#wanted = wanted;
    this.#past += ids.length;
  }

  /** The most probable token after the last that was read; the first of equals. */
  top(): number {
    return this.#memory.top(this.#arena, this.#wanted - 1);
  }

  /** Like {@link top}, with its log-probability. */
  best(): BestToken {
    return this.#memory.best(this.#arena, this.#wanted - 1);
  }

  /** Forgets the tokens after the first `count` of the answer. */
  rewind(count: number): void {
    checkCount("rewind", count + 1, this.#past + 1);
    this.#past = count;
  }

  /** Becomes what a sibling is: the same source, and the same answer so far. */
  copyFrom(other: PortableModel): void {
    this.#memory.copyArena(other.#arena, this.#arena, this.#text === other.#text ? "caches" : "all");
    this.#source = other.#source;
    this.#text = other.#text;
    this.#past = other.#past;
    this.#wanted = other.#wanted;
  }
}

function checkCount(what: string, count: number, most: number): void {
  if (Number.isInteger(count) && count >= 1 && count <= most) return;
  throw new SlmError("USAGE", `${what}: expected 1 to ${most}, got ${count}`);
}

/** Kernels read a table at the ids. */
function checkIds(ids: ArrayLike<number>, vocabulary: number): void {
  for (let at = 0; at < ids.length; at++) {
    const id = ids[at]!;
    if (!Number.isInteger(id) || id < 0 || id >= vocabulary)
      throw new SlmError("USAGE", `token ${at + 1}: expected an id below ${vocabulary}, got ${id}`);
  }
}
