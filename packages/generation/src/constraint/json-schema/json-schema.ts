/**
 * Compiles a JSON Schema to a grammar. Every text that the grammar generates is valid under the schema. The grammar is narrower than the schema:
 * properties follow the schema's order, objects with named properties have no additional ones, and numbers are short.
 *
 * Source: JSON Schema 2020-12 (and `definitions` of older drafts).
 */
import { isDeeperThan } from "@slm/core";
import type { Grammar, Part } from "../grammar.js";
import { CopiedStrings } from "./copied-strings.js";
import { createJsonParts, listPart, mapPart, quoted, type JsonParts } from "./json-values.js";
import {
  ALONE_KEYWORDS,
  COPIED_KEYWORD,
  TYPES,
  TYPE_KEYWORDS,
  countOf,
  isObject,
  reject,
  rejectOthers,
  type Schema,
  type TypeName,
} from "./keywords.js";

/** Maximum value of minLength, maxLength, minItems and maxItems. Each counted position takes memory. */
const LARGEST_COUNT = 10_000;
/** Maximum nesting depth of schemas. */
const DEEPEST = 64;
/** Maximum number of values in an enum and of schemas in an anyOf. */
const MOST_VALUES = 10_000;
/** Maximum nesting depth of a schema as JSON, including enum values and descriptions. */
const DEEPEST_JSON = 1000;

/**
 * The grammar of a schema's values.
 *
 * @param source the text that strings with `x-copied` are copied from. Without such strings, one grammar serves all sources.
 * @throws SlmError DATA_INVALID with the location in the schema and the unsupported keyword or value.
 */
export function jsonSchemaGrammar(schema: unknown, source?: string): Grammar {
  if (isDeeperThan(schema, DEEPEST_JSON))
    throw reject("#", `the schema nests lists and objects more than ${DEEPEST_JSON} levels deep`);
  return new SchemaCompiler(schema, source).grammar();
}

/**
 * Whether a schema may contain strings copied from the source, so that every source needs its own grammar.
 *
 * @param schema the output of `JSON.stringify`
 */
export const copiesSource = (schema: string): boolean => schema.includes(JSON.stringify(COPIED_KEYWORD));

interface Position {
  readonly pointer: string;
  readonly depth: number;
}

class SchemaCompiler {
  readonly #root: unknown;
  readonly #parts: JsonParts = createJsonParts();
  readonly #copied: CopiedStrings;
  /** Rules of nested schemas that a `$ref` points to, by JSON pointer. */
  readonly #rules = new Map<string, number>();
  /** Rules that are declared but not compiled yet. A queue avoids a stack overflow on long chains of references. */
  readonly #waiting: { readonly rule: number; readonly pointer: string; readonly schema: unknown }[] = [];

  constructor(root: unknown, source: string | undefined) {
    this.#root = root;
    this.#copied = new CopiedStrings(this.#parts.builder, source);
  }

  grammar(): Grammar {
    const { builder } = this.#parts;
    const start = this.#ruleAt("#", this.#root);
    for (const { rule, pointer, schema } of this.#waiting)
      builder.define(rule, this.#compile(schema, { pointer, depth: 0 }));
    return builder.build(start);
  }

  #ruleAt(pointer: string, schema: unknown): number {
    const known = this.#rules.get(pointer);
    if (known !== undefined) return known;
    const rule = this.#parts.builder.declare();
    this.#rules.set(pointer, rule);
    this.#waiting.push({ rule, pointer, schema });
    return rule;
  }

  #compile(schema: unknown, at: Position): Part {
    const { pointer, depth } = at;
    if (depth > DEEPEST) throw reject(pointer, `schemas may be at most ${DEEPEST} levels deep`);
    if (schema === true) return this.#parts.value;
    if (!isObject(schema))
      throw reject(pointer, `expected a schema, got ${JSON.stringify(schema).slice(0, 80)}`);
    if (pointer !== "#" && Object.hasOwn(schema, "$id"))
      throw reject(pointer, "'$id' is supported only at the top, because it changes what '$ref' refers to");
    const alone = ALONE_KEYWORDS.find((key) => Object.hasOwn(schema, key));
    if (alone !== undefined) {
      rejectOthers(schema, pointer, alone === "const" ? ["const", "type"] : [alone]);
      if (alone === "$ref") return this.#reference(schema["$ref"], at);
      return alone === "anyOf"
        ? this.#anyOf(schema["anyOf"], at)
        : this.#values([schema["const"]], schema, at);
    }
    if (Object.hasOwn(schema, "enum")) {
      rejectOthers(schema, pointer, ["enum", "type"]);
      const values = schema["enum"];
      if (!Array.isArray(values)) throw reject(pointer, "'enum' must be a list");
      return this.#values(values, schema, at);
    }
    const types = typesOf(schema, pointer);
    rejectOthers(schema, pointer, ["type", ...types.flatMap((type) => TYPE_KEYWORDS[type])]);
    if (types === ANY_TYPE) return this.#parts.value;
    const { builder } = this.#parts;
    return builder.rule(builder.choice(...types.map((type) => this.#type(type, schema, at))));
  }

  #type(type: TypeName, schema: Schema, at: Position): Part {
    if (type === "object") return this.#object(schema, at);
    if (type === "array") return this.#array(schema, at);
    return type === "string" ? this.#string(schema, at) : this.#parts[type];
  }

  /** The rule of the schema that a reference points to. Follows references to references. */
  #reference(first: unknown, { pointer: from }: Position): Part {
    const passed = new Set<string>();
    let [reference, pointer] = [first, from];
    for (;;) {
      const { key, target } = this.#target(reference, pointer);
      const known = this.#rules.get(key);
      if (passed.has(key)) throw reject(from, "'$ref' refers to itself");
      passed.add(key);
      const isPassed = known === undefined && isObject(target) && Object.hasOwn(target, "$ref");
      if (isPassed) {
        rejectOthers(target, key, ["$ref"]);
        [reference, pointer] = [target["$ref"], key];
        continue;
      }
      const rule = known ?? this.#ruleAt(key, target);
      for (const alias of passed) this.#rules.set(alias, rule);
      return this.#parts.builder.call(rule);
    }
  }

  #target(reference: unknown, pointer: string): { readonly key: string; readonly target: unknown } {
    if (typeof reference !== "string" || !/^#(?:\/.*)?$/u.test(reference))
      throw reject(pointer, `'$ref' must point into the same schema, as "#/$defs/name"`);
    let target = this.#root;
    for (const step of reference.split("/").slice(1)) {
      const key = unescaped(step);
      if (typeof target !== "object" || target === null || !Object.hasOwn(target, key))
        throw reject(pointer, `'$ref' points to ${reference.slice(0, 80)}, which does not exist`);
      target = Reflect.get(target, key);
    }
    return { key: reference, target };
  }

  #anyOf(schemas: unknown, { pointer, depth }: Position): Part {
    if (!Array.isArray(schemas) || schemas.length === 0)
      throw reject(pointer, "'anyOf' must be a list of schemas");
    if (schemas.length > MOST_VALUES)
      throw reject(pointer, `'anyOf' may have at most ${MOST_VALUES} schemas`);
    const { builder } = this.#parts;
    const parts = schemas.map((schema: unknown, index) =>
      this.#compile(schema, { pointer: `${pointer}/anyOf/${index}`, depth: depth + 1 }),
    );
    return builder.rule(builder.choice(...parts));
  }

  /** Values as `JSON.stringify` writes them. Values that are not of the schema's type are skipped. */
  #values(values: readonly unknown[], schema: Schema, { pointer }: Position): Part {
    if (values.length > MOST_VALUES) throw reject(pointer, `'enum' may have at most ${MOST_VALUES} values`);
    const types = Object.hasOwn(schema, "type") ? typesOf(schema, pointer) : TYPES;
    const fitting = values.filter((value) => types.some((type) => isOfType(value, type)));
    if (fitting.length === 0) throw reject(pointer, "no value has the schema's type");
    const { builder } = this.#parts;
    // JSON.parse reads 1e400 as infinity and rounds large integers, so these values are not the schema's.
    const exact = (_key: string, value: unknown): unknown => {
      const isRounded = Number.isInteger(value) && !Number.isSafeInteger(value);
      if (typeof value === "number" && (isRounded || !Number.isFinite(value)))
        throw reject(pointer, `the number ${String(value)} is too large to be exact`);
      return value;
    };
    return builder.rule(builder.oneOf(fitting.map((value) => JSON.stringify(value, exact))));
  }

  #string(schema: Schema, { pointer }: Position): Part {
    const { builder, character, string } = this.#parts;
    if (Object.hasOwn(schema, COPIED_KEYWORD)) return this.#copied.part(schema, pointer);
    const limits = { pointer, largest: LARGEST_COUNT };
    const least = countOf(schema, "minLength", limits) ?? 0;
    const most = countOf(schema, "maxLength", limits) ?? Infinity;
    if (least > most) throw reject(pointer, `'minLength' ${least} is above 'maxLength' ${most}`);
    if (least === 0 && most === Infinity) return string;
    return quoted(builder, builder.repeat(character, least, most));
  }

  #array(schema: Schema, { pointer, depth }: Position): Part {
    const limits = { pointer, largest: LARGEST_COUNT };
    const least = countOf(schema, "minItems", limits) ?? 0;
    const most = countOf(schema, "maxItems", limits) ?? Infinity;
    if (least > most) throw reject(pointer, `'minItems' ${least} is above 'maxItems' ${most}`);
    const item = Object.hasOwn(schema, "items")
      ? this.#compile(schema["items"], { pointer: `${pointer}/items`, depth: depth + 1 })
      : this.#parts.value;
    return listPart(this.#parts, { item, least, most });
  }

  #object(schema: Schema, { pointer, depth }: Position): Part {
    const properties = schema["properties"] ?? {};
    if (!isObject(properties)) throw reject(pointer, "'properties' must be an object of schemas");
    const names = Object.keys(properties);
    const required = requiredOf(schema, names, pointer);
    const others = schema["additionalProperties"] ?? true;
    const under = (key: string): Position => ({ pointer: `${pointer}/${key}`, depth: depth + 1 });
    if (names.length === 0) {
      if (others === false) return this.#inOrder([]);
      const value = this.#compile(others, under("additionalProperties"));
      return mapPart(this.#parts, value, this.#keys(schema, under("propertyNames")));
    }
    if (Object.hasOwn(schema, "propertyNames"))
      throw reject(pointer, "'propertyNames' is not supported together with 'properties'");
    // Validated, although objects with named properties never have additional properties.
    if (others !== false) this.#compile(others, under("additionalProperties"));
    const { builder, space } = this.#parts;
    const pairs = names.map((name) => {
      const value = this.#compile(properties[name], under(`properties/${name}`));
      const key = builder.text(JSON.stringify(name));
      const pair = builder.rule(builder.sequence(key, space, builder.text(":"), space, value));
      return { pair, isRequired: required.has(name) };
    });
    return this.#inOrder(pairs);
  }

  /** Allowed keys of an object without named properties: strings that `propertyNames` allows. */
  #keys(schema: Schema, at: Position): Part {
    const names = schema["propertyNames"] ?? true;
    if (names === true) return this.#parts.string;
    if (!isObject(names) || (names["type"] ?? "string") !== "string")
      throw reject(at.pointer, "'propertyNames' must be a schema of strings");
    return this.#compile({ ...names, type: "string" }, at);
  }

  /** Pairs in order, separated by commas. Two tracks record whether a pair has been written yet. */
  #inOrder(pairs: readonly { readonly pair: Part; readonly isRequired: boolean }[]): Part {
    const { builder, space } = this.#parts;
    const comma = builder.sequence(space, builder.text(","), space);
    /** What may follow from this pair on, if no pair was written before it and if some were. */
    let first: Part = (from) => from;
    let later: Part = (from) => from;
    for (const { pair, isRequired } of pairs.toReversed()) {
      // A rule, because it is used in several places. Inlined, the grammar would double with every pair.
      const rest = builder.rule(later);
      const begin = builder.sequence(pair, rest);
      const go = builder.sequence(comma, pair, rest);
      first = isRequired ? begin : builder.choice(begin, first);
      later = isRequired ? go : builder.choice(go, rest);
    }
    return builder.sequence(builder.text("{"), space, first, space, builder.text("}"));
  }
}

/** Every type; "number" includes integers. */
const ANY_TYPE: readonly TypeName[] = TYPES.filter((name) => name !== "integer");

/** The types that a schema names; otherwise the types that its keywords apply to, or every type. */
function typesOf(schema: Schema, pointer: string): readonly TypeName[] {
  const { type } = schema;
  if (type === undefined) {
    const meant = TYPES.filter((name) => TYPE_KEYWORDS[name].some((key) => Object.hasOwn(schema, key)));
    return meant.length > 0 ? meant : ANY_TYPE;
  }
  const names: readonly unknown[] = Array.isArray(type) ? type : [type];
  const known = TYPES.filter((name) => names.includes(name));
  if (known.length > 0 && known.length === new Set(names).size) return known;
  throw reject(
    pointer,
    `'type' must be one of ${TYPES.join(", ")}, got ${JSON.stringify(type).slice(0, 80)}`,
  );
}

function requiredOf(schema: Schema, names: readonly string[], pointer: string): ReadonlySet<string> {
  const required: unknown = Object.hasOwn(schema, "required") ? schema["required"] : [];
  const isList = Array.isArray(required) && required.every((name) => typeof name === "string");
  if (!isList) throw reject(pointer, "'required' must be a list of names");
  const known = new Set(names);
  const unknown = required.find((name) => !known.has(name));
  if (unknown === undefined) return new Set(required);
  throw reject(
    pointer,
    `'required' names ${JSON.stringify(unknown.slice(0, 80))}, which is not in 'properties'`,
  );
}

function isOfType(value: unknown, type: TypeName): boolean {
  switch (type) {
    case "null":
      return value === null;
    case "array":
      return Array.isArray(value);
    case "object":
      return isObject(value);
    case "integer":
      return Number.isInteger(value);
    case "string":
    case "number":
    case "boolean":
      return typeof value === type;
  }
}

/** One step of a JSON pointer in a URI fragment. Source: RFC 6901, sections 4 and 6. */
function unescaped(step: string): string {
  try {
    return decodeURIComponent(step).replaceAll("~1", "/").replaceAll("~0", "~");
  } catch {
    return step; // Not a valid escape. Looking up this name will fail.
  }
}
