/** What of a `tokenizer.json` is handed to the library: the rest is our own, or rejected. */
import type { TokenizerJson } from "../tokenizer-files.js";
import { isComponent, reject, type Component } from "./component.js";
import { prependScheme } from "./pre-tokenizers.js";

/** Normalizers that the library has, for the added tokens that it looks for in normalized text. */
const KNOWN_NORMALIZERS: ReadonlySet<string> = new Set([
  ...["NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "Strip", "Prepend", "Replace"],
  ...["Precompiled", "BertNormalizer", "Sequence"],
]);

/** The file as the library should take it. */
export function asWritten(tokenizer: TokenizerJson): object {
  const { normalizer, decoder } = tokenizer;
  return {
    ...tokenizer,
    normalizer: normalizer === null ? null : knownParts(normalizer),
    pre_tokenizer: null,
    decoder: decoder === null ? null : decoderAsWritten(decoder),
  };
}

function knownParts(component: Component): Component | null {
  if (!KNOWN_NORMALIZERS.has(component.type)) return null;
  const { normalizers } = component;
  if (component.type !== "Sequence" || !Array.isArray(normalizers)) return component;
  return { ...component, normalizers: normalizers.filter(isComponent).map(knownParts) };
}

/** The library's Metaspace takes the first space away whatever the file says. */
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
 * Settings of a model that the library does not know, and would pass over.
 *
 * @throws SlmError DATA_INVALID
 */
export function checkModel(model: TokenizerJson["model"]): void {
  const prefix = model["continuing_subword_prefix"];
  if ("merges" in model && typeof prefix === "string" && prefix !== "")
    throw reject(`BPE with a continuing_subword_prefix ('${prefix}') is not supported`);
}
