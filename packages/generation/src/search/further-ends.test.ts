import { describe, expect, test } from "vitest";
import { decode } from "./decode.js";
import type { Strategy } from "./options.js";
import { PrefixDecoder } from "./prefix-decoder.test-support.js";
import type { TopTokens } from "./step-decoder.js";

const [EOS, PAD, BOS, OTHER_END, WORD] = [0, 1, 2, 3, 4];
const VOCABULARY = 6;

/** A decoder whose best token after n tokens is the n-th token of a row's script. */
const scripted = (scripts: readonly (readonly number[])[]): PrefixDecoder =>
  new PrefixDecoder(
    scripts.length,
    VOCABULARY,
    (row) => (prefix) =>
      Array.from({ length: VOCABULARY }, (_, id) => (id === (scripts[row]![prefix.length] ?? WORD) ? 5 : 0)),
  );

const ids = { bos: BOS, eos: EOS, pad: PAD, maxTokens: 4 };
const rules = { furtherEnds: [OTHER_END] };
const greedy: Strategy = { kind: "greedy" };

describe("an end token in addition to EOS", () => {
  test("ends its row, which reports it, and others continue", async () => {
    const decoder = scripted([
      [WORD, OTHER_END],
      [WORD, WORD, EOS],
    ]);
    const decoded = await decode(decoder, { ...ids, strategy: greedy, rules });
    expect(decoded).toMatchObject([
      { tokens: [WORD], finished: true, end: OTHER_END, reason: "eos" },
      { tokens: [WORD, WORD], finished: true, end: EOS, reason: "eos" },
    ]);
    expect(decoder.fed.map((row) => row.at(-1))).toEqual([PAD, WORD]);
  });

  test("is an ordinary token without the rule", async () => {
    const [row] = await decode(scripted([[WORD, OTHER_END, EOS]]), { ...ids, strategy: greedy });
    expect(row).toMatchObject({ tokens: [WORD, OTHER_END], end: EOS });
  });

  test("completes a hypothesis of a beam search", async () => {
    const script = [WORD, OTHER_END];
    const strategy: Strategy = { kind: "beam", beams: 2, lengthPenalty: 1 };
    const [row] = await decode(scripted([script, script]), { ...ids, strategy, rules });
    expect(row).toMatchObject({ tokens: [WORD], finished: true, end: OTHER_END });
  });

  test("is not generated before the minimum number of tokens", async () => {
    const decoder = scripted([[OTHER_END, OTHER_END, OTHER_END]]);
    const [row] = await decode(decoder, { ...ids, strategy: greedy, rules: { ...rules, minTokens: 2 } });
    expect(row).toMatchObject({ tokens: [PAD, PAD], end: OTHER_END });
  });

  test("ends the one row of a decoder that picks tokens itself; several rows are picked from here", async () => {
    const picking = (rows: number): PrefixDecoder =>
      Object.assign(scripted(Array.from({ length: rows }, () => [WORD, OTHER_END, EOS])), {
        greedySteps: async function* (): AsyncGenerator<TopTokens> {
          for (const token of [WORD, OTHER_END, EOS])
            yield await Promise.resolve({ ids: Int32Array.of(token), logProbabilities: Float32Array.of(-1) });
        },
      });
    const one = picking(1);
    await expect(decode(one, { ...ids, strategy: greedy, rules })).resolves.toMatchObject([
      { tokens: [WORD], end: OTHER_END, logProbability: -2 },
    ]);
    expect(one.steps).toBe(0);
    const two = picking(2);
    await expect(decode(two, { ...ids, strategy: greedy, rules })).resolves.toMatchObject([
      { tokens: [WORD], end: OTHER_END },
      { tokens: [WORD], end: OTHER_END },
    ]);
    expect(two.steps).toBe(2);
  });
});
