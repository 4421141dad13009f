/** Evaluates a teacher of any kind on the rows of a file, like `slm eval` for exported models. */
import { requireIntact, type StageContext } from "@slm/core";
import { createRandom, type Strategy } from "@slm/generation";
import { SlmError } from "@slm/core/errors";
import {
  PERPLEXITY,
  evaluateAnswers,
  type Answerer,
  type Evaluation,
  type EvaluationMetricName,
  type EvaluationRow,
} from "@slm/inference";
import { decodeSources, loadTeachers, teacherTokenizer, type Teacher } from "@slm/teacher";
import type { Engine } from "@slm/tensor";
import type { Tokenizer } from "@slm/tokenizer";

/** Rows per call. More rows allow batches of more similar lengths. */
const CHUNK_ROWS = 256;

interface TeacherQualityRequest {
  /** Directory of the teacher, as `loadTeachers` reads it. */
  readonly directory: string;
  readonly rows: readonly EvaluationRow[];
  readonly metrics: readonly EvaluationMetricName[];
  readonly strategy: Strategy;
  readonly engine: Engine;
  readonly context: Pick<StageContext, "progress" | "signal" | "seed">;
  /** File for the predictions, one line per row. */
  readonly predictionsPath: string;
}

/**
 * Answers every row and computes the metrics.
 *
 * @throws SlmError USAGE for perplexity; DATA_INVALID for a source that exceeds the teacher's limit or has an image; and as
 * `loadTeachers` and `evaluateAnswers`.
 */
export async function measureTeacher(
  request: TeacherQualityRequest,
): Promise<Evaluation & { readonly parameters: number }> {
  const { directory, rows, metrics, engine, context, predictionsPath } = request;
  if (metrics.includes(PERPLEXITY))
    throw new SlmError("USAGE", `teacher eval: ${PERPLEXITY} is not available for teachers`, {
      suggestions: ["slm eval CHECKPOINT --metrics perplexity"],
    });
  const tokenizer = await teacherTokenizer(directory);
  await requireIntact(directory);
  const teacher = await loadTeachers(engine, directory);
  try {
    const generator = answererOf(teacher, tokenizer, request);
    const { progress, signal } = context;
    const measured = await evaluateAnswers({
      generator,
      rows,
      metrics,
      batchSize: CHUNK_ROWS,
      total: rows.length,
      progress,
      signal,
      predictionsPath,
    });
    return { ...measured, parameters: teacher.parameters };
  } finally {
    await teacher.close();
  }
}

function answererOf(
  teacher: Teacher,
  tokenizer: Tokenizer,
  { strategy, context }: Pick<TeacherQualityRequest, "strategy" | "context">,
): Answerer {
  const random = createRandom(context.seed).next;
  const { maxSource } = teacher.config;
  return {
    generate: async (sources) => {
      const encoded = sources.map((source, index) => {
        const { text = "", image } = typeof source === "string" ? { text: source } : source;
        if (image !== undefined)
          throw new SlmError(
            "DATA_INVALID",
            `teacher eval: source ${index + 1} has an image, but teachers read text only`,
          );
        const tokens = Int32Array.from(tokenizer.encodeSource(text));
        if (tokens.length <= maxSource) return tokens;
        throw new SlmError(
          "DATA_INVALID",
          `teacher eval: source ${index + 1} has ${tokens.length} tokens, the teacher's limit is ${maxSource}`,
        );
      });
      const decoded = await decodeSources({
        teacher,
        sources: encoded,
        strategy,
        random,
        signal: context.signal,
      });
      return decoded.map(({ tokens }) => ({ text: tokenizer.decode(tokens) }));
    },
  };
}
