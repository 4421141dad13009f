/** JSON Schemas of answers: compiled, then used to find the allowed first tokens. */
import { SlmError } from "@slm/core";
import { constrainTokens, jsonSchemaGrammar } from "@slm/generation";
import { tokenPieces, trainSymbolTokenizer } from "@slm/tokenizer";

export const seeds = () =>
  [
    {
      type: "object",
      properties: { a: { type: "string", maxLength: 5 }, b: { type: "integer" } },
      required: ["a"],
      additionalProperties: false,
    },
    {
      $ref: "#/$defs/n",
      $defs: {
        n: { anyOf: [{ type: "null" }, { type: "array", items: { $ref: "#/$defs/n" }, maxItems: 3 }] },
      },
    },
    { enum: ["a", 1, null, { b: [true] }] },
    { type: ["string", "number"], pattern: "^[a-c]{1,4}$" },
    {
      propertyNames: { enum: ["a", "b"] },
      additionalProperties: { type: "string", "x-copied": { joinedBy: " | " } },
    },
  ].map((value) => Buffer.from(JSON.stringify(value)));

export function open() {
  const letters = Array.from('{}[]",:abcdefghijklmnopqrstuvwxyz0123456789-.');
  const files = trainSymbolTokenizer({
    sources: ["\u2581"],
    targets: [letters.join(" ")],
    sourceLowercase: false,
  });
  const pieces = tokenPieces(files);
  return (/** @type {Uint8Array} */ bytes) => {
    let schema;
    try {
      schema = JSON.parse(Buffer.from(bytes).toString("utf8"));
    } catch (cause) {
      throw new SlmError("DATA_INVALID", "no JSON", { cause });
    }
    constrainTokens(jsonSchemaGrammar(schema, "play a song by é 東京"), pieces, { eos: 2 });
  };
}
