/** Benchmarks a random vision-language model with the built command line on rows with images. Needs `npm run build`. */
import { copyFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "@slm/core/testing";
import { execa } from "execa";
import { beforeAll, expect, test } from "vitest";
import { SEEING_SHAPE } from "../apps/cli/src/testing/tiny-shape.js";

const bin = fileURLToPath(new URL("../apps/cli/bin/run.js", import.meta.url));
const PICTURE = fileURLToPath(new URL("../packages/vision/fixtures/files/colour.png", import.meta.url));

const root = temporaryFolder();
beforeAll(async () => {
  await writeFile(join(root, "shape.yaml"), JSON.stringify(SEEING_SHAPE));
  await copyFile(PICTURE, join(root, "picture.png"));
  const rows = ["ab", "cde"].map((source) => ({ source, target: "A B", image: "picture.png" }));
  await writeFile(join(root, "rows.jsonl"), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  await slm("model", "init", "shape.yaml", "-o", "checkpoint");
  await slm("export", "checkpoint", "-o", "exported");
});

async function slm(...argv: readonly string[]): Promise<Readonly<Record<string, unknown>>> {
  const { stdout } = await execa(process.execPath, [bin, ...argv, "--json"], { cwd: root });
  return (JSON.parse(stdout) as { result: Record<string, unknown> }).result;
}

test.each([
  ["rows with images", ["--data", "rows.jsonl"]],
  ["a prompt about an image", ["--prompt", "abc", "--image", "picture.png"]],
  ["random prompts about an image", ["--image", "picture.png"]],
])(
  "slm bench times the image apart, as a part of the first token: %s",
  async (_name, prompts) => {
    const argv = ["--runs", "4", "--force-tokens", "3", "--threads", "1"];
    const { models } = await slm("bench", "exported", ...prompts, ...argv);
    const [model] = models as [
      Record<"firstTokenMs" | "imageMs", { p50: number }> & { sourceTokens: number },
    ];
    expect(model.imageMs.p50).toBeGreaterThan(0);
    expect(model.imageMs.p50).toBeLessThan(model.firstTokenMs.p50);
    // Eight tokens of the image, and the text.
    expect(model.sourceTokens).toBeGreaterThan(8);
  },
  120_000,
);
