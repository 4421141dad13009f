/** The grammar of JSON (RFC 8259), restricted so that texts end and numbers are exact. */
import { GrammarBuilder, type Grammar, type Part } from "../grammar.js";

/** Maximum number of digits before and after the decimal point. Every such number is finite, and integers are exact in a double. */
const MOST_DIGITS = 15;

/** The parts of JSON texts, each compiled to one rule. */
export interface JsonParts {
  readonly builder: GrammarBuilder;
  /** At most one space: a model may write `{"a": 1}` or `{"a":1}`, but not endless spaces. */
  readonly space: Part;
  /** One character of a string, plain or escaped. Lone surrogates are not generated. */
  readonly character: Part;
  readonly string: Part;
  readonly number: Part;
  readonly integer: Part;
  readonly boolean: Part;
  readonly null: Part;
  readonly object: Part;
  readonly array: Part;
  /** Any value. */
  readonly value: Part;
}

export function createJsonParts(builder: GrammarBuilder = new GrammarBuilder()): JsonParts {
  const space = builder.optional(builder.text(" "));
  const character = builder.rule(characterPart(builder));
  const string = builder.rule(quoted(builder, builder.repeat(character, 0, Infinity)));
  const integer = builder.rule(integerPart(builder));
  const number = builder.rule(numberPart(builder, integer));
  const boolean = builder.rule(builder.choice(builder.text("true"), builder.text("false")));
  const nothing = builder.rule(builder.text("null"));
  const value = builder.declare();
  const anything = builder.call(value);
  const base = { builder, space, character, string, number, integer, boolean, null: nothing };
  const object = builder.rule(mapPart(base, anything));
  const array = builder.rule(listPart(base, { item: anything, least: 0, most: Infinity }));
  builder.define(value, builder.choice(object, array, string, number, boolean, nothing));
  return { ...base, object, array, value: anything };
}

/** Any JSON object. */
export function jsonObjectGrammar(): Grammar {
  const { builder, object } = createJsonParts();
  const start = builder.declare();
  builder.define(start, object);
  return builder.build(start);
}

export function quoted(builder: GrammarBuilder, content: Part): Part {
  return builder.sequence(builder.text('"'), content, builder.text('"'));
}

type Spacing = Pick<JsonParts, "builder" | "space" | "string">;

/** An object with any number of keys whose values all match one part. */
export function mapPart({ builder, space, string }: Spacing, value: Part, key = string): Part {
  const pair = builder.rule(builder.sequence(key, space, builder.text(":"), space, value));
  const more = builder.sequence(space, builder.text(","), space, pair);
  const pairs = builder.sequence(pair, builder.repeat(more, 0, Infinity), space);
  return builder.sequence(builder.text("{"), space, builder.optional(pairs), builder.text("}"));
}

export interface ListParts {
  readonly item: Part;
  readonly least: number;
  readonly most: number;
}

/** An array of `least` to `most` values that all match one part. */
export function listPart(
  { builder, space }: Pick<Spacing, "builder" | "space">,
  { item, least, most }: ListParts,
): Part {
  const open = builder.sequence(builder.text("["), space);
  const close = builder.text("]");
  if (most === 0) return builder.sequence(open, close);
  const more = builder.rule(builder.sequence(builder.text(","), space, item, space));
  const items = builder.sequence(item, space, builder.repeat(more, Math.max(0, least - 1), most - 1));
  return builder.sequence(open, least === 0 ? builder.optional(items) : items, close);
}

/** Source: RFC 8259, section 7; Unicode 16, table 3-7, for well-formed UTF-8. */
function characterPart(builder: GrammarBuilder): Part {
  const tail = builder.bytes([0x80, 0xbf]);
  const plain = builder.bytes([0x20, 0x21], [0x23, 0x5b], [0x5d, 0x7f]);
  const two = builder.sequence(builder.bytes([0xc2, 0xdf]), tail);
  const three = [
    builder.sequence(builder.bytes([0xe0, 0xe0]), builder.bytes([0xa0, 0xbf]), tail),
    builder.sequence(builder.bytes([0xe1, 0xec], [0xee, 0xef]), tail, tail),
    builder.sequence(builder.bytes([0xed, 0xed]), builder.bytes([0x80, 0x9f]), tail),
  ];
  const four = [
    builder.sequence(builder.bytes([0xf0, 0xf0]), builder.bytes([0x90, 0xbf]), tail, tail),
    builder.sequence(builder.bytes([0xf1, 0xf3]), tail, tail, tail),
    builder.sequence(builder.bytes([0xf4, 0xf4]), builder.bytes([0x80, 0x8f]), tail, tail),
  ];
  return builder.choice(plain, two, ...three, ...four, escapePart(builder));
}

function escapePart(builder: GrammarBuilder): Part {
  const short = builder.bytes(...Array.from('"\\/bfnrt', (letter) => same(letter)));
  const hex = builder.bytes(DIGIT, between("a", "f"), between("A", "F"));
  const notSurrogate = builder.choice(
    builder.sequence(
      builder.bytes(DIGIT, between("a", "c"), between("e", "f"), between("A", "C"), between("E", "F")),
      hex,
    ),
    builder.sequence(builder.bytes(same("d"), same("D")), builder.bytes([0x30, 0x37])),
  );
  const long = builder.sequence(builder.text("u"), notSurrogate, hex, hex);
  return builder.sequence(builder.text("\\"), builder.choice(short, long));
}

type Pair = readonly [low: number, high: number];

function between(first: string, last: string): Pair {
  return [first.charCodeAt(0), last.charCodeAt(0)];
}

function same(character: string): Pair {
  return between(character, character);
}

const DIGIT: Pair = [0x30, 0x39];
const NOT_ZERO: Pair = [0x31, 0x39];

function integerPart(builder: GrammarBuilder): Part {
  const digits = builder.repeat(builder.bytes(DIGIT), 0, MOST_DIGITS - 1);
  const whole = builder.choice(builder.text("0"), builder.sequence(builder.bytes(NOT_ZERO), digits));
  return builder.sequence(builder.optional(builder.text("-")), whole);
}

function numberPart(builder: GrammarBuilder, integer: Part): Part {
  const digit = builder.bytes(DIGIT);
  const fraction = builder.sequence(builder.text("."), builder.repeat(digit, 1, MOST_DIGITS));
  const sign = builder.bytes(same("+"), same("-"));
  const exponent = builder.sequence(
    builder.bytes(same("e"), same("E")),
    builder.optional(sign),
    builder.repeat(digit, 1, 2),
  );
  return builder.sequence(integer, builder.optional(fraction), builder.optional(exponent));
}
