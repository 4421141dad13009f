/** Checks merged settings against the sections' schemas. Every error names the origin of the value. */
import { SlmError } from "@slm/core/errors";
import { z } from "zod";
import { nearest } from "./nearest.js";
import { didYouMean, type LayerStack } from "./layers.js";
import { asMapping, dotted, type KeyPath, type Mapping } from "./mapping.js";

/** Largest number of problems in one message. */
const MAX_COMPLAINTS = 8;

interface Complaint {
  readonly key: string;
  readonly where: string;
  readonly message: string;
  readonly suggestion?: string | undefined;
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
  const complaints = checked.error.issues.flatMap((issue) => complaintsOf(issue, schema, layers));
  const shown = complaints.slice(0, MAX_COMPLAINTS).map(({ where, message }) => `${where}: ${message}`);
  if (complaints.length > shown.length) shown.push(`and ${complaints.length - shown.length} more`);
  const fixes = complaints
    .slice(0, MAX_COMPLAINTS)
    .map(({ key, where, suggestion }) =>
      suggestion === undefined || suggestion === key
        ? `change ${key} in ${where}; slm schema describes every setting`
        : `write ${suggestion} instead of ${key}`,
    );
  throw new SlmError("CONFIG_INVALID", shown.join("\n"), {
    context: { issues: complaints },
    suggestions: fixes,
  });
}

function complaintsOf(issue: z.core.$ZodIssue, schema: z.ZodType, layers: LayerStack): readonly Complaint[] {
  if (issue.code !== "unrecognized_keys") {
    const key = dotted(issue.path);
    return [
      { key, where: layers.locate(issue.path), message: `${key === "" ? "" : `${key}: `}${issue.message}` },
    ];
  }
  return issue.keys.map((name) => {
    const path = [...issue.path, name];
    const valid = keysAt(schema, issue.path);
    const guess = nearest(name, valid);
    const suggestion = guess === undefined ? undefined : dotted([...issue.path, guess]);
    const help = guess === undefined ? `; valid keys: ${valid.join(", ")}` : didYouMean(guess);
    return {
      key: dotted(path),
      where: layers.locate(path),
      message: `${dotted(path)}: unknown key${help}`,
      suggestion,
    };
  });
}

/** The keys that a schema allows at a path, for all alternatives of a union. */
function keysAt(schema: z.ZodType, path: KeyPath): readonly string[] {
  const root = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as Mapping;
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
