/** An extension with a metric: how often the first word of an answer is correct. */
import { defineExtension, defineMetric } from "@encdec/slm";

const sameStart = defineMetric<boolean>({
  description: "Fraction of answers with the first word of a reference.",
  unit: "fraction",
  higherIsBetter: true,
  source: "this file",
  references: "text",
  countRow: (prediction, references) => {
    const first = (text: string): string => text.trim().split(/\s+/u)[0] ?? "";
    return references.some((reference) => first(reference) === first(prediction));
  },
  score: (rows) => rows.filter((isSame) => isSame).length / rows.length,
});

export default defineExtension({ name: "same-start", metrics: { sameStart } });
