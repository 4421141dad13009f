/**
 * The C text of the WebAssembly module: the kernels, and a function that runs a program of numbers over them. The module is the same for every model; the
 * program is data.
 */
import { SlmError } from "@slm/core/errors";
import {
  KERNEL_NAMES,
  numbersOf,
  type Argument,
  type Call,
  type NumberKind,
  type RowCount,
} from "../program/kernels.js";

/** The macro of the module's text that reads an argument of a kind. */
const MACROS: Readonly<Record<NumberKind, string>> = {
  arena: "ARENA",
  ids: "IDS",
  weight: "WEIGHT",
  rows: "ROWS",
  int: "INT",
  float: "FLOAT",
};

/** C text of the module. @param kernels text of the kernels */
export function moduleText(kernels: string): string {
  const cases = KERNEL_NAMES.map((name, code) => {
    const kinds = numbersOf(name);
    const args = kinds.map((kind, at) => `${MACROS[kind]}(${at})`);
    return `      case ${code}: ${name}(${args.join(", ")}); p += ${kinds.length}; break;`;
  });
  return `#define NULL 0
${kernels}
/* A count of rows by its code; \`counts\` are none, and those of the source, the new tokens, the wanted logits, the tokens before, and both. */
SLM_SMALL static int rows(const int32_t *counts, int32_t code) {
  int32_t count = counts[code & 7], group = code >> 3;
  return group > 1 ? (count + group - 1) / group : count;
}

#define ARENA(at) (arena + p[at])
#define IDS(at) ids
#define WEIGHT(at) (p[at] < 0 ? NULL : (const float *)(const void *)(weights + p[at]))
#define ROWS(at) rows(counts, p[at])
#define INT(at) p[at]
#define FLOAT(at) ((const float *)(const void *)p)[at]

/* Runs a program of \`length\` numbers. @returns 0, or 1 for a kernel that does not exist */
__attribute__((export_name("run"))) int run(const int32_t *p, int32_t length, const unsigned char *weights, float *arena, const int32_t *ids, const int32_t *counts) {
  const int32_t *end = p + length;
  while (p < end)
    switch (*p++) {
${cases.join("\n")}
      default: return 1;
    }
  return 0;
}

/* Replaces the logits of tokens that an answer cannot have. */
__attribute__((export_name("mask"))) SLM_SMALL void mask(float *logits, int32_t n, const unsigned char *mayAnswer, float masked) {
  int32_t i;
  for (i = 0; i < n; i++)
    if (!mayAnswer[i]) logits[i] = masked;
}

/* The most probable token, and what 1 is divided by to get its probability. divisor: NULL if it is not needed */
__attribute__((export_name("choose"))) int choose(const float *logits, int32_t n, float *divisor) {
  int32_t best = slm_highest(logits, n);
  if (divisor) *divisor = best < 0 ? 0.f : slm_exp_sum(logits, n, logits[best]);
  return best;
}
`;
}

/** Places in the module's `counts`. */
const ROW_CODES = { none: 0, source: 1, fresh: 2, wanted: 3, past: 4, total: 5 } as const satisfies Record<
  RowCount["of"],
  number
>;

/** A program as the numbers that the module's \`run\` takes. @param offsets start of each section of the weights [bytes] */
export function encodeCalls(calls: readonly Call[], offsets: readonly number[]): Int32Array {
  return Int32Array.from(
    calls.flatMap(({ kernel, arguments: args }) => [
      KERNEL_NAMES.indexOf(kernel),
      ...args.flatMap((argument) => encodeArgument(argument, offsets)),
    ]),
  );
}

function encodeArgument({ kind, given }: Argument, offsets: readonly number[]): number | readonly number[] {
  switch (kind) {
    case "values":
      return [given.offset, given.stride];
    case "ids":
      return 0;
    case "weight":
      return given === undefined ? -1 : offsets[given]!;
    case "rows":
      return ROW_CODES[given.of] | (given.of === "source" ? given.group << 3 : 0);
    case "arena":
    case "int":
    case "limit":
      return given;
    case "float":
      return new Int32Array(Float32Array.of(given).buffer)[0]!;
  }
}

/** Decodes a count from a number of a program. @throws SlmError DATA_INVALID for any other number */
export function decodedRows(code: number): { readonly of: RowCount["of"]; readonly group: number } {
  const group = code >> 3;
  const of = (Object.keys(ROW_CODES) as RowCount["of"][]).find((name) => ROW_CODES[name] === (code & 7));
  if (of === undefined || (of === "source" ? group < 1 : group !== 0))
    throw new SlmError("DATA_INVALID", `portable: no count ${code}`);
  return { of, group };
}
