import { expect, test } from "vitest";
import { parseGenerationSettings } from "../generation-settings.js";
import { applyRules, SeenTokens } from "./token-rules.js";

test("prefers ids of the source, then penalizes repeated ones, as transformers 4.57.1 does", () => {
  const { rules } = parseGenerationSettings(
    { encoder_repetition_penalty: 1.5, repetition_penalty: 1.25 },
    "generation_config.json",
  );
  const scores = Float32Array.of(1.5, -2, 0.25, -0.5, 3, -1);
  applyRules(scores, rules, new SeenTokens([0, 1]), { eos: 5, source: [1, 4, 4] });
  // EncoderRepetitionPenaltyLogitsProcessor(1.5, [[1, 4, 4]]), then RepetitionPenaltyLogitsProcessor(1.25) of [[0, 1]].
  const expected = [1.2000000476837158, -1.6666667461395264, 0.25, -0.5, 4.5, -1];
  expected.forEach((value, id) => {
    expect(scores[id]).toBeCloseTo(value, 6);
  });
});
