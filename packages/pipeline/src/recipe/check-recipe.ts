/** Checks merged settings against the sections' schemas. Every error names the origin of the value. */
import { SlmError } from "@slm/core/errors";
import type { z } from "zod";
import { nearest } from "@slm/core/edit-distance";
import { didYouMean, type LayerStack } from "./layers.js";
import { asMapping, dotted, type KeyPath, type Mapping } from "./mapping.js";
import { authoredPath, recipeJson } from "./recipe-metrics.js";

/** Largest number of problems in one message. */
const MAX_COMPLAINTS = 8;

interface Complaint {
  readonly key: string;
  readonly where: string;
  readonly message: string;
  /** What the user can do about it. */
  readonly fix: string;
}

/**
 * Parses settings with a schema.
 *
 * @throws SlmError CONFIG_INVALID with, for each wrong value, the file and line (or the flag or variable), the dotted key, the expected
 * value and, for an unknown key, the nearest valid key.
 */
export function checkSettings<Schema extends z.ZodType>(
  schema: Schema,
  settings: Mapping,
  layers: LayerStack,
): z.infer<Schema> {
  const checked = schema.safeParse(settings);
  if (checked.success) return checked.data;
  const found = checked.error.issues.flatMap((issue) => complaintsOf(issue, schema, layers));
  // Copies of one setting have the same problem.
  const complaints = [...new Map(found.map((one) => [`${one.where}: ${one.message}`, one])).values()];
  const shown = complaints.slice(0, MAX_COMPLAINTS).map(({ where, message }) => `${where}: ${message}`);
  if (complaints.length > shown.length) shown.push(`and ${complaints.length - shown.length} more`);
  throw new SlmError("CONFIG_INVALID", shown.join("\n"), {
    context: { issues: complaints },
    suggestions: complaints.slice(0, MAX_COMPLAINTS).map(({ fix }) => fix),
  });
}

function complaintsOf(issue: z.core.$ZodIssue, schema: z.ZodType, layers: LayerStack): readonly Complaint[] {
  const complaint = (place: KeyPath, problem: string, fix?: string): Complaint => {
    const path = authoredPath(place);
    const [key, where] = [dotted(path), layers.locate(path)];
    return {
      key,
      where,
      message: key === "" ? problem : `${key}: ${problem}`,
      fix: fix ?? `change ${key} in ${where}; slm schema describes every setting`,
    };
  };
  if (issue.code !== "unrecognized_keys") return [complaint(issue.path, issue.message)];
  const valid = keysAt(schema, issue.path);
  return issue.keys.map((name) => {
    const path = [...issue.path, name];
    const guess = nearest(name, valid);
    if (guess === undefined) return complaint(path, `unknown key; valid keys: ${valid.join(", ")}`);
    if (guess === name)
      return complaint(path, "a setting of another kind", `--set ${dotted(path)}=null to leave it out`);
    const better = dotted([...issue.path, guess]);
    return complaint(path, `unknown key${didYouMean(guess)}`, `write ${better} instead of ${dotted(path)}`);
  });
}

/** The keys that a schema allows at a path, for all alternatives of a union. */
export function keysAt(schema: z.ZodType, path: KeyPath): readonly string[] {
  const root = recipeJson(schema);
  let nodes = alternatives(root, root);
  for (const key of path) {
    nodes = nodes.flatMap((node) => {
      const next = typeof key === "number" ? node.items : asMapping(node.properties)?.[String(key)];
      const child = asMapping(next);
      return child === undefined ? [] : alternatives(child, root);
    });
  }
  return [...new Set(nodes.flatMap((node) => Object.keys(asMapping(node.properties) ?? {})))];
}

/** A node of a JSON Schema and all alternatives of its unions, with references resolved. */
export function alternatives(node: Mapping, root: Mapping): readonly Mapping[] {
  if (typeof node.$ref === "string") {
    const target = asMapping(asMapping(root.$defs)?.[node.$ref.replace("#/$defs/", "")]);
    return target === undefined ? [] : alternatives(target, root);
  }
  const branches = [node.anyOf, node.oneOf, node.allOf].flatMap((list) =>
    Array.isArray(list) ? (list as unknown[]) : [],
  );
  return [node, ...branches.flatMap((branch) => alternatives(asMapping(branch) ?? {}, root))];
}
