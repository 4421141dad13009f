/**
 * The metrics of a recipe. It names them once, at the top: `metrics: [wer, per]`. There is no default, because the right metric depends on
 * the task. The sections that measure get copies, which a recipe cannot set.
 */
import { SlmError } from "@slm/core/errors";
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
  for (const path of copiedPaths(recipe)) {
    throw new SlmError(
      "CONFIG_INVALID",
      `${locate(path)}: ${dotted(path)}: unknown key; metrics are named once, at the top`,
      {
        suggestions: [`metrics: [exactMatch] at the top of the recipe, or --set metrics=[exactMatch]`],
      },
    );
  }
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
  const part = (key: string, value: unknown): object => (value === undefined ? {} : { [key]: value });
  return {
    ...teacher,
    ...(kind === "train" ? { metrics } : {}),
    ...part("finetune", asMapping(finetune) && { ...asMapping(finetune), metrics }),
    ...part(
      "members",
      Array.isArray(members)
        ? (members as unknown[]).map((member) => {
            const mapping = asMapping(member);
            return mapping === undefined ? member : teacherWith(mapping, metrics);
          })
        : undefined,
    ),
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

interface Node {
  properties?: Record<string, unknown>;
  required?: string[];
}

/** Removes copies from a node of a section's JSON Schema. */
export function withoutCopies(node: Node): void {
  for (const key of COPIED_KEYS) delete node.properties?.[key];
  const required = node.required?.filter((key) => key !== "gate" && !COPIED_KEYS.includes(key));
  if (required?.length === 0) delete node.required;
  else if (required !== undefined) node.required = required;
}
