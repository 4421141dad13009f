import { withCode } from "@slm/core/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { EOS, SYMBOLS, byteVocabulary, randomText } from "../random-text.test-support.js";
import { constrainTokens } from "../constrain-tokens.js";
import { Automaton, type State } from "../automaton.js";
import { jsonSchemaGrammar } from "./json-schema.js";
import { jsonObjectGrammar } from "./json-values.js";
import { TYPES } from "./keywords.js";

/** Schemas of the supported subset. */
const schemas = fc.letrec<{ schema: object }>((tie) => ({
  schema: fc.oneof(
    { maxDepth: 3 },
    fc.constant({ type: "boolean" }),
    fc.constant({ type: "integer" }),
    fc.constant({ type: ["number", "null"] }),
    fc.record(
      { type: fc.constant("string"), minLength: fc.nat(2), maxLength: fc.integer({ min: 2, max: 5 }) },
      { requiredKeys: ["type"] },
    ),
    fc.record({
      enum: fc.uniqueArray(fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null)), {
        minLength: 1,
        maxLength: 4,
      }),
    }),
    fc.record({ const: fc.oneof(fc.string(), fc.integer()) }),
    fc.record(
      {
        type: fc.constant("array"),
        items: tie("schema"),
        minItems: fc.nat(2),
        maxItems: fc.integer({ min: 2, max: 3 }),
      },
      { requiredKeys: ["type", "items"] },
    ),
    fc.record({ anyOf: fc.array(tie("schema"), { minLength: 1, maxLength: 3 }) }),
    fc
      .array(
        fc.record({
          name: fc.string({ minLength: 1, maxLength: 4 }),
          schema: tie("schema"),
          isRequired: fc.boolean(),
        }),
        { maxLength: 4 },
      )
      .map((properties) => ({
        type: "object",
        properties: Object.fromEntries(properties.map(({ name, schema }) => [`p${name}`, schema])),
        required: [
          ...new Set(properties.flatMap(({ name, isRequired }) => (isRequired ? [`p${name}`] : []))),
        ],
        additionalProperties: false,
      })),
  ),
})).schema;

const validates = (schema: object, value: unknown): boolean =>
  z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]).safeParse(value).success;

/** Whether a text is a value of a schema. */
function readerOf(schema: unknown): (text: string) => boolean {
  const automaton = new Automaton(jsonSchemaGrammar(schema));
  return (text) => {
    let state: State | undefined = automaton.start;
    for (const byte of Buffer.from(text)) state = state && automaton.step(state, byte);
    return state?.isEnd === true;
  };
}

describe(jsonSchemaGrammar, () => {
  test("whatever a model generates, the text parses and validates", () => {
    const pieces = byteVocabulary();
    let finished = 0;
    fc.assert(
      fc.property(schemas, fc.nat(2 ** 31), (schema, seed) => {
        const text = randomText(jsonSchemaGrammar(schema), pieces, seed);
        if (text === undefined) return;
        finished++;
        expect([text, validates(schema, JSON.parse(text))]).toEqual([text, true]);
      }),
      { numRuns: 100 },
    );
    expect(finished).toBeGreaterThan(60);
  });

  const lists = Array.from({ length: 2 ** TYPES.length - 1 }, (_, set) =>
    TYPES.filter((_name, at) => ((set + 1) >> at) & 1),
  );
  test.each(lists.map((type) => [type.join(" "), type] as const))(
    "the types %s allow their values and no others",
    (_, type) => {
      const schema = { type, maxLength: type.includes("string") ? 2 : undefined };
      const isValue = readerOf(JSON.parse(JSON.stringify(schema)));
      for (const value of ["ab", "abc", 1.5, 3, true, null, {}, []])
        expect([value, isValue(JSON.stringify(value))]).toEqual([value, validates(schema, value)]);
    },
  );

  test("the largest list of values is read value by value", () => {
    const values = Array.from({ length: 10_000 }, (_, at) => `v${at}`);
    const isValue = readerOf({ enum: values });
    for (const text of ['"v0"', '"v9"', '"v90"', '"v9999"']) expect(isValue(text)).toBe(true);
    for (const text of ['"v"', '"v10000"', '"v01"', "v1"]) expect(isValue(text)).toBe(false);
  });

  test("values of recursive schemas parse and validate", () => {
    const schema = {
      $ref: "#/$defs/tree",
      $defs: {
        tree: {
          type: "object",
          properties: {
            name: { type: "string", maxLength: 3 },
            children: { type: "array", items: { $ref: "#/$defs/tree" }, maxItems: 2 },
          },
          required: ["name"],
          additionalProperties: false,
        },
      },
    };
    const grammar = jsonSchemaGrammar(schema);
    const texts = Array.from({ length: 30 }, (_, seed) => randomText(grammar, byteVocabulary(), seed)).filter(
      (text) => text !== undefined,
    );
    expect(texts.length).toBeGreaterThan(15);
    expect(texts.some((text) => text.includes("children"))).toBe(true);
    for (const text of texts) expect(validates(schema, JSON.parse(text))).toBe(true);
  });

  test("symbols with spaces between them generate valid values, too", () => {
    const schema = {
      type: "object",
      properties: { name: { enum: ["a", "b"] }, a: {} },
      required: ["name"],
    };
    const texts = Array.from({ length: 20 }, (_, seed) =>
      randomText(jsonSchemaGrammar(schema), SYMBOLS, seed),
    ).filter((text) => text !== undefined);
    expect(texts.length).toBeGreaterThan(15);
    for (const text of texts) expect(["a", "b"]).toContain((JSON.parse(text) as { name: string }).name);
  });

  test("keys of an object without named properties are those of propertyNames, in any order", () => {
    const schema = {
      type: "object",
      propertyNames: { enum: ["a", "b"] },
      additionalProperties: { const: 1 },
    };
    const grammar = jsonSchemaGrammar(schema);
    const texts = Array.from({ length: 200 }, (_, seed) => randomText(grammar, byteVocabulary(), seed));
    const keys = texts.flatMap((text) =>
      text === undefined ? [] : [Object.keys(JSON.parse(text) as object).join("")],
    );
    expect(new Set(keys)).toEqual(new Set(["", "a", "b", "ab", "ba"]));
  });

  test("keys that every JavaScript object has are ordinary keys", () => {
    const schema = JSON.parse(
      '{"type":"object","properties":{"__proto__":{"const":1},"constructor":{"const":2}},"required":["__proto__","constructor"]}',
    ) as object;
    const text = randomText(jsonSchemaGrammar(schema), byteVocabulary(), 1);
    expect(text?.replaceAll(" ", "")).toBe('{"__proto__":1,"constructor":2}');
  });

  test.each<readonly [string, unknown, RegExp]>([
    [
      "an unknown keyword",
      { type: "string", pattern: "a+" },
      /^schema: #: 'pattern' is not supported here; supported are type, minLength, maxLength, x-copied$/,
    ],
    [
      "an unknown keyword further in",
      { properties: { a: { items: { not: {} } } } },
      /^schema: #\/properties\/a\/items: 'not'/,
    ],
    ["an unknown type", { type: "text" }, /'type' must be one of/],
    ["a reference to elsewhere", { $ref: "https://example.org/a.json" }, /must point into the same schema/],
    ["a dangling reference", { $ref: "#/$defs/a" }, /which does not exist/],
    [
      "a cycle of references",
      { anyOf: [{ type: "null" }, { $ref: "#/$defs/a" }], $defs: { a: { $ref: "#" } } },
      /refers to itself/,
    ],
    [
      "a required property without a schema",
      { type: "object", properties: {}, required: ["a"] },
      /'required' names "a"/,
    ],
    ["no value of the type", { type: "string", enum: [1] }, /no value has the schema's type/],
    ["limits the wrong way round", { type: "string", minLength: 3, maxLength: 2 }, /'minLength' 3 is above/],
    ["an invalid count", { type: "array", minItems: -1 }, /'minItems' must be an integer/],
    ["property names that are not strings", { propertyNames: { type: "integer" } }, /schema of strings/],
    [
      "property names together with named properties",
      { properties: { a: true }, propertyNames: { maxLength: 1 } },
      /not supported together with 'properties'/,
    ],
    ["a huge count", { type: "string", maxLength: 1e9 }, /'maxLength' must be an integer from 0 to/],
    ["no schema", [], /expected a schema/],
    ["no list of required names", { type: "object", required: null }, /'required' must be a list/],
    ["a number that JSON cannot have", { const: Infinity }, /Infinity is too large/],
    ["a number with rounded digits", { enum: [{ id: 12345678901234567000 }] }, /is too large to be exact/],
    ["a nested base", { items: { $id: "https://example.org/a" } }, /'\$id' is supported only at the top/],
    ["nothing that is allowed", { items: false }, /expected a schema, got false/],
    [
      "many large counts",
      {
        type: ["array", "object"],
        items: { type: "array", maxItems: 10_000 },
        properties: Object.fromEntries(
          Array.from({ length: 40 }, (_, at) => [`p${at}`, { type: "string", maxLength: 10_000 }]),
        ),
      },
      /larger than/,
    ],
  ])("rejects %s", (_, schema, message) => {
    expect(() => jsonSchemaGrammar(schema)).toThrow(message);
    expect(() => jsonSchemaGrammar(schema)).toThrow(withCode("DATA_INVALID"));
  });

  test("accepts or rejects any JSON, and fails in no other way", () => {
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue({ maxDepth: 4 }), corrupt()), (schema) => {
        try {
          jsonSchemaGrammar(schema);
        } catch (error) {
          expect(error).toMatchObject({ code: "DATA_INVALID" });
        }
      }),
      { numRuns: 300 },
    );
  });

  const deep = (levels: number): unknown => JSON.parse("[".repeat(levels) + "]".repeat(levels));
  const chain = (links: number, end: unknown): unknown => ({
    $ref: "#/$defs/0",
    $defs: Object.fromEntries(
      Array.from({ length: links }, (_, at) => [at, at === links - 1 ? end : { $ref: `#/$defs/${at + 1}` }]),
    ),
  });
  const names = (count: number): string[] => Array.from({ length: count }, (_, at) => `p${at}`);

  test("follows a chain of 8,000 references", () => {
    const text = randomText(jsonSchemaGrammar(chain(8000, { const: 7 })), byteVocabulary(), 1);
    expect(text).toBe("7");
  });

  // Each of these once ended in a stack overflow, in too many arguments, or took minutes.
  test.each<readonly [string, unknown]>([
    ["a chain of references that ends nowhere", chain(8000, { $ref: "#/$defs/8000" })],
    ["a chain of references that leads back", chain(8000, { $ref: "#/$defs/0" })],
    ["references inside 8,000 lists", { $defs: Object.fromEntries(names(8000).map((name, at) => [name, { items: { $ref: `#/$defs/p${at + 1}` } }])), $ref: "#/$defs/p0" }], // prettier-ignore
    ["a value of 100,000 levels in an enum", { enum: [deep(100_000)] }],
    ["a constant of 100,000 levels", { const: deep(100_000) }],
    ["a description of 100,000 levels", { description: deep(100_000) }],
    ["a count of 100,000 levels", { maxLength: deep(100_000) }],
    ["a schema of 100,000 levels", { anyOf: deep(100_000) }],
    ["a value of 300,000 characters", { const: "x".repeat(300_000) }],
    ["200,000 schemas in anyOf", { anyOf: Array.from({ length: 200_000 }, () => ({ type: "null" })) }],
    ["200,000 values in an enum", { enum: Array.from({ length: 200_000 }, (_, at) => at) }],
    ["100,000 required names", { properties: Object.fromEntries(names(100_000).map((name) => [name, true])), required: names(100_000) }], // prettier-ignore
    ["a reference of 100,000 steps", { $ref: `#${"/x".repeat(100_000)}` }],
  ])("rejects %s with a short message", (_, schema) => {
    const start = process.cpuUsage();
    const error = thrownBy(() => jsonSchemaGrammar(schema));
    expect(error).toMatchObject({ code: "DATA_INVALID" });
    expect((error as Error).message.length).toBeLessThan(500);
    expect(process.cpuUsage(start).user / 1e6).toBeLessThan(5);
  });

  test("stops a schema that can be read in too many ways", () => {
    const list = { type: "array", items: { $ref: "#" } };
    const constraint = constrainTokens(
      jsonSchemaGrammar({ anyOf: [list, { ...list, minItems: 1 }] }),
      byteVocabulary(),
      { eos: EOS },
    );
    let state = constraint;
    const open = (): void => {
      for (let depth = 0; depth < 20; depth++) state = state.after(1 + 0x5b);
    };
    expect(open).toThrow(withCode("DATA_INVALID"));
  });
});

function thrownBy(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}

/** Schemas with one of their values replaced. */
function corrupt(): fc.Arbitrary<unknown> {
  return fc.tuple(schemas, fc.nat(30), fc.jsonValue({ maxDepth: 1 })).map(([schema, at, value]) => {
    let count = 0;
    return JSON.parse(JSON.stringify(schema), (_key, old: unknown) =>
      count++ === at ? value : old,
    ) as unknown;
  });
}

describe(jsonObjectGrammar, () => {
  test("generates objects, whatever their contents", () => {
    const texts = Array.from({ length: 30 }, (_, seed) =>
      randomText(jsonObjectGrammar(), byteVocabulary(), seed),
    ).filter((text) => text !== undefined);
    expect(texts.length).toBeGreaterThan(20);
    for (const text of texts)
      expect(Object.prototype.toString.call(JSON.parse(text))).toBe("[object Object]");
  });
});
