/** Compares how a teacher tokenizes sources with the run's vocabulary and with its own vocabulary. */
import { SlmError } from "@slm/core/errors";
import type { StageContext } from "@slm/core";
import { DATA_FILES, readRows, textRow } from "@slm/data";
import {
  createTokenizer,
  readTokenizerFiles,
  SOURCE_MARK,
  tokenTexts,
  type TokenizerFiles,
} from "@slm/tokenizer";
import { join } from "node:path";
import { openExternalTokenizer } from "@slm/models/published";

/** Mean length of a source with its prompt, in the teacher's own tokens and in the run's. */
export interface SharedReading {
  readonly tokensPerSource: { readonly own: number; readonly run: number };
}

/** Number of training rows to compare. */
const ROWS = 100;

/**
 * Tokenizes the first sources and their prompt with both vocabularies. The run's vocabulary may split text into smaller pieces, which the
 * teacher has seen less often, so differences are reported.
 *
 * @param source the teacher's model: an external one or a checkpoint
 * @param directory the teacher with the run's vocabulary, and its prompt
 * @throws SlmError CONFIG_INVALID if the run's vocabulary lacks a special token of the prompt, because it would be split into letters.
 */
export async function comparePrompts(
  source: string,
  directory: string,
  dataDirectory: string,
  { progress }: Pick<StageContext, "progress">,
): Promise<SharedReading> {
  const run = await readTokenizerFiles(directory);
  const { tokenizer } = await openExternalTokenizer(source);
  const own: TokenizerFiles = { tokenizer, config: run.config };
  rejectLostTokens(own, run);
  const [ownReader, runReader] = [createTokenizer(own), createTokenizer(run)];
  const [ownTexts, runTexts] = [tokenTexts(own), new Set(tokenTexts(run))];
  const lost = new Set<string>();
  let [count, before, after] = [0, 0, 0];
  for await (const row of readRows(join(dataDirectory, DATA_FILES.train))) {
    const text = textRow(row).source;
    const ids = ownReader.encodeSource(text);
    for (const id of ids) if (!runTexts.has(ownTexts[id])) lost.add(ownTexts[id]!);
    before += ids.length;
    after += runReader.encodeSource(text).length;
    count += 1;
    if (count === ROWS) break;
  }
  const tokensPerSource = { own: before / count, run: after / count };
  if (lost.size > 0) {
    const shown = [...lost].slice(0, 8).map((text) => JSON.stringify(text));
    progress({
      stage: "teacher",
      message:
        `the run's vocabulary lacks ${lost.size} tokens of the prompt and sources, which are split into smaller pieces: ${shown.join(", ")}; ` +
        keepAdvice(run),
    });
  }
  return { tokensPerSource };
}

const keepAdvice = ({ config: { source } }: TokenizerFiles): string =>
  `tokenizer.prune.keep: [${JSON.stringify(`${source.before ?? ""}${SOURCE_MARK}${source.after ?? ""}`)}] keeps them`;

function rejectLostTokens(own: TokenizerFiles, run: TokenizerFiles): void {
  const { before = "", after = "" } = run.config.source;
  const kept = new Set(tokenTexts(run));
  const lost = own.tokenizer.added_tokens.find(
    ({ content, special }) =>
      special === true && !kept.has(content) && (before.includes(content) || after.includes(content)),
  );
  if (lost === undefined) return;
  throw new SlmError(
    "CONFIG_INVALID",
    `teacher: the prompt contains the special token ${lost.content}, which this run's vocabulary lacks`,
    { context: { token: lost.content }, suggestions: [keepAdvice(run)] },
  );
}
