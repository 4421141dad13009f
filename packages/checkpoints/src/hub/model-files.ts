/** Selects the files of a repository that a model needs, and checks the required ones. */
import { SlmError } from "@slm/core";
import { WEIGHTS_FILE, WEIGHTS_INDEX_FILE } from "../file-names.js";
import type { HubSource } from "./model-source.js";

export const CONFIG = "config.json";

/** PyTorch's weight files, which are downloaded if a repository has no safetensors. */
const PYTORCH: readonly RegExp[] = [
  /^pytorch_model\.bin$/,
  /^pytorch_model\.bin\.index\.json$/,
  /^pytorch_model-\d{5}-of-\d{5}\.bin$/,
];

/** One entry per file or kind of file that an importer reads; weights in other formats are not downloaded. */
const WANTED: readonly RegExp[] = [
  /^config\.json$/,
  /^generation_config\.json$/,
  /^preprocessor_config\.json$/,
  /^tokenizer\.json$/,
  /^tokenizer_config\.json$/,
  /^special_tokens_map\.json$/,
  /^chat_template\.jinja$/,
  // Tokenizers of encoder-decoders without tokenizer.json.
  /^(spiece|sentencepiece\.bpe|tokenizer)\.model$/,
  /^(source|target)\.spm$/,
  /^(target_)?vocab\.json$/,
  /^merges\.txt$/,
  /^model\.safetensors$/,
  /^model\.safetensors\.index\.json$/,
  /^model-\d{5}-of-\d{5}\.safetensors$/,
];

/**
 * The paths to download: the requested file, or all files of a model.
 *
 * @throws SlmError INPUT_MISSING if the repository lacks them
 */
export function modelFiles(source: HubSource, paths: readonly string[]): readonly string[] {
  const { repo, file } = source;
  if (file !== undefined) {
    if (paths.includes(file)) return [file];
    const alike = paths.filter((path) => path.endsWith(file.slice(file.lastIndexOf(".")))).slice(0, 5);
    throw new SlmError("INPUT_MISSING", `${repo} has no file '${file}'`, {
      context: { repo, file },
      suggestions: alike.map((path) => `hf:${repo}/${path}`),
    });
  }
  const pathsLike = (patterns: readonly RegExp[]): readonly string[] =>
    paths.filter((path) => patterns.some((pattern) => pattern.test(path)));
  const wanted = pathsLike(WANTED);
  const hasWeights = wanted.includes(WEIGHTS_FILE) || wanted.includes(WEIGHTS_INDEX_FILE);
  if (wanted.includes(CONFIG) && hasWeights) return wanted;
  const pytorch = pathsLike(PYTORCH);
  if (wanted.includes(CONFIG) && pytorch.length > 0) return [...wanted, ...pytorch];
  const files = paths.filter((path) => path.endsWith(".gguf"));
  throw new SlmError(
    "INPUT_MISSING",
    `${repo} has no ${wanted.includes(CONFIG) ? `${WEIGHTS_FILE} or ${WEIGHTS_INDEX_FILE}` : CONFIG}${
      files.length === 0 ? "" : `, but ${files.length} GGUF files: name one`
    }`,
    {
      context: { repo },
      suggestions: files.slice(0, 5).map((path) => `slm teacher import hf:${repo}/${path}`),
    },
  );
}
