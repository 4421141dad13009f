/**
 * The metrics of a recipe. It names them once, at the top: `metrics: [wer, per]`. There is no default, because the right metric depends on
 * the task. The sections that measure get copies, which a recipe cannot set.
 */
import { SlmError } from "@slm/core/errors";
import { z } from "zod";
import { asMapping, dotted, type KeyPath, type Mapping } from "./mapping.js";

const COPY =
  /^((teacher(\.members\[\d+\])?(\.finetune)?|distill|(quantize|compile)(@[\w-]+)?)\.metrics|quantize(@[\w-]+)?\.gate\.metric)$/;

/** The names of these keys, at any place of a section. */
const COPIED_KEYS: readonly string[] = ["metrics", "metric"];

/**
 * Copies `metrics` to `distill`, trained and fine-tuned teachers, `compile` and `quantize`; the gate's metric is the first. Without
 * metrics nothing is copied, and the sections' schemas report the missing key.
 *
 * @param locate names the place of a value
 * @throws SlmError CONFIG_INVALID if a section has metrics of its own
 */
export function copyMetrics(recipe: Mapping, locate: (path: KeyPath) => string): Mapping {
  const [own] = copiedPaths(recipe);
  if (own !== undefined)
    throw new SlmError(
      "CONFIG_INVALID",
      `${locate(own)}: ${dotted(own)}: unknown key; metrics are named once, at the top`,
      { suggestions: ["metrics: [exactMatch] at the top of the recipe, or --set metrics=[exactMatch]"] },
    );
  const { metrics } = recipe;
  if (metrics === undefined) return recipe;
  const metric = Array.isArray(metrics) ? (metrics as unknown[])[0] : metrics;
  const sections = Object.entries(recipe).map(([key, value]): [string, unknown] => {
    const section = asMapping(value);
    const [stage = ""] = key.split("@");
    if (section === undefined) return [key, value];
    if (stage === "teacher") return [key, teacherWith(section, metrics)];
    if (stage === "distill" || stage === "compile") return [key, { ...section, metrics }];
    if (stage !== "quantize") return [key, value];
    const gate = asMapping(section.gate ?? {});
    return [key, { ...section, metrics, gate: gate === undefined ? section.gate : { ...gate, metric } }];
  });
  return Object.fromEntries(sections);
}

function teacherWith(teacher: Mapping, metrics: unknown): Mapping {
  const { kind, finetune, members } = teacher;
  const withMetrics = (member: unknown): unknown => {
    const mapping = asMapping(member);
    return mapping === undefined ? member : teacherWith(mapping, metrics);
  };
  return {
    ...teacher,
    ...(kind === "train" ? { metrics } : {}),
    ...(asMapping(finetune) === undefined ? {} : { finetune: { ...asMapping(finetune), metrics } }),
    ...(Array.isArray(members) ? { members: (members as unknown[]).map(withMetrics) } : {}),
  };
}

/** The longest path of a copy: `teacher.members[0].finetune.metrics`. */
const MAX_DEPTH = 5;

/** The paths of copies in a recipe. */
export function* copiedPaths(value: unknown, path: KeyPath = []): Generator<KeyPath> {
  if (COPY.test(dotted(path))) {
    yield path;
    return;
  }
  if (path.length === MAX_DEPTH) return;
  const entries = Array.isArray(value)
    ? (value as unknown[]).entries()
    : Object.entries(asMapping(value) ?? {});
  for (const [key, below] of entries) yield* copiedPaths(below, [...path, key]);
}

/** The path that a recipe sets: `metrics[0]` for `distill.metrics[0]`. Other paths stay as they are. */
export function authoredPath(path: KeyPath): KeyPath {
  const length = path.findIndex((_key, index) => COPY.test(dotted(path.slice(0, index + 1)))) + 1;
  return length === 0 ? path : ["metrics", ...path.slice(length)];
}

/** The JSON Schema of the settings that a recipe can have: without copies. */
export function recipeJson(recipe: z.ZodType): Mapping {
  return z.toJSONSchema(recipe, {
    io: "input",
    unrepresentable: "any",
    override: ({ jsonSchema, path }) => {
      if (path.length === 0) return;
      for (const key of COPIED_KEYS) delete jsonSchema.properties?.[key];
      const required = jsonSchema.required?.filter((key) => !COPIED_KEYS.includes(key));
      if (required?.length === 0) delete jsonSchema.required;
      else if (required !== undefined) jsonSchema.required = required;
    },
  }) as Mapping;
}
