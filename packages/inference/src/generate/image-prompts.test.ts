import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import type { DeviceModel } from "@slm/exported-model";
import {
  MemoryModel,
  TINY,
  hashedLogits,
  tinyDeviceModel,
  tinyVisionModel,
  writeTinyModel,
} from "@slm/exported-model/testing";
import { SlmError } from "@slm/core";
import { temporaryFolder, withCode } from "@slm/core/testing";
import { loadTokenizer } from "@slm/tokenizer";
import type { ImageSource } from "@slm/vision";
import { describe, expect, test } from "vitest";
import { openGraphModel } from "./open-graph-model.js";

const { maxTarget: MAX_TARGET, tokens: TOKENS } = TINY;

/** A grey image of two pixels. `decoded` counts how often it is decoded. */
function image(key: string, ...samples: readonly [number, number]): ImageSource & { decoded: number } {
  const source = {
    decoded: 0,
    find: () =>
      Promise.resolve({
        key,
        decode: () => {
          source.decoded++;
          const data = Uint8Array.from(samples);
          return Promise.resolve({ width: 2, height: 1, channels: 1 as const, data });
        },
      }),
  };
  return source;
}

function expectedIds(source: readonly number[]): number[] {
  const ids: number[] = [];
  while (ids.length < MAX_TARGET) {
    const logits = hashedLogits(source, [TOKENS.bos, ...ids]);
    const next = logits.indexOf(Math.max(...logits));
    if (next === TOKENS.eos) break;
    ids.push(next);
  }
  return ids;
}

const root = temporaryFolder({ each: true });

async function written(model: DeviceModel): Promise<string> {
  const folder = await mkdtemp(join(root, "model-"));
  await writeTinyModel(folder, model);
  return folder;
}

describe("a vision-language model", () => {
  test("answers each text by its own image, whatever the batches", async () => {
    const folder = await written(tinyVisionModel());
    const tokenizer = await loadTokenizer(folder);
    const [dark, bright] = [image("dark", 0, 9), image("bright", 200, 255)];
    const questions = [
      { text: "abc", image: dark, samples: [0, 9] },
      { text: "abc", image: bright, samples: [200, 255] },
      { text: "d", image: bright, samples: [200, 255] },
      { text: "cdcdcd", image: dark, samples: [0, 9] },
    ];
    for (const batchSize of [1, 3, 16]) {
      const runtime = new MemoryModel();
      const generator = await openGraphModel(folder, runtime);
      const answers = await generator.generate(questions, { batchSize });
      expect(answers.map(({ tokens }) => tokens)).toEqual(
        questions.map(({ text, samples }) => expectedIds([...samples, ...tokenizer.encodeSource(text)])),
      );
      expect(answers.every(({ imageMs, firstTokenMs }) => imageMs! >= 0 && imageMs! <= firstTokenMs)).toBe(
        true,
      );
      // Each image is decoded once, however many questions are asked about it.
      expect(runtime.images.toSorted((a, b) => a[0]! - b[0]!)).toEqual([[0, 9], [200, 255]]); // prettier-ignore
      await generator.close();
      expect(runtime.loaded).toEqual([]);
    }
    expect([dark.decoded, bright.decoded]).toEqual([3, 3]);
  });

  test("evicts the least recently used image, and keeps none without a cache", async () => {
    const folder = await written(tinyVisionModel());
    const ask = async (keptImageBytes: number, ...keys: readonly string[]): Promise<number> => {
      const runtime = new MemoryModel();
      const generator = await openGraphModel(folder, runtime, { keptImageBytes });
      for (const key of keys) await generator.generate([{ text: "a", image: image(key, 1, 2) }]);
      return runtime.images.length;
    };
    const twoImages = 2 * 2 * Float32Array.BYTES_PER_ELEMENT;
    expect(await ask(twoImages, "a", "b", "a", "c", "a", "b")).toBe(4);
    expect(await ask(0, "a", "a")).toBe(2);
  });

  test("sees an image once for questions that overlap, and again after it could not be read", async () => {
    const folder = await written(tinyVisionModel());
    const runtime = new MemoryModel();
    const generator = await openGraphModel(folder, runtime);
    const good = image("good", 1, 2);
    await Promise.all([1, 2, 3].map(() => generator.generate([{ text: "a", image: good }])));
    expect([good.decoded, runtime.images.length]).toEqual([1, 1]);
    let isBroken = true;
    const flaky: ImageSource = {
      find: async () => {
        const found = await image("flaky", 3, 4).find();
        if (!isBroken) return found;
        return { ...found, decode: () => Promise.reject(new SlmError("DATA_INVALID", "corrupt")) };
      },
    };
    await expect(generator.generate([{ text: "a", image: flaky }])).rejects.toThrow(withCode("DATA_INVALID"));
    isBroken = false;
    expect(await generator.generate([{ text: "a", image: flaky }])).toHaveLength(1);
  });

  test("uses the default prompt for an image without text", async () => {
    const folder = await written(tinyVisionModel("abc"));
    const generator = await openGraphModel(folder, new MemoryModel());
    const asked = await generator.generate([
      { image: image("x", 5, 6) },
      { text: "abc", image: image("x", 5, 6) },
    ]);
    expect(asked[0]!.tokens).toEqual(asked[1]!.tokens);
    const silent = await openGraphModel(await written(tinyVisionModel()), new MemoryModel());
    await expect(silent.generate([{ image: image("x", 5, 6) }])).rejects.toThrow(withCode("DATA_INVALID"));
  });

  test("rejects texts without an image and texts that are too long with one; a text model rejects images", async () => {
    const seeing = await openGraphModel(await written(tinyVisionModel()), new MemoryModel());
    const picture = image("x", 5, 6);
    await expect(seeing.generate(["abc"])).rejects.toMatchObject({
      code: "DATA_INVALID",
      message: expect.stringContaining("source 1 has no image") as string,
    });
    await expect(seeing.generate([{ text: "abcdabc", image: picture }])).rejects.toThrow(
      withCode("DATA_INVALID"),
    );
    const blind = await openGraphModel(await written(tinyDeviceModel()), new MemoryModel());
    await expect(blind.generate(["a", { text: "b", image: picture }])).rejects.toThrow(
      withCode("DATA_INVALID"),
    );
    expect(picture.decoded).toBe(0);
  });
});
