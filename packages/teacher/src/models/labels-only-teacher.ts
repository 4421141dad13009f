/** A teacher that is not on this machine, as a `Teacher` over the student's vocabulary: whatever needs its weights fails. */
import { SlmError } from "@slm/core";
import type { Tokenizer } from "@slm/tokenizer";
import type { Teacher } from "./teacher.js";

/** Longest source and target: rows are limited by the student alone. */
const MOST_TOKENS = 1 << 16;

/** @param score where distributions can be looked up. Default: it fails, as the rest does */
export function labelsOnlyTeacher(
  { vocabularySize, tokens }: Pick<Tokenizer, "vocabularySize" | "tokens">,
  score: Teacher["score"] = unable,
): Teacher {
  return {
    config: { vocabularySize, tokens, maxSource: MOST_TOKENS, maxTarget: MOST_TOKENS },
    parameters: 0,
    score,
    generate: unable,
    decode: unable,
    start: unable,
    close: () => Promise.resolve(),
  };
}

const unable = (): Promise<never> =>
  Promise.reject(
    new SlmError(
      "CONFIG_INVALID",
      "teacher: a server or a program has no weights here, so it can only label sources",
    ),
  );
