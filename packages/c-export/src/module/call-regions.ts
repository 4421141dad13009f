/**
 * What each kernel reads and writes, at the largest counts that a program may have. A portable file is data from somebody else, so its reader compares
 * these regions with the arena and the weights before anything runs.
 */
import { SlmError } from "@slm/core/errors";
import type { KernelName } from "../program/kernels.js";
import { scratchOf } from "../program/scratch.js";
import { int4Bytes, int8Bytes, PANEL, panelsOf } from "../weights/pack-matrix.js";
import type { ReadArguments, ReadCall, ReadPlace } from "./decode-calls.js";
import { decodedRows } from "./module-text.js";
import type { PortableProgram } from "./portable-program.js";

/** A part of the arena [floats] or of the weights [bytes]. */
export interface TouchedRegion {
  readonly space: "arena" | "weights";
  readonly at: number;
  readonly size: number;
  /** Whether later steps read it. */
  readonly isKept?: boolean | undefined;
}

type Limits = Pick<PortableProgram, "capacities" | "vocabulary" | "sourceVocabulary">;

export class Regions {
  readonly #part: "encode" | "step";
  readonly #limits: Limits;

  /** @param part which of the two programs the calls are in */
  constructor(part: "encode" | "step", limits: Limits) {
    this.#part = part;
    this.#limits = limits;
  }

  /** @throws SlmError DATA_INVALID for arguments that no program has */
  of<K extends KernelName>({ kernel, arguments: given }: ReadCall<K>): readonly TouchedRegion[] {
    return TOUCHED[kernel](this, given);
  }

  /** The largest value of a count. */
  most(code: number): number {
    const { source, target, fresh, wanted } = this.#limits.capacities;
    const { of, group } = decodedRows(code);
    if (of === "source") return Math.ceil(source / group);
    return { none: 0, fresh, wanted, past: target, total: target }[of];
  }

  /** One more than the last of `rows` positions from `start` on. New tokens always fit after the ones before. */
  span(start: number, rows: number): number {
    const [from, count] = [decodedRows(start), decodedRows(rows)];
    if (from.of === "past" && count.of === "fresh") return this.#limits.capacities.target;
    return this.most(start) + this.most(rows);
  }

  /** How many ids a call reads tables at, and how many rows the tables have. */
  ids(rows: number): { readonly count: number; readonly vocabulary: number } {
    const { of, group } = decodedRows(rows);
    const { vocabulary, sourceVocabulary } = this.#limits;
    if (this.#part === "step" && of === "fresh") return { count: this.most(rows), vocabulary };
    if (this.#part === "encode" && of === "source" && group === 1)
      return { count: this.most(rows), vocabulary: sourceVocabulary };
    throw invalid("ids are read for tokens of a source or of a step");
  }
}

export const invalid = (problem: string): SlmError =>
  new SlmError("DATA_INVALID", `portable: ${problem}`, {
    suggestions: ["slm export CHECKPOINT --target cpu"],
  });

const arena = (at: number, size: number): TouchedRegion => ({ space: "arena", at, size });
const kept = (at: number, size: number): TouchedRegion => ({ ...arena(at, size), isKept: true });
/** Floats of the weights; nothing for an absent weight. */
const floats = (at: number, count: number): readonly TouchedRegion[] =>
  at === -1 ? [] : [{ space: "weights", at, size: 4 * count }];
/** A weight that must be there. */
const table = (at: number, bytes: number): TouchedRegion => ({ space: "weights", at, size: bytes });
/** `count` rows of `width` floats. */
const rowsAt = ({ at, stride }: ReadPlace, count: number, width: number): TouchedRegion =>
  arena(at, count === 0 ? 0 : (count - 1) * stride + width);

function demand(condition: boolean, problem: string): void {
  if (!condition) throw invalid(problem);
}

type Touched<K extends KernelName> = (regions: Regions, given: ReadArguments<K>) => readonly TouchedRegion[];

const binary: Touched<"slm_add"> = (regions, { a, b, rows, width, y }) =>
  [a, b, y].map((place) => rowsAt(place, regions.most(rows), width));

const linear: Touched<"slm_linear_float"> = (regions, { x, rows, k, n, bias, y }) => {
  const count = regions.most(rows);
  return [rowsAt(x, count, k), rowsAt(y, count, n), ...floats(bias, panelsOf(n) * PANEL)];
};

/** Keys, values and the output of attention. */
const attended = (
  regions: Regions,
  given: Omit<ReadArguments<"slm_attend">, "bias" | "reach">,
): readonly TouchedRegion[] => {
  const { query, rows, start, keys, capacity, values, count, y } = given;
  const { heads, kvHeads, headDim, modulo, before, after } = given;
  demand(kvHeads >= 1 && heads >= 1 && headDim >= 1, "attention has at least one head");
  demand(modulo !== 0 || heads % kvHeads === 0, "heads share key heads evenly");
  const [queries, most] = [regions.most(rows), regions.most(count)];
  if (before >= 0 || after >= 0)
    demand(regions.span(start, rows) <= most, "a window is around positions that have keys");
  return [
    rowsAt(query, queries, heads * headDim),
    rowsAt(y, queries, heads * headDim),
    keysAt(keys, capacity, { most, width: kvHeads * headDim }),
    rowsAt(values, most, kvHeads * headDim),
  ];
};

const TOUCHED: { readonly [K in KernelName]: Touched<K> } = {
  slm_embed_float: (regions, { rows, w, width, y }) => {
    const { count, vocabulary } = regions.ids(rows);
    return [table(w, 4 * panelsOf(vocabulary) * PANEL * width), rowsAt(y, count, width)];
  },
  slm_embed_int8: (regions, { rows, w, width, vocabulary: stored, y }) => {
    const { count, vocabulary } = regions.ids(rows);
    demand(vocabulary <= stored, "a table has fewer rows than the vocabulary has tokens");
    return [table(w, int8Bytes(stored, width)), rowsAt(y, count, width)];
  },
  slm_embed_int4: (regions, { rows, w, width, y }) => {
    const { count, vocabulary } = regions.ids(rows);
    return [table(w, int4Bytes(vocabulary, width)), rowsAt(y, count, width)];
  },
  slm_linear_float: (regions, given) => {
    const { w, k, n } = given;
    return [...linear(regions, given), table(w, 4 * panelsOf(n) * PANEL * k)];
  },
  slm_linear_int8: (regions, given) => {
    const { rows, w, k, n, scratch } = given;
    const own = [table(w, int8Bytes(n, k)), arena(scratch, scratchOf(regions.most(rows), k, "int8"))];
    return [...linear(regions, given), ...own];
  },
  slm_linear_int4: (regions, given) => {
    const { rows, w, k, n, scratch } = given;
    const own = [table(w, int4Bytes(n, k)), arena(scratch, scratchOf(regions.most(rows), k, "int4"))];
    return [...linear(regions, given), ...own];
  },
  slm_rms_norm: (regions, { x, rows, groups, width, gain, y }) => {
    const count = regions.most(rows);
    return [rowsAt(x, count, groups * width), rowsAt(y, count, groups * width), ...floats(gain, width)];
  },
  slm_layer_norm: (regions, { x, rows, width, gain, bias, y }) => {
    const count = regions.most(rows);
    return [rowsAt(x, count, width), rowsAt(y, count, width), ...floats(gain, width), ...floats(bias, width)];
  },
  slm_activate: (regions, { x, rows, width }) => [rowsAt(x, regions.most(rows), width)],
  slm_add: binary,
  slm_multiply: binary,
  slm_rotate: (regions, { x, rows, start, heads, headDim, cosines, sines }) => {
    const values = regions.span(start, rows) * Math.floor(headDim / 2);
    return [
      rowsAt(x, regions.most(rows), heads * headDim),
      table(cosines, 4 * values),
      table(sines, 4 * values),
    ];
  },
  slm_store_keys: (regions, { x, rows, start, width, keys, capacity }) => {
    demand(regions.span(start, rows) <= capacity, "keys have fewer positions than the model");
    return [rowsAt(x, regions.most(rows), width), kept(keys, width * capacity)];
  },
  slm_store_values: (regions, { x, rows, start, width, states }) => [
    rowsAt(x, regions.most(rows), width),
    kept(states, regions.span(start, rows) * width),
  ],
  slm_attend: (regions, given) => {
    const { rows, start, count, capacity, heads, bias, reach, scratch } = given;
    if (bias !== -1)
      demand(
        Math.max(regions.most(count), regions.span(start, rows)) <= reach,
        "biases reach every position",
      );
    const own = [arena(scratch, capacity), ...floats(bias, heads * (2 * reach - 1))];
    return [...attended(regions, given), ...own];
  },
  slm_attend_both: (regions, given) => {
    const { capacity, kvHeads, headDim, sourceKeys, sourceCapacity, sourceValues, sourceCount, scratch } =
      given;
    const source = { most: regions.most(sourceCount), width: kvHeads * headDim };
    return [
      ...attended(regions, given),
      keysAt(sourceKeys, sourceCapacity, source),
      rowsAt(sourceValues, source.most, source.width),
      arena(scratch, capacity + sourceCapacity),
    ];
  },
  slm_position_rows: (regions, { table: positions, rows, start, width, y }) => [
    table(positions, 4 * regions.span(start, rows) * width),
    rowsAt(y, regions.most(rows), width),
  ],
  slm_last_rows: (regions, { x, rows, wanted, width, y }) => {
    const [from, to] = [decodedRows(rows).of, decodedRows(wanted).of];
    demand(from === "fresh" && to === "wanted", "the last rows are those of new tokens");
    return [rowsAt(x, regions.most(rows), width), rowsAt(y, regions.most(wanted), width)];
  },
  slm_pool: (regions, { x, rows, group, width, y }) => {
    demand(group >= 1, "pooling has groups of at least one token");
    const count = regions.most(rows);
    return [rowsAt(x, count, width), rowsAt(y, Math.ceil(count / group), width)];
  },
  slm_recurrence: (regions, { x, gate, rows, start, width, states, y }) => [
    ...[x, gate, y].map((place) => rowsAt(place, regions.most(rows), width)),
    kept(states, regions.span(start, rows) * width),
  ],
};

/** Transposed keys with room for whole vectors of positions. */
function keysAt(
  at: number,
  capacity: number,
  { most, width }: { readonly most: number; readonly width: number },
): TouchedRegion {
  demand(capacity % PANEL === 0 && most <= capacity, "keys have room for whole vectors of positions");
  return arena(at, width * capacity);
}
