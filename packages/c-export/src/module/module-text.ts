/**
 * The C text of the WebAssembly module: the kernels, and a function that runs a program of numbers over them. The module is the same for every model; the
 * program is data.
 */
import { SlmError } from "@slm/core/errors";
import {
  KERNELS,
  type Argument,
  type Call,
  type KernelName,
  type ParameterKind,
  type RowCount,
} from "../program/kernels.js";

const NAMES = Object.keys(KERNELS) as readonly KernelName[];

/** Letter of a parameter in the module's table, and the member of its decoded argument. */
const DECODED: Readonly<Record<ParameterKind, readonly [letter: string, member: string]>> = {
  arena: ["a", "p"],
  ids: ["d", "p"],
  weight: ["w", "p"],
  rows: ["r", "i"],
  int: ["n", "i"],
  float: ["n", "f"],
};

/** C text of the module. @param kernels text of the kernels */
export function moduleText(kernels: string): string {
  const kindsOf = (name: KernelName): readonly ParameterKind[] => KERNELS[name];
  const cases = NAMES.map((name, code) => {
    const args = kindsOf(name).map((kind, at) => `a[${at}].${DECODED[kind][1]}`);
    return `      case ${code}: ${name}(${args.join(", ")}); break;`;
  });
  const letters = NAMES.map(
    (name) =>
      `"${kindsOf(name)
        .map((kind) => DECODED[kind][0])
        .join("")}"`,
  );
  const most = Math.max(...NAMES.map((name) => KERNELS[name].length));
  return `#define NULL 0
${kernels}
typedef struct { int32_t source, fresh, wanted, past; } Counts;

static int rows(const Counts *c, int32_t code) {
  switch (code & 7) {
    case 1: return (c->source + (code >> 3) - 1) / (code >> 3);
    case 2: return c->fresh;
    case 3: return c->wanted;
    case 4: return c->past;
    case 5: return c->past + c->fresh;
    default: return 0;
  }
}

typedef union { int32_t i; float f; void *p; } Argument;
/* The kinds of each kernel's parameters. */
static const char *const kinds[] = {${letters.join(", ")}};

/* Runs a program of \`length\` numbers. @returns 0, or 1 for a kernel that does not exist */
__attribute__((export_name("run"))) int run(const int32_t *p, int32_t length, const unsigned char *weights, float *arena, const int32_t *ids, const Counts *counts) {
  const int32_t *end = p + length;
  Argument a[${most}];
  while (p < end) {
    int32_t kernel = *p++;
    const char *kind;
    int n = 0;
    if ((uint32_t)kernel >= ${NAMES.length}) return 1;
    for (kind = kinds[kernel]; *kind != 0; kind++, p++, n++) {
      a[n].i = *p;
      if (*kind == 'a') a[n].p = arena + *p;
      else if (*kind == 'd') a[n].p = (void *)ids;
      else if (*kind == 'w') a[n].p = *p < 0 ? 0 : (void *)(weights + *p);
      else if (*kind == 'r') a[n].i = rows(counts, *p);
    }
    switch (kernel) {
${cases.join("\n")}
    }
  }
  return 0;
}

/* The first of the largest of n numbers. */
__attribute__((export_name("largest"))) int largest(const float *x, int32_t n) {
  int best = 0, i;
  for (i = 1; i < n; i++) if (x[i] > x[best]) best = i;
  return best;
}
`;
}

const ROW_CODES = { none: 0, source: 1, fresh: 2, wanted: 3, past: 4, total: 5 } as const satisfies Record<
  RowCount["of"],
  number
>;

/** A program as the numbers that the module's \`run\` takes. @param offsets start of each section of the weights [bytes] */
export function encodeCalls(calls: readonly Call[], offsets: readonly number[]): Int32Array {
  return Int32Array.from(
    calls.flatMap(({ kernel, arguments: args }) => [
      NAMES.indexOf(kernel),
      ...args.map((argument) => encodeArgument(argument, offsets)),
    ]),
  );
}

function encodeArgument(argument: Argument, offsets: readonly number[]): number {
  switch (argument.kind) {
    case "arena":
      return argument.offset;
    case "ids":
      return 0;
    case "weight":
      return argument.section === undefined ? -1 : offsets[argument.section]!;
    case "rows":
      return ROW_CODES[argument.count.of] | (argument.count.of === "source" ? argument.count.group << 3 : 0);
    case "int":
      return argument.value;
    case "float":
      return new Int32Array(Float32Array.of(argument.value).buffer)[0]!;
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
