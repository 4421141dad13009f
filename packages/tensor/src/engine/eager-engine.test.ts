import { SlmError } from "@slm/core";
import type { HostTensor } from "@slm/runtime";
import { beforeEach, describe, expect, test } from "vitest";
import { math } from "../math.js";
import { float32, int32, numbersOf } from "../test-support/numbers.test-support.js";
import { createEagerEngine } from "./eager-engine.js";
import type { Engine, ProgramDefinition } from "./program.js";

const doubling: ProgramDefinition = {
  name: "doubling",
  inputs: { x: { dtype: "float32", shape: [2, 2] } },
  build: ({ x }) => ({ twice: math.mul(x!, 2), total: math.sum(x!) }),
};

const square = (): HostTensor => float32([2, 2], [1, 2, 3, 4]);

let engine: Engine;
beforeEach(async () => {
  engine = await createEagerEngine("js");
});

async function failureOf(action: Promise<unknown>): Promise<SlmError> {
  const error: unknown = await action.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof SlmError) return error;
  throw new Error("an SlmError was expected");
}

describe("a run", () => {
  test("fetches, keeps and overwrites the requested tensors", async () => {
    const program = await engine.compile(doubling);
    const x = await engine.upload(square());
    const { fetched, kept } = await program.run({
      feeds: { x },
      fetch: ["total"],
      keep: ["twice"],
      into: { twice: x },
    });
    expect(numbersOf(fetched["total"]!)).toEqual([10]);
    expect(numbersOf(await engine.download(kept["twice"]!))).toEqual([2, 4, 6, 8]);
    expect(numbersOf(await engine.download(x))).toEqual([2, 4, 6, 8]);
  });

  test("names a missing input, a misshapen one, an unknown one and an unknown output", async () => {
    const program = await engine.compile(doubling);
    expect((await failureOf(program.run({ feeds: {} }))).message).toContain("input 'x' is missing");
    const misshapen = await failureOf(program.run({ feeds: { x: float32([4], [1, 2, 3, 4]) } }));
    expect(misshapen.message).toContain("float32[2,2], got float32[4]");
    const integers = await failureOf(program.run({ feeds: { x: int32([2, 2], [1, 2, 3, 4]) } }));
    expect(integers.code).toBe("SHAPE_MISMATCH");
    const extra = await failureOf(program.run({ feeds: { x: square(), y: square() } }));
    expect(extra.message).toContain("no input 'y'");
    const unknown = await failureOf(program.run({ feeds: { x: square() }, fetch: ["thrice"] }));
    expect(unknown.message).toContain("no output 'thrice'");
  });
});

describe("a device tensor", () => {
  test("is a copy: changing the host's array does not change it", async () => {
    const host = square();
    const tensor = await engine.upload(host);
    (host.data as Float32Array).fill(0);
    expect(numbersOf(await engine.download(tensor))).toEqual([1, 2, 3, 4]);
    ((await engine.download(tensor)).data as Float32Array).fill(9);
    expect(numbersOf(await engine.download(tensor))).toEqual([1, 2, 3, 4]);
  });

  test("has its rows put in a new order, repeated ones too", async () => {
    const tensor = await engine.upload(float32([3, 2], [1, 2, 3, 4, 5, 6]));
    await engine.permuteRows(tensor, [2, 2, 0]);
    expect(numbersOf(await engine.download(tensor))).toEqual([5, 6, 5, 6, 1, 2]);
  });

  test("rejects rows that it does not have", async () => {
    const tensor = await engine.upload(square());
    for (const rows of [[0], [0, 2], [0, -1], [0, 0.5]]) {
      const failure = await failureOf((async () => engine.permuteRows(tensor, rows))());
      expect(failure.code).toBe("SHAPE_MISMATCH");
    }
  });

  test("cannot be used after it was released, or by another engine", async () => {
    const tensor = await engine.upload(square());
    const other = await createEagerEngine("js");
    await other.upload(square());
    expect((await failureOf((async () => other.download(tensor))())).code).toBe("UNEXPECTED");
    await engine.release([tensor]);
    expect((await failureOf((async () => engine.download(tensor))())).code).toBe("UNEXPECTED");
  });
});
