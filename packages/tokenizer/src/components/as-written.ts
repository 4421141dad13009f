/** The part of a `tokenizer.json` that is passed to the library. slm implements the rest itself, or rejects it. */
import type { TokenizerJson } from "../files/tokenizer-files.js";
import { isComponent, type Component } from "./component.js";
import { reject } from "../patterns/reject.js";
import { prependScheme } from "./pre-tokenizers.js";

/** The file as the library reads it. */
export function asWritten(tokenizer: TokenizerJson): object {
  const { decoder } = tokenizer;
  return {
    ...tokenizer,
    normalizer: null,
    pre_tokenizer: null,
    decoder: decoder === null ? null : decoderAsWritten(decoder),
  };
}

/** Works around the library's Metaspace decoder, which always removes the first space. */
function decoderAsWritten(component: Component): Component {
  const { decoders } = component;
  if (component.type === "Sequence" && Array.isArray(decoders))
    return { ...component, decoders: decoders.filter(isComponent).map(decoderAsWritten) };
  if (component.type !== "Metaspace" || prependScheme(component) !== "never") return component;
  const sign = { String: component["replacement"] ?? "\u2581" };
  return {
    type: "Sequence",
    decoders: [{ type: "Replace", pattern: sign, content: " " }, { type: "Fuse" }],
  };
}

/**
 * Rejects model settings that the library would ignore.
 *
 * @throws SlmError DATA_INVALID
 */
export function checkModel(model: TokenizerJson["model"]): void {
  const prefix = model["continuing_subword_prefix"];
  if ("merges" in model && typeof prefix === "string" && prefix !== "")
    throw reject(`BPE with a continuing_subword_prefix ('${prefix}') is not supported`);
}
