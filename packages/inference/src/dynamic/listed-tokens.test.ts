import { GRAPH_IO, LEXICAL_MASKED, LISTED } from "@slm/exported-model";
import { createHostTensor, type Runtime } from "@slm/runtime";
import { describe, expect, test } from "vitest";
import { logitsOutput, WholeLogits } from "./listed-tokens.js";

const IDS = { id: 1, dtype: "int64", shape: [2] } as const;

describe(WholeLogits, () => {
  test("puts logits of listed tokens at their ids and masks all others, in every row; reads the ids once", async () => {
    let downloads = 0;
    const download = (): ReturnType<Runtime["download"]> => {
      downloads++;
      return Promise.resolve(createHostTensor("int64", [2], BigInt64Array.of(1n, 3n)));
    };
    const whole = new WholeLogits({ download } as unknown as Runtime, { [LISTED.ids]: IDS }, 4);
    const listed = createHostTensor("float32", [2, 2], Float32Array.of(1, 2, 3, 4));
    const masked = Math.fround(LEXICAL_MASKED);
    for (let step = 0; step < 2; step++)
      expect([...(await whole.of(listed, LISTED.logits))]).toEqual([
        ...[masked, 1, masked, 2],
        ...[masked, 3, masked, 4],
      ]);
    expect(downloads).toBe(1);
  });

  test("leaves logits of the whole vocabulary unchanged, and rejects logits of another type", async () => {
    const whole = new WholeLogits({} as unknown as Runtime, {}, 2);
    const logits = createHostTensor("float32", [1, 2], Float32Array.of(5, 6));
    expect(await whole.of(logits, GRAPH_IO.logits)).toBe(logits.data);
    const other = createHostTensor("int32", [1, 2]);
    await expect(whole.of(other, GRAPH_IO.logits)).rejects.toMatchObject({ code: "SHAPE_MISMATCH" });
  });
});

test("a decoder's logits are the listed ones where it returns such", () => {
  expect(logitsOutput({ outputNames: [GRAPH_IO.logits] })).toBe(GRAPH_IO.logits);
  expect(logitsOutput({ outputNames: [LISTED.logits, GRAPH_IO.bestIds] })).toBe(LISTED.logits);
});
