/** Checks a program of a portable file: whatever its counts are, no kernel touches memory outside the arena and the weights. */
import { parametersOf } from "../program/kernels.js";
import { invalid, Regions, type TouchedRegion } from "./call-regions.js";
import { callsOf, type ReadCall, type ReadPlace } from "./decode-calls.js";
import { decodedRows } from "./module-text.js";
import type { PortableProgram } from "./portable-program.js";

/** Larger numbers cannot be sizes of a model, and their products would not be exact. */
const LARGEST = 2 ** 24;
/** Floats of an arena: 1 GiB. */
const LARGEST_ARENA = 2 ** 28;

/** @throws SlmError DATA_INVALID */
export function checkProgram(program: PortableProgram): void {
  const { capacities, vocabulary, sourceVocabulary, arena, logits, encode, step, answers } = program;
  const { source, target, fresh, wanted } = capacities;
  const isEncoderDecoder = encode !== undefined;
  const sizes = [target, fresh, wanted, vocabulary, ...(isEncoderDecoder ? [source, sourceVocabulary] : [])];
  if (sizes.some((size) => size < 1 || size > LARGEST))
    throw invalid(`expected sizes from 1 to ${LARGEST}, got ${sizes.join(", ")}`);
  if (!isEncoderDecoder && (source !== 0 || sourceVocabulary !== 0))
    throw invalid("a decoder-only model has no source");
  if (fresh > target || wanted > fresh) throw invalid("a step has more tokens than fit");
  if (arena < 0 || arena > LARGEST_ARENA)
    throw invalid(`expected an arena of at most ${LARGEST_ARENA} floats, got ${arena}`);
  checkRegion({ space: "arena", at: logits, size: wanted * vocabulary }, program);
  checkAnswers(answers, vocabulary);
  for (const [part, numbers] of Object.entries({ encode, step }) as [
    "encode" | "step",
    Int32Array | undefined,
  ][]) {
    const regions = new Regions(part, program);
    for (const call of numbers === undefined ? [] : callsOf(numbers)) {
      checkNumbers(call);
      for (const region of regions.of(call)) checkRegion(region, program);
    }
  }
}

function checkAnswers(answers: Int32Array | undefined, vocabulary: number): void {
  if (answers === undefined) return;
  const isList = answers.every((id, at) => id > (answers[at - 1] ?? -1) && id < vocabulary);
  if (answers.length === 0 || !isList) throw invalid("the tokens of answers are not ascending ids");
}

function checkNumbers(call: ReadCall): void {
  const given = call.arguments as Readonly<Record<string, number | ReadPlace>>;
  for (const [name, kind] of parametersOf(call.kernel)) {
    const read = given[name]!;
    const number = typeof read === "number" ? read : read.stride;
    if (kind === "rows") decodedRows(number);
    const least = kind === "limit" ? -1 : 0;
    const isSize = kind === "values" || kind === "int" || kind === "limit";
    if (isSize && (number < least || number > LARGEST))
      throw invalid(`${call.kernel}: expected a number from ${least} to ${LARGEST}, got ${number}`);
  }
}

function checkRegion({ space, at, size }: TouchedRegion, { arena, weights }: PortableProgram): void {
  const room = space === "arena" ? arena : weights.byteLength;
  const isAligned = space === "arena" || at % 4 === 0;
  if (at >= 0 && size >= 0 && isAligned && at + size <= room) return;
  throw invalid(`${size} from ${at} on are outside the ${space}, which has ${room}`);
}
