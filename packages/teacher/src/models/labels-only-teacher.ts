/** A `Teacher` with the student's vocabulary for a server or a program. Functions that need weights fail. */
import { SlmError } from "@slm/core";
import type { Tokenizer } from "@slm/tokenizer";
import type { Teacher } from "./teacher.js";

/** Longest source and target. Only the student limits rows. */
const MOST_TOKENS = 1 << 16;

/** @param score looks up distributions. Default: fails */
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
      "teacher: a server or a program has no local weights, so it can only label sources",
    ),
  );
