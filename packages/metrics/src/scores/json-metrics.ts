/** Metrics of JSON answers: exact match, and intent accuracy. */
import { defineMetric, meanOf, type Metric } from "./define-metric.js";
import {
  jsonEqual,
  parseAnswer,
  parseJson,
  requireReference,
  type JsonAnswer,
  type JsonObject,
} from "../text/json-value.js";

/** The fields that may hold the intent of an answer; the first one present counts. Function calls use `name`. */
const INTENT_FIELDS = ["intent", "name"] as const;

const INTENT = `a text in '${INTENT_FIELDS.join("' or '")}'`;

/**
 * Share of rows whose prediction is the same JSON value as a reference. Order of keys, whitespace, escapes and the spelling of
 * numbers (1, 1.0, 1e0) do not matter; the order of array items does. A prediction that is not valid JSON is wrong.
 */
export const jsonExactMatch: Metric = defineMetric({
  description: "Share of rows whose prediction is the same JSON value as a reference; invalid JSON is wrong.",
  unit: "fraction",
  higherIsBetter: true,
  source: "Equality of JSON values (RFC 8259), as with Python's json.loads",
  references: "some",
  countRow: (prediction, references, where) => {
    const expected = references.map((text) => requireReference(parseJson(text), "valid JSON", where));
    const predicted = parseJson(prediction);
    return predicted !== undefined && expected.some(({ value }) => jsonEqual(predicted.value, value)) ? 1 : 0;
  },
  score: meanOf,
});

/**
 * Fraction of rows whose prediction is a JSON object with exactly the intent of a reference. If the reference
 * is an array of objects, the prediction must be an array with the same intents in the same order.
 */
export const intentAccuracy: Metric = defineMetric({
  description: `Share of rows whose prediction is JSON with the intent of a reference: ${INTENT}.`,
  unit: "fraction",
  higherIsBetter: true,
  source: "Intent accuracy of spoken language understanding (Goo et al. 2018, aclanthology.org/N18-2118)",
  references: "some",
  countRow: (prediction, references, where) => {
    const expected = references.map((text) =>
      requireReference(intentsOf(text), `JSON objects with ${INTENT}`, where),
    );
    const predicted = intentsOf(prediction);
    return predicted !== undefined && expected.includes(predicted) ? 1 : 0;
  },
  score: meanOf,
});

/** The intents of an answer as one text; one object and an array of one object differ. */
function intentsOf(text: string): string | undefined {
  const answer = parseAnswer(text);
  if (answer === undefined) return undefined;
  const intents = isSeveral(answer) ? answer.map(intentOf) : [intentOf(answer)];
  return intents.includes(undefined) ? undefined : JSON.stringify([isSeveral(answer), intents]);
}

function isSeveral(answer: JsonAnswer): answer is readonly JsonObject[] {
  return Array.isArray(answer);
}

function intentOf(object: JsonObject): string | undefined {
  const field = INTENT_FIELDS.find((name) => Object.hasOwn(object, name));
  const intent = field === undefined ? undefined : object[field];
  return typeof intent === "string" ? intent : undefined;
}
