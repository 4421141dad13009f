/**
 * Copies the metrics that a recipe names to sections without metrics. There is no default metric, because the right one depends on the
 * task. A recipe names it once, in `quantize.gate.metric` or `distill.metrics`.
 */
import { asMapping, valueAt, type Mapping } from "./mapping.js";

/** Keys that are filled in, so a recipe need not set them. */
export const INFERRED_KEYS: ReadonlySet<string> = new Set(["metrics", "gate", "metric"]);

/**
 * Fills in `metrics` of `distill`, of trained teachers, of `compile` and of `quantize`, and `quantize.gate.metric`. The metrics come from
 * `distill.metrics`, or from the gate, or from `teacher.metrics`; the gate gets the first one. If a recipe names no metric, nothing is
 * filled in, and the schemas report the missing key.
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

/** Applies a change to a section and to its variants for further targets, such as `quantize@npu`. */
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
