/**
 * What each kernel reads and writes, at the largest counts that a program may have. A portable file is data from somebody else, so its reader compares
 * these regions with the arena and the weights before anything runs.
 */
import { SlmError } from "@slm/core/errors";
import type { KernelName } from "../program/kernels.js";
import { scratchOf } from "../program/scratch.js";
import { int4Bytes, int8Bytes, PANEL, panelsOf } from "../weights/pack-matrix.js";
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
  of(kernel: KernelName, args: readonly number[]): readonly TouchedRegion[] {
    return TOUCHED[kernel](this, args);
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
/** `count` rows of `width` floats that are `stride` apart. */
const rowsAt = (at: number, stride: number, count: number, width: number): TouchedRegion =>
  arena(at, count === 0 ? 0 : (count - 1) * stride + width);

function demand(condition: boolean, problem: string): void {
  if (!condition) throw invalid(problem);
}

type Touched = (regions: Regions, args: readonly number[]) => readonly TouchedRegion[];

const binary: Touched = (regions, [a, aStride, b, bStride, rows, width, y, yStride]) => {
  const count = regions.most(rows!);
  return [
    rowsAt(a!, aStride!, count, width!),
    rowsAt(b!, bStride!, count, width!),
    rowsAt(y!, yStride!, count, width!),
  ];
};

const linear = (
  regions: Regions,
  [x, xStride, rows, , inputs, outputs, bias, y, yStride]: readonly number[],
): readonly TouchedRegion[] => {
  const count = regions.most(rows!);
  return [
    rowsAt(x!, xStride!, count, inputs!),
    rowsAt(y!, yStride!, count, outputs!),
    ...floats(bias!, panelsOf(outputs!) * PANEL),
  ];
};

/** By kernel, with the parameters that `KERNELS` lists. */
const TOUCHED: Readonly<Record<KernelName, Touched>> = {
  slm_embed_float: (regions, [, rows, w, width, y, yStride]) => {
    const { count, vocabulary } = regions.ids(rows!);
    return [table(w!, 4 * panelsOf(vocabulary) * PANEL * width!), rowsAt(y!, yStride!, count, width!)];
  },
  slm_embed_int8: (regions, [, rows, w, width, outputs, y, yStride]) => {
    const { count, vocabulary } = regions.ids(rows!);
    demand(vocabulary <= outputs!, "a table has fewer rows than the vocabulary has tokens");
    return [table(w!, int8Bytes(outputs!, width!)), rowsAt(y!, yStride!, count, width!)];
  },
  slm_embed_int4: (regions, [, rows, w, width, y, yStride]) => {
    const { count, vocabulary } = regions.ids(rows!);
    return [table(w!, int4Bytes(vocabulary, width!)), rowsAt(y!, yStride!, count, width!)];
  },
  slm_linear_float: (regions, args) => {
    const [, , , w, inputs, outputs] = args;
    return [...linear(regions, args), table(w!, 4 * panelsOf(outputs!) * PANEL * inputs!)];
  },
  slm_linear_int8: (regions, args) => {
    const [, , rows, w, inputs, outputs, , , , , scratch] = args;
    const count = regions.most(rows!);
    return [
      ...linear(regions, args),
      table(w!, int8Bytes(outputs!, inputs!)),
      arena(scratch!, scratchOf(count, inputs!, "int8")),
    ];
  },
  slm_linear_int4: (regions, args) => {
    const [, , rows, w, inputs, outputs, , , , , scratch] = args;
    const count = regions.most(rows!);
    return [
      ...linear(regions, args),
      table(w!, int4Bytes(outputs!, inputs!)),
      arena(scratch!, scratchOf(count, inputs!, "int4")),
    ];
  },
  slm_rms_norm: (regions, [x, xStride, rows, groups, width, gain, , y, yStride]) => {
    const count = regions.most(rows!);
    return [
      rowsAt(x!, xStride!, count, groups! * width!),
      rowsAt(y!, yStride!, count, groups! * width!),
      ...floats(gain!, width!),
    ];
  },
  slm_layer_norm: (regions, [x, xStride, rows, width, gain, bias, , y, yStride]) => {
    const count = regions.most(rows!);
    return [
      rowsAt(x!, xStride!, count, width!),
      rowsAt(y!, yStride!, count, width!),
      ...floats(gain!, width!),
      ...floats(bias!, width!),
    ];
  },
  slm_activate: (regions, [, x, stride, rows, width]) => [rowsAt(x!, stride!, regions.most(rows!), width!)],
  slm_add: binary,
  slm_multiply: binary,
  slm_rotate: (regions, [x, stride, rows, start, heads, headDim, cosines, sines]) => {
    const values = regions.span(start!, rows!) * Math.floor(headDim! / 2);
    return [
      rowsAt(x!, stride!, regions.most(rows!), heads! * headDim!),
      table(cosines!, 4 * values),
      table(sines!, 4 * values),
    ];
  },
  slm_store_keys: (regions, [x, stride, rows, start, width, keys, capacity]) => {
    demand(regions.span(start!, rows!) <= capacity!, "keys have fewer positions than the model");
    return [rowsAt(x!, stride!, regions.most(rows!), width!), kept(keys!, width! * capacity!)];
  },
  slm_store_values: (regions, [x, stride, rows, start, width, values]) => [
    rowsAt(x!, stride!, regions.most(rows!), width!),
    kept(values!, regions.span(start!, rows!) * width!),
  ],
  slm_attend: attended,
  slm_attend_both: attendedBoth,
  slm_position_rows: (regions, [positions, rows, start, width, y, yStride]) => [
    table(positions!, 4 * regions.span(start!, rows!) * width!),
    rowsAt(y!, yStride!, regions.most(rows!), width!),
  ],
  slm_last_rows: (regions, [x, xStride, rows, wanted, width, y, yStride]) => {
    const [from, to] = [decodedRows(rows!).of, decodedRows(wanted!).of];
    demand(from === "fresh" && to === "wanted", "the last rows are those of new tokens");
    return [
      rowsAt(x!, xStride!, regions.most(rows!), width!),
      rowsAt(y!, yStride!, regions.most(wanted!), width!),
    ];
  },
  slm_pool: (regions, [x, xStride, rows, group, width, y, yStride]) => {
    demand(group! >= 1, "pooling has groups of at least one token");
    const count = regions.most(rows!);
    return [rowsAt(x!, xStride!, count, width!), rowsAt(y!, yStride!, Math.ceil(count / group!), width!)];
  },
  slm_recurrence: (regions, [x, xStride, gate, gateStride, rows, start, width, states, y, yStride]) => {
    const count = regions.most(rows!);
    return [
      rowsAt(x!, xStride!, count, width!),
      rowsAt(gate!, gateStride!, count, width!),
      rowsAt(y!, yStride!, count, width!),
      kept(states!, regions.span(start!, rows!) * width!),
    ];
  },
};

function attended(regions: Regions, args: readonly number[]): readonly TouchedRegion[] {
  const [query, qStride, rows, start, keys, capacity, values, vStride, count, ...rest] = args;
  const [heads, kvHeads, headDim, modulo, , , before, after, bias, reach, scratch, y, yStride] = rest;
  checkHeads([heads!, kvHeads!, headDim!, modulo!], [qStride!, vStride!, yStride!, reach!]);
  const [queries, most] = [regions.most(rows!), regions.most(count!)];
  if (before! >= 0 || after! >= 0)
    demand(regions.span(start!, rows!) <= most, "a window is around positions that have keys");
  if (bias !== -1)
    demand(Math.max(most, regions.span(start!, rows!)) <= reach!, "biases reach every position");
  const width = kvHeads! * headDim!;
  return [
    rowsAt(query!, qStride!, queries, heads! * headDim!),
    rowsAt(y!, yStride!, queries, heads! * headDim!),
    keysAt(keys!, capacity!, { most, width }),
    rowsAt(values!, vStride!, most, width),
    arena(scratch!, capacity!),
    ...floats(bias!, heads! * (2 * reach! - 1)),
  ];
}

function attendedBoth(regions: Regions, args: readonly number[]): readonly TouchedRegion[] {
  const [query, qStride, rows, start, keys, capacity, values, vStride, count, ...rest] = args;
  const [sourceKeys, sourceCapacity, sourceValues, sStride, sourceCount, ...last] = rest;
  const [heads, kvHeads, headDim, modulo, , , before, after, scratch, y, yStride] = last;
  checkHeads([heads!, kvHeads!, headDim!, modulo!], [qStride!, vStride!, sStride!, yStride!]);
  const [queries, most, ofSource] = [regions.most(rows!), regions.most(count!), regions.most(sourceCount!)];
  if (before! >= 0 || after! >= 0)
    demand(regions.span(start!, rows!) <= most, "a window is around positions that have keys");
  const width = kvHeads! * headDim!;
  return [
    rowsAt(query!, qStride!, queries, heads! * headDim!),
    rowsAt(y!, yStride!, queries, heads! * headDim!),
    keysAt(keys!, capacity!, { most, width }),
    rowsAt(values!, vStride!, most, width),
    keysAt(sourceKeys!, sourceCapacity!, { most: ofSource, width }),
    rowsAt(sourceValues!, sStride!, ofSource, width),
    arena(scratch!, capacity! + sourceCapacity!),
  ];
}

function checkHeads(
  [heads, kvHeads, headDim, modulo]: readonly [number, number, number, number],
  sizes: readonly number[],
): void {
  demand(
    kvHeads >= 1 && heads >= 1 && headDim >= 1 && sizes.every((size) => size >= 0),
    "attention has at least one head",
  );
  demand(modulo !== 0 || heads % kvHeads === 0, "heads share key heads evenly");
}

/** Transposed keys with room for whole vectors of positions. */
function keysAt(
  at: number,
  capacity: number,
  { most, width }: { readonly most: number; readonly width: number },
): TouchedRegion {
  demand(
    capacity >= 0 && capacity % PANEL === 0 && most <= capacity,
    "keys have room for whole vectors of positions",
  );
  return arena(at, width * capacity);
}
