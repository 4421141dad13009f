/** Runs a compiled model in the WebAssembly module: in Node.js, browsers and other isolates, on one thread and without a runtime. */
import { SlmError } from "@slm/core/errors";
import type { CompiledModel } from "../compile-model.js";
import { encodeCalls } from "./module-text.js";

/** What the module exports; see module-text.ts. Pointers are byte offsets in its memory. */
interface KernelModule {
  readonly memory: WebAssembly.Memory;
  readonly __heap_base: WebAssembly.Global;
  readonly run: (
    program: number,
    length: number,
    weights: number,
    arena: number,
    ids: number,
    counts: number,
  ) => number;
  readonly largest: (numbers: number, count: number) => number;
}

/** Bytes of a page of WebAssembly memory, and the boundary of sections of weights and of the arena. */
const PAGE = 65_536;
const BOUNDARY = 64;

/** Places in the module's counts, int32: see `Counts` in module-text.ts. */
const COUNTS = { source: 0, fresh: 1, wanted: 2, past: 3 } as const;

/** A model in a module of its own: one text at a time. */
export class PortableModel {
  readonly vocabulary: number;
  readonly capacities: CompiledModel["program"]["capacities"];
  readonly #module: KernelModule;
  readonly #ids: Int32Array;
  readonly #counts: Int32Array;
  readonly #logits: number;
  readonly #runEncode: (() => void) | undefined;
  readonly #runStep: () => void;

  private constructor(module: KernelModule, model: CompiledModel) {
    const { program, offsets, weights } = model;
    this.#module = module;
    this.vocabulary = program.vocabulary;
    this.capacities = program.capacities;
    const maxIds = Math.max(program.capacities.source, program.capacities.fresh);
    const memory = new ModuleMemory(module);
    const programs = [program.encode ?? [], program.step].map((calls) => encodeCalls(calls, offsets));
    const at = {
      weights: memory.take(weights.byteLength),
      arena: memory.take(program.arena * 4),
      ids: memory.take(maxIds * 4),
      counts: memory.take(4 * Object.keys(COUNTS).length),
      programs: programs.map(({ byteLength }) => memory.take(byteLength)),
    };
    memory.grow();
    const { buffer } = module.memory;
    new Uint8Array(buffer, at.weights).set(weights);
    programs.forEach((numbers, index) => {
      new Int32Array(buffer, at.programs[index]).set(numbers);
    });
    this.#ids = new Int32Array(buffer, at.ids, maxIds);
    this.#counts = new Int32Array(buffer, at.counts, Object.keys(COUNTS).length);
    this.#logits = at.arena + program.logits * 4;
    const [runEncode, runStep] = programs.map(({ length }, index) => () => {
      if (module.run(at.programs[index]!, length, at.weights, at.arena, at.ids, at.counts) !== 0)
        throw new SlmError("DATA_INVALID", "the model calls a kernel that the module does not have");
    });
    this.#runEncode = program.encode === undefined ? undefined : runEncode;
    this.#runStep = runStep!;
  }

  /** @param module bytes of the module, or the compiled module */
  static async open(module: BufferSource | WebAssembly.Module, model: CompiledModel): Promise<PortableModel> {
    const compiled = module instanceof WebAssembly.Module ? module : await WebAssembly.compile(module);
    const instance = await WebAssembly.instantiate(compiled, {});
    return new PortableModel(instance.exports as unknown as KernelModule, model);
  }

  /**
   * Reads a source, and starts an answer.
   *
   * @throws SlmError USAGE for a decoder-only model, an empty source or one that is too long
   */
  encode(ids: readonly number[]): void {
    if (this.#runEncode === undefined) throw new SlmError("USAGE", "a decoder-only model has no encoder");
    this.#checkCount("source", ids.length, this.capacities.source);
    this.#ids.set(ids);
    this.#counts[COUNTS.source] = ids.length;
    this.#counts[COUNTS.past] = 0;
    this.#runEncode();
  }

  /**
   * Reads the next tokens of the answer.
   *
   * @param wanted for how many of the last of them logits are returned
   * @returns logits `[wanted, vocabulary]`, which the next call overwrites
   * @throws SlmError USAGE for more tokens than fit
   */
  step(ids: readonly number[], wanted = 1): Float32Array {
    this.#checkCount("step", ids.length, Math.min(this.capacities.fresh, this.capacities.target - this.past));
    this.#checkCount("logits", wanted, Math.min(ids.length, this.capacities.wanted));
    this.#ids.set(ids);
    this.#counts[COUNTS.fresh] = ids.length;
    this.#counts[COUNTS.wanted] = wanted;
    this.#runStep();
    this.#counts[COUNTS.past]! += ids.length;
    return new Float32Array(this.#module.memory.buffer, this.#logits, wanted * this.vocabulary);
  }

  /** The most probable token after the last that was read; the first of equals. */
  top(): number {
    const last = this.#counts[COUNTS.wanted]! - 1;
    return this.#module.largest(this.#logits + last * this.vocabulary * 4, this.vocabulary);
  }

  /** How many tokens of the answer were read. */
  get past(): number {
    return this.#counts[COUNTS.past]!;
  }

  /** Forgets the tokens after the first `count` of the answer. */
  rewind(count: number): void {
    this.#checkCount("rewind", count + 1, this.past + 1);
    this.#counts[COUNTS.past] = count;
  }

  #checkCount(what: string, count: number, most: number): void {
    if (Number.isInteger(count) && count >= 1 && count <= most) return;
    throw new SlmError("USAGE", `${what}: expected 1 to ${most}, got ${count}`);
  }
}

/** Hands out the memory after the module's own data. */
class ModuleMemory {
  readonly #module: KernelModule;
  #end: number;

  constructor(module: KernelModule) {
    this.#module = module;
    this.#end = Number(module.__heap_base.value);
  }

  take(bytes: number): number {
    const start = Math.ceil(this.#end / BOUNDARY) * BOUNDARY;
    this.#end = start + bytes;
    return start;
  }

  /** Makes the memory as large as what was handed out. */
  grow(): void {
    const missing = Math.ceil((this.#end - this.#module.memory.buffer.byteLength) / PAGE);
    if (missing > 0) this.#module.memory.grow(missing);
  }
}
