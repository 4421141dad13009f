import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { SlmError } from "@slm/core";
import { describe, expect, test } from "vitest";
import { readMarian } from "./marian-file.js";
import {
  floats,
  integers,
  marianBytes,
  settingsItem,
  tinyModel,
} from "./testing/marian-bytes.test-support.js";

const folder = temporaryFolder();
const file = join(folder, "model.bin");

const SETTINGS = settingsItem("type: transformer\n");
const WHOLE = [integers("W", [2, 3], [1, -2, 3, -4, 5, -6], 4), floats("b", [1, 3], [0.5, -1, 2]), SETTINGS];

async function rejection(bytes: Uint8Array): Promise<string> {
  await writeFile(file, bytes);
  const error = await readMarian(file).then(
    async ({ tensors }) => {
      for (const tensor of tensors) await tensor.read();
      return undefined;
    },
    (caught: unknown) => caught,
  );
  expect(error).toBeInstanceOf(SlmError);
  expect((error as SlmError).code).toBe("DATA_INVALID");
  return (error as SlmError).message;
}

describe(readMarian, () => {
  test("gives tensors, 8-bit ones divided by their factor, and the settings without the final zero byte", async () => {
    await writeFile(file, marianBytes(WHOLE));
    const { tensors, settings } = await readMarian(file);
    expect(settings).toBe("type: transformer\n");
    expect(tensors.map(({ name, shape, type }) => [name, shape, type])).toEqual([
      ["W", [2, 3], "intgemm8"],
      ["b", [1, 3], "float32"],
    ]);
    expect([...(await tensors[0]!.read())]).toEqual([0.25, -0.5, 0.75, -1, 1.25, -1.5]);
    expect([...(await tensors[1]!.read())]).toEqual([0.5, -1, 2]);
  });

  test.each<readonly [string, Uint8Array, RegExp]>([
    ["another version", marianBytes(WHOLE, 2n), /version is 2, expected 1/],
    ["no settings", marianBytes(WHOLE.slice(0, 2)), /no item 'special:model.yml'/],
    ["a name twice", marianBytes([WHOLE[0]!, WHOLE[0]!, SETTINGS]), /item 'W' occurs twice/],
    [
      "a type for one processor",
      marianBytes([{ ...WHOLE[0]!, type: 0x5101 }, SETTINGS]),
      /type 0x5101, which is not supported/,
    ],
    ["an axis of 0", marianBytes([{ ...WHOLE[1]!, shape: [0, 3] }, SETTINGS]), /axis 0 of item 'b' is 0/],
    [
      "a negative axis",
      marianBytes([{ ...WHOLE[1]!, shape: [1, -3] }, SETTINGS]),
      /axis 1 of item 'b' is -3/,
    ],
    [
      "more numbers than bytes",
      marianBytes([{ ...WHOLE[1]!, shape: [1, 65] }, SETTINGS]),
      /has 256 bytes, expected at least 260 for float32 of shape \[1, 65\]/,
    ],
    ["five axes", marianBytes([{ ...WHOLE[1]!, shape: [1, 1, 1, 1, 3] }, SETTINGS]), /expected at most 4/],
    [
      "a name that is no ASCII text",
      marianBytes([{ ...WHOLE[1]!, name: "b\n" }, SETTINGS]),
      /not ASCII text/,
    ],
    [
      "settings that are no UTF-8",
      marianBytes([{ ...SETTINGS, data: Uint8Array.of(255, 0), shape: [2] }]),
      /not UTF-8/,
    ],
  ])("rejects %s", async (_, bytes, message) => {
    expect(await rejection(bytes)).toMatch(message);
  });

  test.each([0, -4, NaN, Infinity])("rejects weights that were multiplied by %d", async (factor) => {
    await writeFile(file, marianBytes([integers("W", [1, 2], [1, 2], factor), SETTINGS]));
    const { tensors } = await readMarian(file);
    await expect(tensors[0]!.read()).rejects.toMatchObject({ code: "DATA_INVALID" });
  });

  test("rejects a file cut short anywhere, or longer than its items", async () => {
    const whole = marianBytes(tinyModel());
    for (let end = 0; end < whole.length; end += 401) await rejection(whole.subarray(0, end));
    expect(await rejection(Buffer.concat([whole, Buffer.alloc(1)]))).toMatch(/items end at byte/);
  });

  test("a changed byte of its head gives an error of slm, or a file that is read", async () => {
    const whole = marianBytes(WHOLE);
    for (let at = 0; at < 200; at++)
      for (const value of [1, 255]) {
        const changed = Buffer.from(whole);
        changed[at] = value;
        await writeFile(file, changed);
        const outcome = await readMarian(file).then(
          () => undefined,
          (error: unknown) => error,
        );
        if (outcome !== undefined) expect(outcome).toBeInstanceOf(SlmError);
      }
  });
});
