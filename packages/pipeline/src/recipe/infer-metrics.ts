/**
 * Fills in metrics that a recipe names only once. The library has no default metric, because the right one depends on the task. A
 * recipe names it in `quantize.gate.metric` or `distill.metrics`; sections without metrics use that one.
 */
import { asMapping, valueAt, type Mapping } from "./mapping.js";

/** Keys that are filled in, and so are not required in a recipe. */
export const INFERRED_KEYS: ReadonlySet<string> = new Set(["metrics", "gate", "metric"]);

/**
 * Settings with `distill.metrics`, the `metrics` of trained teachers, the `metrics` of `compile`, and of `quantize` the gate's metric and
 * `metrics` filled in.
 * Metrics are those of `distill.metrics`, else the gate's, else those of `teacher.metrics`; the gate's is the first of them. If no
 * metric is named anywhere, nothing is filled in, and the schemas report the missing key.
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
    ...changedEach(recipe, "compile", (compile) => ({ metrics, ...compile })),
    ...changedEach(recipe, "quantize", (quantize) => {
      const gate = asMapping(quantize.gate ?? {});
      return { metrics, ...quantize, ...(gate === undefined ? {} : { gate: { metric, ...gate } }) };
    }),
  };
}

/** The members of an ensemble, as separate teachers. */
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

/** Applies a change to a section and to those of further targets, such as `quantize@npu`. */
function changedEach(recipe: Mapping, key: string, change: (section: Mapping) => Mapping): Mapping {
  const keys = Object.keys(recipe).filter((name) => name === key || name.startsWith(`${key}@`));
  return Object.assign({}, ...keys.map((name) => changed(recipe, name, change))) as Mapping;
}

/** Applies a change to a section if it exists. An empty section counts as existing. */
function changed(recipe: Mapping, key: string, change: (section: Mapping) => Mapping): Mapping {
  if (!Object.hasOwn(recipe, key)) return {};
  const section = asMapping(recipe[key] ?? {});
  return section === undefined ? {} : { [key]: change(section) };
}
