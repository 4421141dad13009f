/** `tokenizer.json` of a byte-level BPE (`tokenizer.ggml.model` = gpt2): the file's merges, its cutter from the table. */
import type { GgufFile } from "../file/gguf-file.js";
import { invalid } from "../file/invalid.js";
import { shown } from "../file/metadata.js";
import { PRE_TOKENIZERS } from "./pre-tokenizers.js";
import type { TokenizerParts } from "./tokenizer-parts.js";
import { texts, type Vocabulary } from "./vocabulary.js";

/** @throws SlmError DATA_INVALID for an unknown cutter or merges that do not fit the vocabulary */
export function byteLevelParts(source: GgufFile, vocabulary: Vocabulary): TokenizerParts {
  const name = source.metadata.get("tokenizer.ggml.pre");
  if (typeof name !== "string" || !Object.hasOwn(PRE_TOKENIZERS, name)) {
    const got = name === undefined ? "missing" : `'${shown(String(name))}'`;
    throw invalid(
      source.file,
      `tokenizer.ggml.pre is ${got}, expected ${Object.keys(PRE_TOKENIZERS).join(", ")}`,
    );
  }
  const { normalizer, preTokenizer, ignoreMerges, addsBos } = PRE_TOKENIZERS[name]!;
  return {
    normalizer,
    preTokenizer,
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
    merges: checkedMerges(source, vocabulary),
    model: { unk_token: null, fuse_unk: false, byte_fallback: false, ignore_merges: ignoreMerges },
    addsBos,
  };
}

function checkedMerges(source: GgufFile, { idOf }: Vocabulary): (readonly [string, string])[] {
  return texts(source, "merges").map((merge, index) => {
    const [left, right, ...more] = merge.split(" ");
    const isKnown =
      left !== undefined &&
      right !== undefined &&
      [left, right, left + right].every((part) => idOf.has(part));
    if (!isKnown || more.length > 0) {
      throw invalid(source.file, `merge ${index} '${shown(merge)}' is not of two tokens that make a third`);
    }
    return [left, right];
  });
}
