import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder, withCode } from "@slm/core/testing";
import { describe, expect, test } from "vitest";
import { decodeImage } from "./decode-image.js";
import { imageOfBytes, imageOfFile } from "./image-source.js";
import { fixture } from "../pixels.test-support.js";

const folder = temporaryFolder();

const bytes = fixture("files/colour.png");

describe(imageOfFile, () => {
  test("is identified by its bytes, wherever they are, and read on demand", async () => {
    const file = join(folder, "later.bin");
    const image = imageOfFile(file);
    await expect(image.find()).rejects.toMatchObject({ code: "INPUT_MISSING" });
    await writeFile(file, bytes);
    const found = await image.find();
    expect(found.key).toBe((await imageOfBytes(bytes, "here").find()).key);
    expect(await found.decode()).toEqual(await decodeImage(bytes, file));
    await writeFile(file, fixture("files/grey.png"));
    expect((await image.find()).key).not.toBe(found.key);
  });

  test("keeps the limits it was given, before decoding and by name", async () => {
    const file = join(folder, "large.png");
    await writeFile(file, bytes);
    await expect(imageOfFile(file, { maxBytes: 10 }).find()).rejects.toThrow(withCode("DATA_INVALID"));
    const found = await imageOfFile(file, { maxPixels: 10 }).find();
    await expect(found.decode()).rejects.toMatchObject({ code: "DATA_INVALID" });
  });
});
