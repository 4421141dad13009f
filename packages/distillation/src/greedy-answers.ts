/** A teacher's own greedy answers to rows. */
import { SlmError } from "@slm/core";
import { textRow, type Row } from "@slm/data";
import { decodeSources, type Teacher } from "@slm/teacher";
import type { Tokenizer } from "@slm/tokenizer";

export interface GreedyAnswersRequest {
  readonly teacher: Teacher;
  /** As the teacher reads sources and writes targets. */
  readonly tokenizer: Tokenizer;
  readonly rows: readonly Row[];
  readonly signal: AbortSignal;
}

/**
 * One answer per row; an empty one where the teacher cannot read the source: too long, or not in its vocabulary.
 *
 * @throws SlmError INTERRUPTED between batches.
 */
export async function greedyAnswers({
  teacher,
  tokenizer,
  rows,
  signal,
}: GreedyAnswersRequest): Promise<string[]> {
  const { maxSource } = teacher.config;
  const answers = rows.map(() => "");
  const readable: { readonly row: number; readonly tokens: Int32Array }[] = [];
  rows.forEach((row, index) => {
    const tokens = encoded(textRow(row).source, tokenizer);
    if (tokens !== undefined && tokens.length <= maxSource) readable.push({ row: index, tokens });
  });
  const decoded = await decodeSources({
    teacher,
    sources: readable.map(({ tokens }) => tokens),
    strategy: { kind: "greedy" },
    random: () => 0,
    signal,
  });
  readable.forEach(({ row }, index) => {
    answers[row] = tokenizer.decode(decoded[index]!.tokens);
  });
  return answers;
}

function encoded(text: string, tokenizer: Tokenizer): Int32Array | undefined {
  try {
    return Int32Array.from(tokenizer.encodeSource(text));
  } catch (error) {
    if (error instanceof SlmError && error.code === "DATA_INVALID") return undefined;
    throw error;
  }
}
