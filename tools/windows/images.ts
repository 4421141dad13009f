/** Images, where the image library loads. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Scene } from "./scene.js";
import { expect, skip, step } from "../lib/steps.js";

/** A PNG file of one grey pixel. */
const PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==";
/** `DEVICE_UNAVAILABLE`. */
const UNAVAILABLE = 69;

export async function images(scene: Scene): Promise<void> {
  const { exit } = await scene.wine.node(["-e", "require('sharp')"], { cwd: scene.folder });
  if (exit === 0) return;
  skip("images", `sharp does not load under ${scene.wine.version()}`);
  await step("rows with images, without the image library", async () => {
    writeFileSync(join(scene.folder, "pixel.png"), Buffer.from(PIXEL, "base64"));
    const row = { source: "what is it?", target: "a pixel", image: "pixel.png" };
    writeFileSync(join(scene.folder, "images.jsonl"), `${JSON.stringify(row)}\n`);
    const settings = ["data.train=images.jsonl", "data.images=."].flatMap((text) => ["--set", text]);
    const failed = await scene.failure(["data", "prepare", ...settings, "--out", "images"]);
    expect(failed.exit === UNAVAILABLE, `exit ${failed.exit}: ${failed.message}`);
    return failed.message;
  });
}
