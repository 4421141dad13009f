/**
 * The portable form of a model in one file: its calls as numbers, and its weights.
 *
 * ```
 * magic, version                          16 bytes
 * SHA-256 of everything that follows      32 bytes
 * sizes, int32                            16 numbers, see `SIZES`
 * names of the kernels that are called    UTF-8, one a line, each with the kinds of its parameters
 * calls that read the source, calls of a step, tokens of answers      int32, from a boundary of 64 bytes on
 * weights                                 from a boundary of 64 bytes on
 * ```
 *
 * All numbers are little-endian. Calls name kernels by their line, so a file stays valid if kernels are added.
 */
import { SlmError } from "@slm/core/errors";
import { KERNEL_NAMES, numbersOf, type KernelName } from "../program/kernels.js";
import { WEIGHT_FORMS } from "../program/sections.js";
import { invalid } from "./call-regions.js";
import { checkProgram } from "./check-program.js";
import type { PortableProgram } from "./portable-program.js";

const MAGIC = "slm-portable";
const VERSION = 2;
const BOUNDARY = 64;
const DIGEST = { start: 16, end: 48 };

/** Sizes in the order of the file. Lengths are in numbers, `names` and `weights` in bytes; -1: absent. */
const SIZES = [
  "form",
  "vocabulary",
  "sourceVocabulary",
  "source",
  "target",
  "fresh",
  "wanted",
  "arena",
  "logits",
  "names",
  "encode",
  "step",
  "answers",
  "weights",
] as const;
type Sizes = Readonly<Record<(typeof SIZES)[number], number>>;
/** Two are reserved. */
const SIZES_BYTES = 4 * 16;
const NAMES_START = DIGEST.end + SIZES_BYTES;

const rounded = (bytes: number): number => Math.ceil(bytes / BOUNDARY) * BOUNDARY;

/** Where the parts of a file with these sizes are [bytes]. */
function placesOf({ names, encode, step, answers, weights }: Sizes): {
  readonly calls: number;
  readonly weights: number;
  readonly end: number;
} {
  const calls = rounded(NAMES_START + names);
  const start = rounded(calls + 4 * (Math.max(0, encode) + step + Math.max(0, answers)));
  return { calls, weights: start, end: start + weights };
}

/** A kernel's line: its name and the first letters of the kinds of its numbers. */
const lineOf = (kernel: KernelName): string =>
  `${kernel} ${numbersOf(kernel)
    .map((kind) => kind.charAt(0))
    .join("")}`;

/** The bytes of a portable file. */
export async function writePortable(program: PortableProgram): Promise<Uint8Array<ArrayBuffer>> {
  const { encode, step, answers, weights, capacities } = program;
  const { names, calls } = namedCalls([encode ?? new Int32Array(), step]);
  const lines = new TextEncoder().encode(names.map(lineOf).join("\n"));
  const sizes: Sizes = {
    form: WEIGHT_FORMS.indexOf(program.form),
    vocabulary: program.vocabulary,
    sourceVocabulary: program.sourceVocabulary,
    source: capacities.source,
    target: capacities.target,
    fresh: capacities.fresh,
    wanted: capacities.wanted,
    arena: program.arena,
    logits: program.logits,
    names: lines.byteLength,
    encode: encode?.length ?? -1,
    step: step.length,
    answers: answers?.length ?? -1,
    weights: weights.byteLength,
  };
  const places = placesOf(sizes);
  const bytes = new Uint8Array(places.end);
  const view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode(MAGIC));
  view.setInt32(12, VERSION, true);
  SIZES.forEach((name, at) => {
    view.setInt32(DIGEST.end + 4 * at, sizes[name], true);
  });
  bytes.set(lines, NAMES_START);
  const numbers = [...calls, answers ?? new Int32Array()];
  let at = places.calls;
  for (const part of numbers)
    for (const number of part) {
      view.setInt32(at, number, true);
      at += 4;
    }
  bytes.set(weights, places.weights);
  bytes.set(await digestOf(bytes), DIGEST.start);
  return bytes;
}

/**
 * Reads a portable file.
 *
 * @param where names the file in errors
 * @throws SlmError DATA_INVALID for a file that is corrupt, of another version of slm, or with offsets outside its weights or its arena
 */
export async function readPortable(
  bytes: Uint8Array<ArrayBuffer>,
  where = "portable form",
): Promise<PortableProgram> {
  try {
    return await programOf(bytes);
  } catch (error) {
    if (!(error instanceof SlmError)) throw error;
    throw new SlmError(error.code, `${where}: ${error.message}`, {
      suggestions: error.suggestions,
      cause: error,
    });
  }
}

async function programOf(bytes: Uint8Array<ArrayBuffer>): Promise<PortableProgram> {
  const magic = new TextDecoder().decode(bytes.subarray(0, MAGIC.length));
  if (bytes.byteLength < NAMES_START || magic !== MAGIC) throw invalid("not a portable model");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = view.getInt32(12, true);
  if (version !== VERSION) throw invalid(`expected version ${VERSION}, got ${version}`);
  const digest = await digestOf(bytes);
  if (digest.some((byte, at) => byte !== bytes[DIGEST.start + at]))
    throw invalid("the digest does not match the content");
  const sizes = Object.fromEntries(
    SIZES.map((name, at) => [name, view.getInt32(DIGEST.end + 4 * at, true)]),
  ) as Sizes;
  const least = SIZES.map((name) => sizes[name] - (name === "encode" || name === "answers" ? -1 : 0));
  const places = placesOf(sizes);
  if (least.some((size) => size < 0) || places.end !== bytes.byteLength)
    throw invalid("the sizes in its header do not match the file");
  const form = WEIGHT_FORMS[sizes.form];
  if (form === undefined) throw invalid(`no form of weights ${sizes.form}`);
  const names = kernelsOf(bytes.subarray(NAMES_START, NAMES_START + sizes.names));
  let at = places.calls;
  const numbers = (length: number): Int32Array | undefined => {
    if (length < 0) return undefined;
    const values = Int32Array.from({ length }, (_, index) => view.getInt32(at + 4 * index, true));
    at += 4 * length;
    return values;
  };
  const encode = numbers(sizes.encode);
  const step = numbers(sizes.step)!;
  const program: PortableProgram = {
    form,
    encode: encode && ownCalls(encode, names),
    step: ownCalls(step, names),
    logits: sizes.logits,
    arena: sizes.arena,
    capacities: {
      source: sizes.source,
      target: sizes.target,
      fresh: sizes.fresh,
      wanted: sizes.wanted,
    },
    vocabulary: sizes.vocabulary,
    sourceVocabulary: sizes.sourceVocabulary,
    answers: numbers(sizes.answers),
    weights: bytes.subarray(places.weights),
  };
  checkProgram(program);
  return program;
}

const digestOf = async (bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> =>
  new Uint8Array(await crypto.subtle.digest("SHA-256", bytes.subarray(DIGEST.end)));

/** The kernels of a file. @throws SlmError DATA_INVALID for one that this version does not have */
function kernelsOf(lines: Uint8Array): readonly KernelName[] {
  const known = new Map(KERNEL_NAMES.map((name) => [lineOf(name), name]));
  return new TextDecoder()
    .decode(lines)
    .split("\n")
    .map((line) => {
      const kernel = known.get(line);
      if (kernel === undefined)
        throw invalid(`this version of slm has no kernel '${line.slice(0, 80)}'; export the model again`);
      return kernel;
    });
}

/** Programs whose calls name kernels by their place in `names`. */
function namedCalls(programs: readonly Int32Array[]): {
  readonly names: readonly KernelName[];
  readonly calls: readonly Int32Array[];
} {
  const names: KernelName[] = [];
  const calls = programs.map((numbers) =>
    renumbered(numbers, (code) => {
      const kernel = KERNEL_NAMES[code]!;
      if (!names.includes(kernel)) names.push(kernel);
      return { kernel, code: names.indexOf(kernel) };
    }),
  );
  return { names, calls };
}

/** The inverse: calls that name kernels as the module does. */
const ownCalls = (numbers: Int32Array, names: readonly KernelName[]): Int32Array =>
  renumbered(numbers, (place) => {
    const kernel = names[place];
    if (kernel === undefined) throw invalid(`no kernel ${place}`);
    return { kernel, code: KERNEL_NAMES.indexOf(kernel) };
  });

/** Calls with other numbers for their kernels. */
function renumbered(
  numbers: Int32Array,
  codeOf: (code: number) => { readonly kernel: KernelName; readonly code: number },
): Int32Array {
  const result = numbers.slice();
  for (let at = 0; at < numbers.length;) {
    const { kernel, code } = codeOf(numbers[at]!);
    result[at] = code;
    at += 1 + numbersOf(kernel).length;
  }
  return result;
}
