import { decode } from "@slm/model";
import { compute, int32 } from "@slm/model/testing";
import { type Checkpoint } from "@slm/checkpoints";
import { describe, expect, test } from "vitest";
import { groupHeads } from "./head-order.js";
import { decoderOnly, randomCheckpoint } from "../tiny-checkpoint.test-support.js";

async function hiddenStates({ config, weights }: Checkpoint): Promise<Float32Array> {
  const feeds = { ...Object.fromEntries(weights), ids: int32([2, 3], [1, 5, 9, 4, 4, 2]) };
  const { hidden } = await compute(feeds, (x) => ({ hidden: decode(config, x, x["ids"]!) }), ["hidden"]);
  return hidden!.data as Float32Array;
}

describe(groupHeads, () => {
  test.each([
    [6, 2],
    [6, 3],
    [4, 4],
    [3, 1],
  ])("computes the same with %d query and %d key/value heads", async (heads, kvHeads) => {
    const modulo = randomCheckpoint({
      ...decoderOnly,
      heads,
      kvHeads,
      headDim: 4,
      headOrder: "modulo" as const,
    });
    const grouped = groupHeads(modulo);
    expect(grouped.config.headOrder).toBe("grouped");
    const expected = await hiddenStates(modulo);
    const actual = await hiddenStates(grouped);
    // Only the order of the sum over heads differs.
    actual.forEach((value, index) => {
      expect(value).toBeCloseTo(expected[index]!, 5);
    });
  });

  test("passes every other weight on, and a grouped model whole", () => {
    const modulo = randomCheckpoint({ ...decoderOnly, headOrder: "modulo" as const });
    const moved = groupHeads(modulo).weights;
    const touched = [...moved]
      .filter(([name, weight]) => weight !== modulo.weights.get(name))
      .map(([name]) => name);
    expect(touched.every((name) => /attention\.(query\.(weight|bias)|output\.weight)$/.test(name))).toBe(
      true,
    );
    expect(touched).toHaveLength(6);
    const grouped = randomCheckpoint(decoderOnly);
    expect(groupHeads(grouped).weights).toBe(grouped.weights);
  });
});
