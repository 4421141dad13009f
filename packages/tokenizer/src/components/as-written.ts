/** The part of a `tokenizer.json` that is passed to the library; the rest is implemented here, or rejected. */
import type { TokenizerJson } from "../tokenizer-files.js";
import { isComponent, reject, type Component } from "./component.js";
import { prependScheme } from "./pre-tokenizers.js";

/** Normalizers that the library supports; it needs them to match added tokens in normalized text. */
const KNOWN_NORMALIZERS: ReadonlySet<string> = new Set([
  ...["NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "Strip", "Prepend", "Replace"],
  ...["Precompiled", "BertNormalizer", "Sequence"],
]);

/** The file as the library gets it. */
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
 * Rejects settings of a model that the library would ignore.
 *
 * @throws SlmError DATA_INVALID
 */
export function checkModel(model: TokenizerJson["model"]): void {
  const prefix = model["continuing_subword_prefix"];
  if ("merges" in model && typeof prefix === "string" && prefix !== "")
    throw reject(`BPE with a continuing_subword_prefix ('${prefix}') is not supported`);
}
