import { createEagerEngine, type Engine } from "@slm/tensor";
import { decode, parseModelConfig, type DecoderOnlyConfig } from "@slm/model";
import { type Checkpoint } from "@slm/checkpoints";
import { createHostTensor } from "@slm/runtime";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { groupHeads } from "./head-order.js";
import { decoderOnly, randomCheckpoint } from "../tiny-checkpoint.test-support.js";

async function hiddenStates(engine: Engine, { config, weights }: Checkpoint): Promise<Float32Array> {
  const feeds = {
    ...Object.fromEntries(weights),
    ids: createHostTensor("int32", [2, 3], Int32Array.of(1, 5, 9, 4, 4, 2)),
  };
  const inputs = Object.fromEntries(
    Object.entries(feeds).map(([name, { dtype, shape }]) => [
      name,
      { dtype: dtype as "float32" | "int32", shape },
    ]),
  );
  const program = await engine.compile({
    name: "decode",
    inputs,
    build: (tensors) => ({ hidden: decode(config, tensors, tensors["ids"]!) }),
  });
  return (await program.run({ feeds, fetch: ["hidden"] })).fetched["hidden"]!.data as Float32Array;
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
    const engine = await createEagerEngine("js");
    const grouped = groupHeads(modulo);
    expect(grouped.config.headOrder).toBe("grouped");
    const expected = await hiddenStates(engine, modulo);
    const actual = await hiddenStates(engine, grouped);
    // Only the order of the sum over heads differs.
    actual.forEach((value, index) => {
      expect(value).toBeCloseTo(expected[index]!, 5);
    });
  });

  test("moves whole heads: every row and column is there once, next to the KV head it reads", () => {
    const layouts = fc.record({
      group: fc.integer({ min: 1, max: 4 }),
      kvHeads: fc.integer({ min: 1, max: 4 }),
    });
    fc.assert(
      fc.property(layouts, ({ group, kvHeads }) => {
        const config: DecoderOnlyConfig = {
          ...decoderOnly,
          heads: group * kvHeads,
          kvHeads,
          headDim: 2,
          headOrder: "modulo",
        };
        const { weights } = randomCheckpoint(config, 3);
        const moved = groupHeads({ config, weights }).weights;
        const name = "decoder.layers.0.attention";
        for (let place = 0; place < config.heads; place++) {
          const head = Array.from({ length: config.heads }, (_, index) => index).find(
            (index) =>
              index % kvHeads === Math.floor(place / group) && Math.floor(index / kvHeads) === place % group,
          )!;
          for (const [suffix, axis] of [
            ["query.weight", 0],
            ["query.bias", 0],
            ["output.weight", 1],
          ] as const) {
            const block = (source: Checkpoint["weights"], at: number): number[] => {
              const { shape, data } = source.get(`${name}.${suffix}`)!;
              const columns = shape[1] ?? 1;
              return Array.from(data as Float32Array).filter((_, index) => {
                const position = axis === 0 ? Math.floor(index / columns) : index % columns;
                return Math.floor(position / config.headDim) === at;
              });
            };
            expect(block(moved, place)).toEqual(block(weights, head));
          }
        }
      }),
      { numRuns: 20 },
    );
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

  test("leaves a configuration that is valid", () => {
    const { config } = groupHeads(randomCheckpoint({ ...decoderOnly, headOrder: "modulo" as const }));
    expect(parseModelConfig(config, "test")).toEqual({ ...decoderOnly, headOrder: "grouped" });
  });
});
