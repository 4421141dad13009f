import { describe, expect, test } from "vitest";
import { decode } from "./decode.js";
import type { Strategy } from "./options.js";
import type { StepDecoder, TopTokens } from "./step-decoder.js";

const [EOS, PAD, BOS, OTHER_END, WORD] = [0, 1, 2, 3, 4];
const VOCABULARY = 6;

/** Logits whose best token after n tokens is the n-th token of a row's script. */
class ScriptedDecoder implements StepDecoder {
  readonly vocabularySize = VOCABULARY;
  /** Tokens of each step. */
  readonly fed: number[][] = [];
  greedySteps?: NonNullable<StepDecoder["greedySteps"]>;

  readonly #scripts: readonly (readonly number[])[];

  constructor(scripts: readonly (readonly number[])[]) {
    this.#scripts = scripts;
  }

  get rows(): number {
    return this.#scripts.length;
  }

  step(tokens: Int32Array): Promise<Float32Array> {
    const at = this.fed.push([...tokens]) - 1;
    const logits = new Float32Array(this.rows * VOCABULARY);
    this.#scripts.forEach((script, row) => (logits[row * VOCABULARY + (script[at] ?? WORD)] = 5));
    return Promise.resolve(logits);
  }

  permuteRows(): Promise<void> {
    return Promise.resolve();
  }
}

const ids = { bos: BOS, eos: EOS, pad: PAD, maxTokens: 4 };
const rules = { furtherEnds: [OTHER_END] };
const greedy: Strategy = { kind: "greedy" };

describe("an end token in addition to EOS", () => {
  test("ends its row, which reports it, and others continue", async () => {
    const decoder = new ScriptedDecoder([
      [WORD, OTHER_END],
      [WORD, WORD, EOS],
    ]);
    const decoded = await decode(decoder, { ...ids, strategy: greedy, rules });
    expect(decoded).toMatchObject([
      { tokens: [WORD], finished: true, end: OTHER_END, reason: "eos" },
      { tokens: [WORD, WORD], finished: true, end: EOS, reason: "eos" },
    ]);
    expect(decoder.fed.at(-1)).toEqual([PAD, WORD]);
  });

  test("is an ordinary token without the rule", async () => {
    const [row] = await decode(new ScriptedDecoder([[WORD, OTHER_END, EOS]]), { ...ids, strategy: greedy });
    expect(row).toMatchObject({ tokens: [WORD, OTHER_END], end: EOS });
  });

  test("completes a hypothesis of a beam search", async () => {
    const script = [WORD, OTHER_END];
    const strategy: Strategy = { kind: "beam", beams: 2, lengthPenalty: 1 };
    const [row] = await decode(new ScriptedDecoder([script, script]), { ...ids, strategy, rules });
    expect(row).toMatchObject({ tokens: [WORD], finished: true, end: OTHER_END });
  });

  test("is not generated before the minimum number of tokens", async () => {
    const decoder = new ScriptedDecoder([[OTHER_END, OTHER_END, OTHER_END]]);
    const [row] = await decode(decoder, { ...ids, strategy: greedy, rules: { ...rules, minTokens: 2 } });
    expect(row).toMatchObject({ tokens: [PAD, PAD], end: OTHER_END });
  });

  test("ends the one row of a decoder that picks tokens itself; several rows are picked from here", async () => {
    const picking = (rows: number): ScriptedDecoder => {
      const decoder = new ScriptedDecoder(Array.from({ length: rows }, () => [WORD, OTHER_END, EOS]));
      decoder.greedySteps = async function* (): AsyncGenerator<TopTokens> {
        for (const token of [WORD, OTHER_END, EOS])
          yield await Promise.resolve({ ids: Int32Array.of(token), logProbabilities: Float32Array.of(-1) });
      };
      return decoder;
    };
    const one = picking(1);
    await expect(decode(one, { ...ids, strategy: greedy, rules })).resolves.toMatchObject([
      { tokens: [WORD], end: OTHER_END, logProbability: -2 },
    ]);
    expect(one.fed).toEqual([]);
    const two = picking(2);
    await expect(decode(two, { ...ids, strategy: greedy, rules })).resolves.toMatchObject([
      { tokens: [WORD], end: OTHER_END },
      { tokens: [WORD], end: OTHER_END },
    ]);
    expect(two.fed).toHaveLength(2);
  });
});
