/** Places the values and stores of both programs in one arena, each for as long as it is used. */
import { SlmError } from "@slm/core";
import { cacheCapacity, type ModelConfig } from "@slm/model";
import { scratchOf } from "./scratch.js";
import type { WeightForm } from "./sections.js";
import type { FusedNodes } from "./fuse.js";
import type { RowCount } from "./kernels.js";
import { inputsOf, outputOf, storesOf, type Node, type Store, type Value } from "./nodes.js";

/** Room that a program has [tokens]. */
export interface Capacities {
  /** Longest source; for decoder-only models 0. */
  readonly source: number;
  /** Positions of the decoder's caches. */
  readonly target: number;
  /** New tokens of one step. */
  readonly fresh: number;
  /** New tokens of which logits are given. */
  readonly wanted: number;
}

/** Rows of logits that kernels/search.c needs: those of a token, changed ones, and sorted ids. */
const SEARCHED = 3;
/** Tokens that an encoder-decoder reads at a time, and most texts that share a step in kernels/batch.c. */
const TOGETHER = 16;
/** Tokens that a decoder-only model reads at a time. */
const PROMPT = 64;

/** Enough for the longest texts of the model. */
export function capacitiesOf(config: ModelConfig): Capacities {
  const isEncoderDecoder = config.architecture === "encoder-decoder";
  const target = cacheCapacity(config);
  return {
    source: isEncoderDecoder ? config.maxSource : 0,
    target,
    fresh: Math.min(target, isEncoderDecoder ? TOGETHER : PROMPT),
    wanted: Math.max(SEARCHED, Math.min(target, TOGETHER)),
  };
}

/** Floats in a boundary of the arena: 64 bytes. */
const BOUNDARY = 16;
const roundUp = (size: number): number => Math.ceil(size / BOUNDARY) * BOUNDARY;

/** Part of the arena that is used from one node to another. */
interface Use {
  readonly first: number;
  last: number;
}

interface Placed extends Use {
  readonly start: number;
  readonly end: number;
}

/** Caches of one answer [floats]. */
export interface AnswerState {
  readonly start: number;
  readonly size: number;
  /** Its stores, from its start on. */
  readonly stores: readonly PlacedStore[];
}

interface PlacedStore extends Pick<Store, "kind" | "width"> {
  readonly offset: number;
  /** Positions that it has room for. */
  readonly capacity: number;
}

/** Offsets and sizes are in floats. */
export class Arena {
  readonly #nodes: FusedNodes;
  readonly #form: WeightForm;
  readonly #capacities: Capacities;
  readonly #offsets = new Map<Value | Store, number>();
  /** Where kernels have room for their own. */
  readonly scratch: number;
  readonly state: AnswerState;
  readonly size: number;
  #end = 0;

  constructor(nodes: FusedNodes, form: WeightForm, capacities: Capacities) {
    this.#nodes = nodes;
    this.#form = form;
    this.#capacities = capacities;
    const { encode = [], step, logits } = nodes;
    const all = [...encode, ...step];
    for (const value of this.#valuesOfBoth(encode, step)) this.#reserve(value, this.#sizeOf(value));
    const kept = [...new Set(all.flatMap((node) => storesOf(node)))].filter(({ isKept }) => isKept);
    for (const store of kept.filter(({ of }) => of === "source")) this.#reserve(store, this.#sizeOf(store));
    const start = this.#end;
    const stores = kept
      .filter(({ of }) => of === "target")
      .map((store): PlacedStore => {
        const { kind, width } = store;
        this.#reserve(store, this.#sizeOf(store));
        return { kind, width, offset: this.offsetOf(store) - start, capacity: this.capacityOf(store) };
      });
    this.state = { start, size: this.#end - start, stores };
    this.scratch = this.#end;
    this.#end += roundUp(Math.max(...all.map((node) => this.#scratchOf(node))));
    const temporaries = { start: this.#end, result: this.#baseOf(logits).base };
    this.size = Math.max(...[encode, step].map((program) => this.#placeTemporaries(program, temporaries)));
  }

  /** Where a value starts, and how far its rows are apart. @throws SlmError UNEXPECTED for a value of no program */
  placeOf(value: Value): { readonly offset: number; readonly stride: number } {
    const { base, offset } = this.#baseOf(value);
    return { offset: this.offsetOf(base) + offset, stride: base.width };
  }

  offsetOf(key: Value | Store): number {
    const offset = this.#offsets.get(key);
    if (offset === undefined) throw new SlmError("UNEXPECTED", "export: a value has no place in the arena");
    return offset;
  }

  /** Positions that a store has room for. */
  capacityOf({ of }: Store): number {
    return roundUp(this.#capacities[of]);
  }

  /** The value that contains this one. */
  #baseOf(value: Value): { readonly base: Value; readonly offset: number } {
    let [base, offset] = [value, 0];
    for (let view = this.#nodes.views.get(base); view !== undefined; view = this.#nodes.views.get(base)) {
      base = view.base;
      offset += view.offset;
    }
    return { base, offset };
  }

  /** Values that the encoder writes and the decoder reads. */
  #valuesOfBoth(encode: readonly Node[], step: readonly Node[]): readonly Value[] {
    const read = new Set(step.flatMap((node) => inputsOf(node).map((value) => this.#baseOf(value).base)));
    const written = encode.flatMap((node) => outputOf(node) ?? []).map((value) => this.#baseOf(value).base);
    return [...new Set(written)].filter((value) => read.has(value));
  }

  #reserve(key: Value | Store, size: number): void {
    this.#offsets.set(key, this.#end);
    this.#end += roundUp(size);
  }

  /** Places what only one program uses, first fit. @returns the end */
  #placeTemporaries(
    program: readonly Node[],
    { start, result }: { readonly start: number; readonly result: Value },
  ): number {
    const placed: Placed[] = [];
    for (const [key, { first, last }] of this.#usesOf(program, result)) {
      const size = roundUp(this.#sizeOf(key));
      const alive = placed
        .filter((other) => other.first <= last && first <= other.last)
        .sort((a, b) => a.start - b.start);
      let at = start;
      for (const other of alive) {
        if (other.start - at >= size) break;
        at = Math.max(at, other.end);
      }
      this.#offsets.set(key, at);
      placed.push({ start: at, end: at + size, first, last });
    }
    return Math.max(start, ...placed.map(({ end }) => end));
  }

  /** From which node to which a temporary is used, in order of the first; the result until after the end. */
  #usesOf(program: readonly Node[], result: Value): ReadonlyMap<Value | Store, Use> {
    const uses = new Map<Value | Store, Use>();
    program.forEach((node, index) => {
      const out = outputOf(node);
      const values = [...inputsOf(node), ...(out === undefined ? [] : [out])];
      for (const key of [...values.map((value) => this.#baseOf(value).base), ...storesOf(node)]) {
        if (this.#offsets.has(key)) continue;
        const use = uses.get(key) ?? { first: index, last: index };
        use.last = index;
        uses.set(key, use);
      }
    });
    const last = uses.get(result);
    if (last !== undefined) last.last = program.length;
    return uses;
  }

  #sizeOf(key: Value | Store): number {
    return ("kind" in key ? this.capacityOf(key) : this.#mostRows(key.rows)) * key.width;
  }

  #mostRows(count: RowCount): number {
    const { source, fresh, wanted } = this.#capacities;
    if (count.of === "source") return Math.ceil(source / count.group);
    if (count.of === "fresh") return fresh;
    return count.of === "wanted" ? wanted : 0;
  }

  /** Scratch memory of a kernel: the scores of attention, or rows as activations, with what belongs to them. */
  #scratchOf(node: Node): number {
    if (node.op === "attend")
      return this.capacityOf(node.keys) + (node.source === undefined ? 0 : this.capacityOf(node.source.keys));
    if (node.op !== "linear" || this.#form === "float32") return 0;
    return scratchOf(this.#mostRows(node.x.rows), node.x.width, this.#form);
  }
}
