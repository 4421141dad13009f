/**
 * What is measured, where a recipe says it once. The library has no metric of its own: which one tells a good answer is the task's
 * affair. A recipe names it in `quantize.gate.metric` or in `distill.metrics`, and sections that name none take it from there.
 */
import { asMapping, valueAt, type Mapping } from "./mapping.js";

/** Keys that this fills in, for which a recipe's schema does not ask. */
export const INFERRED_KEYS: ReadonlySet<string> = new Set(["metrics", "gate", "metric"]);

/**
 * Settings with `distill.metrics`, the `metrics` of trained teachers, and of `quantize` the gate's metric and `metrics` filled in.
 * Metrics are those of `distill.metrics`, else the gate's, else those of `teacher.metrics`; the gate's is the first of them. Where
 * nothing names a metric nothing is filled in, and the schemas say what is missing.
 */
export function inferMetrics(recipe: Mapping): Mapping {
  const named = valueAt(recipe, ["quantize", "gate", "metric"]);
  const metrics =
    valueAt(recipe, ["distill", "metrics"]) ??
    (named === undefined ? valueAt(recipe, ["teacher", "metrics"]) : [named]);
  if (metrics === undefined) return recipe;
  const metric = named ?? (Array.isArray(metrics) ? (metrics as unknown[])[0] : undefined);
  return {
    ...recipe,
    ...changed(recipe, "teacher", (teacher) => teacherWith(teacher, metrics)),
    ...changed(recipe, "distill", (distill) => ({ metrics, ...distill })),
    ...changed(recipe, "quantize", (quantize) => {
      const gate = asMapping(quantize.gate ?? {});
      return { metrics, ...quantize, ...(gate === undefined ? {} : { gate: { metric, ...gate } }) };
    }),
  };
}

/** Members of an ensemble as teachers of their own. */
function teacherWith(teacher: Mapping, metrics: unknown): Mapping {
  const members = Array.isArray(teacher.members)
    ? (teacher.members as unknown[]).map((member) => {
        const mapping = asMapping(member);
        return mapping === undefined ? member : teacherWith(mapping, metrics);
      })
    : undefined;
  return {
    ...(teacher.kind === "train" ? { metrics } : {}),
    ...teacher,
    ...changed(teacher, "finetune", (finetune) => ({ metrics, ...finetune })),
    ...(members === undefined ? {} : { members }),
  };
}

/** A section under its key, changed, where it is there; a section that is left empty counts as one. */
function changed(recipe: Mapping, key: string, change: (section: Mapping) => Mapping): Mapping {
  if (!Object.hasOwn(recipe, key)) return {};
  const section = asMapping(recipe[key] ?? {});
  return section === undefined ? {} : { [key]: change(section) };
}
