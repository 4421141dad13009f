/** Answers that are JSON: all of it right, or the intent right. */
import { defineMetric, meanOf, type Metric } from "./define-metric.js";
import { jsonEqual, parseJson, parseJsonObject, requireReference } from "./json-value.js";

/** The field of an answer that names what the speaker wants. */
export const INTENT_FIELD = "intent";

/**
 * Share of rows whose prediction is the same JSON value as a reference. Order of keys, whitespace, escapes and the spelling of
 * numbers (1, 1.0, 1e0) do not count; order of array items does. A prediction that is not valid JSON is wrong.
 */
export const jsonExactMatch: Metric = defineMetric({
  description: "Share of rows whose prediction is the same JSON value as a reference; invalid JSON is wrong.",
  unit: "fraction",
  betterIs: "higher",
  source: "Equality of the values of RFC 8259, as of Python's json.loads",
  references: "some",
  countRow: (prediction, references, where) => {
    const expected = references.map((text) => requireReference(parseJson(text), "valid JSON", where));
    const predicted = parseJson(prediction);
    return predicted !== undefined && expected.some(({ value }) => jsonEqual(predicted.value, value)) ? 1 : 0;
  },
  score: meanOf,
});

/** Share of rows whose prediction is a JSON object with the `intent` of a reference, compared letter by letter. */
export const intentAccuracy: Metric = defineMetric({
  description: `Share of rows whose prediction is a JSON object with the '${INTENT_FIELD}' of a reference.`,
  unit: "fraction",
  betterIs: "higher",
  source: "Intent accuracy of spoken language understanding (Goo et al. 2018, aclanthology.org/N18-2118)",
  references: "some",
  countRow: (prediction, references, where) => {
    const expected = references.map((text) =>
      requireReference(intentOf(text), `JSON objects with a text in '${INTENT_FIELD}'`, where),
    );
    const predicted = intentOf(prediction);
    return predicted !== undefined && expected.includes(predicted) ? 1 : 0;
  },
  score: meanOf,
});

function intentOf(text: string): string | undefined {
  const object = parseJsonObject(text);
  if (object === undefined || !Object.hasOwn(object, INTENT_FIELD)) return undefined;
  const intent = object[INTENT_FIELD];
  return typeof intent === "string" ? intent : undefined;
}
