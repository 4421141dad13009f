/** tokenizer.json: read, then used on typical texts. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { loadTokenizer, trainBpeTokenizer } from "@slm/tokenizer";

export const limitMs = 2000;
const rows = ["dim the lights", "turn up the radio", "turn it off"].map((text) => ({
  source: text,
  target: text,
}));
const trained = () =>
  trainBpeTokenizer(rows, { vocabularySize: 300, minCount: 1, sourceLowercase: true, spaces: "joined" });

export async function seeds() {
  const { tokenizer } = await trained();
  const letters = Object.fromEntries(
    ["[pad]", "[bos]", "[eos]", "[unk]", "\u2581", "a", "b", "\u2581a"].map((one, id) => [one, id]),
  );
  const small = {
    ...tokenizer,
    normalizer: {
      type: "Sequence",
      normalizers: [{ type: "NFKC" }, { type: "Replace", pattern: { Regex: " {2,}" }, content: " " }],
    },
    pre_tokenizer: { type: "Metaspace", replacement: "\u2581", prepend_scheme: "always", split: true },
    decoder: { type: "Metaspace", replacement: "\u2581", prepend_scheme: "always", split: true },
    model: { type: "BPE", unk_token: "[unk]", vocab: letters, merges: [["\u2581", "a"]] },
  };
  const unigram = {
    ...small,
    model: { type: "Unigram", unk_id: 3, vocab: Object.keys(letters).map((one, at) => [one, -at]) },
  };
  return [small, unigram, tokenizer].map((one) => Buffer.from(JSON.stringify(one)));
}

export async function open(/** @type {string} */ folder) {
  const { config } = await trained();
  await writeFile(join(folder, "tokenizer_config.json"), JSON.stringify({ ...config, unknown_text: "kept" }));
  return async (/** @type {Uint8Array} */ bytes) => {
    await writeFile(join(folder, "tokenizer.json"), bytes);
    const tokenizer = await loadTokenizer(folder);
    for (const text of ["dim the  lights", "a".repeat(400), "\u00e9\u{1f600}\n"])
      tokenizer.decode(tokenizer.encodeTarget(text));
  };
}
