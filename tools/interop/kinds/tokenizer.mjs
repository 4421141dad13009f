/** tokenizer.json: encodes and decodes texts, and compares with the native `tokenizers` library. */
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { completeTokenizer, createTokenizer } from "@slm/tokenizer";
import { reference } from "../programs.mjs";
import { TEXTS } from "../texts.mjs";

/**
 * A text counts as equal if both return the same ids and the same decoded text. slm rejects texts that contain a special token or
 * characters that are not in the vocabulary. The library must report the latter as unknown, too.
 */
/** @type {import("./kind.mjs").Kind} */
export async function tokenizer(file, { eos, config }, { cache }) {
  const json = JSON.parse(await readFile(file, "utf8"));
  const beside = config === undefined ? {} : JSON.parse(await readFile(join(dirname(file), config), "utf8"));
  const files = completeTokenizer(json, eos === undefined ? beside : { ...beside, eos_token: eos }, {}, file);
  const ours = createTokenizer(files);
  const unknown = ours.tokens.unknown;
  const answers = TEXTS.map((text) => attempt(ours, text));
  const theirs = await reference(cache, "tokenizer", {
    file,
    texts: TEXTS,
    ids: answers.map(({ ids }) => ids ?? []),
    cleanUp: files.config.clean_up_tokenization_spaces ?? false,
  });
  const counts = { same: 0, spelt: 0, unknown: 0 };
  const differ = [];
  for (const [index, text] of TEXTS.entries()) {
    const { ids = [], decoded, reason } = answers[index] ?? {};
    const { ids: expected, decoded: expectedText } = theirs.texts[index];
    if (reason?.includes("special token")) counts.spelt++;
    else if (reason !== undefined && (expected.includes(unknown) || expected.length === 0)) counts.unknown++;
    else if (reason === undefined && ids.join() === expected.join() && decoded === expectedText)
      counts.same++;
    else differ.push({ text, reason, ids, expected, decoded, expectedText });
  }
  return {
    read: `${json.model.type ?? "BPE"}, ${ours.vocabularySize} tokens`,
    run: `${TEXTS.length} texts`,
    compared: differ.length === 0,
    reference: `tokenizers ${theirs.version}`,
    figures: `${counts.same} equal, ${counts.unknown} unknown to both, ${counts.spelt} contain a special token, ${differ.length} differ`,
    differ,
  };
}

/** @returns {{ ids?: readonly number[], decoded?: string, reason?: string }} */
function attempt(/** @type {import("@slm/tokenizer").Tokenizer} */ ours, /** @type {string} */ text) {
  try {
    const ids = ours.encodeTarget(text);
    return { ids, decoded: ours.decode(ids) };
  } catch (error) {
    return { reason: error instanceof Error ? error.message : String(error) };
  }
}
