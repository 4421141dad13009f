/**
 * Slot filling metrics of JSON answers.
 *
 * A slot is a path of keys to a value that is neither object nor array. A predicted slot is correct if a reference has the same
 * value at the same path: `{"from": {"city": "Oslo"}}` has the slot `/from/city` with `"Oslo"`. Values are compared as JSON
 * values (`1` is not `"1"`), strings exactly. Array items have their index in the path. Empty objects and arrays have no
 * slots. An answer may be an array of objects, such as function calls; their index is then part of the path.
 *
 * Source: micro-averaged F1 over (row, slot, value) triples, as in CoNLL's `conlleval` and `seqeval`, which count (row, type, span).
 */
import { bestOf, defineMetric, sumOf, type Metric, type References } from "./define-metric.js";
import { parseAnswer, requireReference, type Json, type JsonAnswer } from "../text/json-value.js";

/** One value of an answer. */
interface Slot {
  /** Keys and positions from the root, as a JSON Pointer (RFC 6901). */
  readonly path: string;
  /** Equal for equal values only. */
  readonly value: string;
}

/** Counts of a row, against the reference with the highest F1. */
interface SlotCounts {
  readonly predicted: readonly Slot[];
  readonly expected: readonly Slot[];
  readonly correct: readonly Slot[];
  /** Whether the prediction is a JSON object, or several in an array. */
  readonly isAnswer: boolean;
}

/**
 * Micro F1 of slots: counts are summed over rows before the division. A prediction that is not a JSON object has no slots. If
 * neither side has slots, the score is 1 if all predictions are objects, else 0 (`seqeval` leaves it undefined).
 */
export const slotF1: Metric = defineMetric({
  description:
    "Micro F1 of the key-value pairs of JSON objects, nested keys as paths; invalid JSON has no pairs.",
  unit: "fraction",
  higherIsBetter: true,
  source: "seqeval 1.2.2, micro-averaged F1 over (row, slot, value)",
  references: "some",
  countRow: countSlots,
  score: microF1,
});

function countSlots(prediction: string, references: References, where: string): SlotCounts {
  const answer = parseAnswer(prediction);
  const predicted = answer === undefined ? [] : slotsOf(answer);
  const candidates = references.map((reference): SlotCounts => {
    const expected = slotsOf(requireReference(parseAnswer(reference), "JSON objects", where));
    const keys = new Set(expected.map(keyOf));
    const correct = predicted.filter((slot) => keys.has(keyOf(slot)));
    return { predicted, expected, correct, isAnswer: answer !== undefined };
  });
  return bestOf(candidates, (counts) => microF1([counts]), where);
}

function microF1(rows: readonly SlotCounts[]): number {
  const predicted = sumOf(rows, (row) => row.predicted.length);
  const expected = sumOf(rows, (row) => row.expected.length);
  if (predicted + expected === 0) return rows.every(({ isAnswer }) => isAnswer) ? 1 : 0;
  return (2 * sumOf(rows, (row) => row.correct.length)) / (predicted + expected);
}

/** Paths are unique within an object, so a row holds each pair at most once. */
function keyOf({ path, value }: Slot): string {
  return JSON.stringify([path, value]);
}

function slotsOf(answer: JsonAnswer): readonly Slot[] {
  return leavesOf(answer, "");
}

function leavesOf(value: Json, path: string): readonly Slot[] {
  if (typeof value !== "object" || value === null) return [{ path, value: leafKey(value) }];
  return Object.entries(value).flatMap(([key, item]: readonly [string, Json]) => {
    const step = key.replaceAll("~", "~0").replaceAll("/", "~1");
    return leavesOf(item, `${path}/${step}`);
  });
}

/** Quotes strings, so that they differ from numbers. Numbers beyond a double become `Infinity`, not `null`. */
function leafKey(value: null | boolean | number | string): string {
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}
