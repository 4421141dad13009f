/** An instance of the WebAssembly module, whose memory has a program, its weights, and an arena for each text. */
import { SlmError } from "@slm/core/errors";
import { Regions } from "./call-regions.js";
import { callsOf } from "./decode-calls.js";
import type { PortableProgram } from "./portable-program.js";

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

/** `Counts` in module-text.ts, in its order. */
interface Counts {
  readonly source: number;
  readonly fresh: number;
  readonly wanted: number;
  readonly past: number;
}
const COUNTS = 4;

/** A part of the module's memory [bytes]. */
export interface Region {
  readonly at: number;
  readonly bytes: number;
}

interface Places {
  readonly weights: Region;
  readonly ids: Region;
  readonly counts: Region;
  readonly encode: Region;
  readonly step: Region;
}

export class ProgramMemory {
  readonly program: PortableProgram;
  readonly #module: KernelModule;
  readonly #places: Places;
  /** Where caches of the answer are in an arena [bytes]. */
  readonly #caches: readonly Region[];
  #end: number;

  private constructor(module: KernelModule, program: PortableProgram) {
    this.program = program;
    this.#module = module;
    this.#end = Number(module.__heap_base.value);
    const { encode = new Int32Array(), step, weights, capacities } = program;
    this.#places = {
      weights: this.#take(weights.byteLength),
      ids: this.#take(4 * Math.max(capacities.source, capacities.fresh)),
      counts: this.#take(4 * COUNTS),
      encode: this.#take(encode.byteLength),
      step: this.#take(step.byteLength),
    };
    this.#caches = cachesOf(program);
    const { buffer } = module.memory;
    new Uint8Array(buffer, this.#places.weights.at).set(weights);
    new Int32Array(buffer, this.#places.encode.at).set(encode);
    new Int32Array(buffer, this.#places.step.at).set(step);
  }

  /** @param module bytes of the module, or the compiled module */
  static async open(
    module: BufferSource | WebAssembly.Module,
    program: PortableProgram,
  ): Promise<ProgramMemory> {
    const compiled = module instanceof WebAssembly.Module ? module : await WebAssembly.compile(module);
    const instance = await WebAssembly.instantiate(compiled, {});
    return new ProgramMemory(instance.exports as unknown as KernelModule, program);
  }

  takeArena(): Region {
    return this.#take(4 * this.program.arena);
  }

  runEncode(arena: Region, ids: ArrayLike<number>, counts: Counts): void {
    this.#run(this.#places.encode, arena, ids, counts);
  }

  runStep(arena: Region, ids: ArrayLike<number>, counts: Counts): void {
    this.#run(this.#places.step, arena, ids, counts);
  }

  #run(calls: Region, arena: Region, ids: ArrayLike<number>, counts: Counts): void {
    const { weights, ids: idsAt, counts: countsAt } = this.#places;
    const { memory, run } = this.#module;
    new Int32Array(memory.buffer, idsAt.at, ids.length).set(ids);
    const { source, fresh, wanted, past } = counts;
    new Int32Array(memory.buffer, countsAt.at, COUNTS).set([source, fresh, wanted, past]);
    if (run(calls.at, calls.bytes / 4, weights.at, arena.at, idsAt.at, countsAt.at) === 0) return;
    throw new SlmError("DATA_INVALID", "the model calls a kernel that the module does not have");
  }

  /** @returns a view of `[wanted, vocabulary]` */
  logits({ at }: Region, wanted: number): Float32Array {
    const { logits, vocabulary } = this.program;
    return new Float32Array(this.#module.memory.buffer, at + 4 * logits, wanted * vocabulary);
  }

  /** The first of the largest logits of a row. */
  largest({ at }: Region, row: number): number {
    const { logits, vocabulary } = this.program;
    return this.#module.largest(at + 4 * (logits + row * vocabulary), vocabulary);
  }

  /** @param what `caches`: only what steps keep for later ones */
  copyArena(from: Region, to: Region, what: "all" | "caches"): void {
    const bytes = new Uint8Array(this.#module.memory.buffer);
    const parts = what === "all" ? [{ at: 0, bytes: from.bytes }] : this.#caches;
    for (const part of parts)
      bytes.copyWithin(to.at + part.at, from.at + part.at, from.at + part.at + part.bytes);
  }

  /** Memory after what was handed out. @throws SlmError DATA_INVALID if a 32-bit memory is too small */
  #take(bytes: number): Region {
    const at = Math.ceil(this.#end / BOUNDARY) * BOUNDARY;
    this.#end = at + bytes;
    const { memory } = this.#module;
    const missing = Math.ceil((this.#end - memory.buffer.byteLength) / PAGE);
    if (missing > 0)
      try {
        memory.grow(missing);
      } catch (cause) {
        throw new SlmError("DATA_INVALID", `WebAssembly has no room for ${this.#end} bytes`, {
          suggestions: ["--engine onnxruntime"],
          cause,
        });
      }
    return { at, bytes };
  }
}

/** Where steps write what later steps read. */
function cachesOf(program: PortableProgram): readonly Region[] {
  const regions = new Regions("step", program);
  return callsOf(program.step)
    .flatMap(({ kernel, arguments: args }) => regions.of(kernel, args))
    .filter(({ isKept }) => isKept === true)
    .map(({ at, size }) => ({ at: 4 * at, bytes: 4 * size }));
}
