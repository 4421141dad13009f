/**
 * Greedy answers under a constraint. The decoder picks tokens itself while the constraint accepts them. The answers must equal
 * those of checking all possible tokens at every step. Models with random weights violate the constraint, some answers early and some late.
 */
import type { TokenConstraint } from "@slm/generation";
import { describe, expect, test } from "vitest";
import { LetterModels, MODELS, decoderOnly, random, sourcesOf, told } from "./letter-models.js";

/** Number of tokens after which the first tokens of an answer are forbidden. */
const FREE = 4;
const ODD = Array.from({ length: random.vocabularySize / 2 }, (_, at) => 2 * at + 1);

/**
 * Forbids odd first tokens, repeated tokens, and the first two tokens later in the answer.
 *
 * @param isQuick whether `allows` accepts single tokens without computing the mask
 */
function noReturn(isQuick: boolean, said: readonly number[] = []): TokenConstraint {
  const [last] = said.slice(-1);
  const forbidden = last === undefined ? ODD : [last, ...(said.length < FREE ? [] : said.slice(0, 2))];
  return {
    allows: (id) => isQuick && !forbidden.includes(id),
    mask: (scores) => {
      for (const id of forbidden) scores[id] = -Infinity;
    },
    after: (id) => noReturn(isQuick, [...said, id]),
  };
}

const models = new LetterModels();

async function expectConstrained(
  directory: string,
  sources: readonly string[],
  batchSize = 1,
): Promise<void> {
  const generator = await models.open(directory);
  const expected = await generator.generate(sources, { batchSize, constraint: () => noReturn(false) });
  const free = await generator.generate(sources, { batchSize });
  const found = await generator.generate(sources, { batchSize, constraint: () => noReturn(true) });
  expect(found.map(told)).toEqual(expected.map(told));
  expect(found.map(told)).not.toEqual(free.map(told));
  found.forEach(({ logProbability, stepsMs, tokens, finished, totalMs }, row) => {
    expect(logProbability).toBeCloseTo(expected[row]!.logProbability, 3);
    expect(stepsMs).toHaveLength(tokens.length + (finished ? 1 : 0));
    expect(stepsMs.at(-1)).toBe(totalMs);
  });
}

describe.each(Object.entries(MODELS))("%s", (_name, config) => {
  test.each([1, 4])("answers with the tokens that it allows in batches of %i", async (batchSize) => {
    const directory = await models.random(config, { target: "cpu" });
    await expectConstrained(directory, sourcesOf(25, config.maxSource, 3), batchSize);
  });
});

test.each([1, 4])(
  "a decoder-only model, which reads its prompt again, does so in batches of %i",
  async (batchSize) => {
    const directory = await models.random(decoderOnly, { target: "cpu" });
    await expectConstrained(directory, sourcesOf(25, decoderOnly.maxSource, 3), batchSize);
  },
);
