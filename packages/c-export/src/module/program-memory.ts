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
  readonly mask: (logits: number, count: number, mayAnswer: number, masked: number) => void;
  readonly choose: (logits: number, count: number, divisor: number) => number;
}

/** Bytes of a page of WebAssembly memory, and the boundary of sections of weights and of the arena. */
const PAGE = 65_536;
const BOUNDARY = 64;

/** How many tokens a source has, how many are new, for how many of them logits are wanted, and how many were read before. */
interface Counts {
  readonly source: number;
  readonly fresh: number;
  readonly wanted: number;
  readonly past: number;
}
/** Numbers of `counts` in module-text.ts. */
const COUNTS = 6;

/** The logit of a token that an answer cannot have: its probability is zero in float32. */
const MASKED = -1e9;

/** A token that was chosen. */
export interface BestToken {
  readonly token: number;
  /** Not finite if the logits are not [nats]. */
  readonly logProbability: number;
}

/** A part of the module's memory [bytes]. */
export interface Region {
  readonly at: number;
  readonly bytes: number;
}

interface Places {
  readonly weights: Region;
  readonly ids: Region;
  readonly counts: Region;
  readonly divisor: Region;
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
  /** The module's memory. A memory that grows has a new buffer. */
  #ints: Int32Array;
  #floats: Float32Array;

  private constructor(module: KernelModule, program: PortableProgram) {
    this.program = program;
    this.#module = module;
    this.#end = Number(module.__heap_base.value);
    this.#ints = new Int32Array(module.memory.buffer);
    this.#floats = new Float32Array(module.memory.buffer);
    const { encode = new Int32Array(), step, weights, capacities } = program;
    this.#places = {
      weights: this.#take(weights.byteLength),
      ids: this.#take(4 * Math.max(capacities.source, capacities.fresh)),
      counts: this.#take(4 * COUNTS),
      divisor: this.#take(4),
      encode: this.#take(encode.byteLength),
      step: this.#take(step.byteLength),
    };
    this.#caches = cachesOf(program);
    this.#bytes(this.#places.weights).set(weights);
    this.#ints.set(encode, this.#places.encode.at / 4);
    this.#ints.set(step, this.#places.step.at / 4);
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
    const { source, fresh, wanted, past } = counts;
    const ints = this.#ints;
    for (let at = 0, to = idsAt.at / 4; at < ids.length; at++, to++) ints[to] = ids[at]!;
    const first = countsAt.at / 4;
    ints[first + 1] = source;
    ints[first + 2] = fresh;
    ints[first + 3] = wanted;
    ints[first + 4] = past;
    ints[first + 5] = past + fresh;
    const length = calls.bytes / 4;
    if (this.#module.run(calls.at, length, weights.at, arena.at, idsAt.at, countsAt.at) === 0) return;
    throw new SlmError("DATA_INVALID", "the model calls a kernel that the module does not have");
  }

  /** @returns a view of `[wanted, vocabulary]` */
  logits(arena: Region, wanted: number): Float32Array {
    const first = this.#logitsAt(arena, 0) / 4;
    return this.#floats.subarray(first, first + wanted * this.program.vocabulary);
  }

  /** The first of the most probable tokens. */
  top(arena: Region, row: number): number {
    return this.#module.choose(this.#logitsAt(arena, row), this.program.vocabulary, 0);
  }

  /** Like {@link top}, with its log-probability. */
  best(arena: Region, row: number): BestToken {
    const { at } = this.#places.divisor;
    const token = this.#module.choose(this.#logitsAt(arena, row), this.program.vocabulary, at);
    return { token, logProbability: -Math.log(this.#floats[at / 4]!) };
  }

  /** Memory for the tokens that answers may have: `[vocabulary]`, 0 for those that they may not. */
  takeMask(): Region {
    return this.#take(this.program.vocabulary);
  }

  writeMask(mask: Region, mayAnswer: Uint8Array): void {
    this.#bytes(mask).set(mayAnswer);
  }

  /** Masks the first rows of logits. */
  maskLogits(arena: Region, rows: number, mask: Region): void {
    for (let row = 0; row < rows; row++)
      this.#module.mask(this.#logitsAt(arena, row), this.program.vocabulary, mask.at, MASKED);
  }

  /** Where a row of logits is [bytes]. */
  #logitsAt({ at }: Region, row: number): number {
    const { logits, vocabulary } = this.program;
    return at + 4 * (logits + row * vocabulary);
  }

  #bytes({ at, bytes }: Region): Uint8Array {
    return new Uint8Array(this.#module.memory.buffer, at, bytes);
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
    if (missing > 0) {
      this.#ints = new Int32Array(memory.buffer);
      this.#floats = new Float32Array(memory.buffer);
    }
    return { at, bytes };
  }
}

/** Where steps write what later steps read. */
function cachesOf(program: PortableProgram): readonly Region[] {
  const regions = new Regions("step", program);
  return callsOf(program.step)
    .flatMap((call) => regions.of(call))
    .filter(({ isKept }) => isKept === true)
    .map(({ at, size }) => ({ at: 4 * at, bytes: 4 * size }));
}
