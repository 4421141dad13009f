/** Runs the commands and the program for OPUS-MT of deploy.md and transformers-js.md in docs/how-to, on small random weights. */
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { execa } from "execa";
import { chromium } from "playwright-core";
import { beforeAll, expect, test } from "vitest";
import { writeEncoderDecoder } from "../../apps/cli/src/testing/external-encoder-decoder.js";
import { blocksOf, ROOT, slmCommands } from "../how-to-page.js";
import { bin } from "../slm-process.js";
import { setting } from "./command-line.js";
import { serveFolder } from "./serve-folder.js";

const PUBLISHED = "Helsinki-NLP/opus-mt-de-en";
const WORDS = ["FEG", "MINUS", "KELP"];

const folder = temporaryFolder();
beforeAll(async () => {
  await writeEncoderDecoder(join(folder, "published"), "marian");
  for (const page of ["deploy.md", "transformers-js.md"]) {
    const block = (await blocksOf(page, "sh")).find((text) => text.includes(PUBLISHED));
    for (const command of slmCommands(block!, { [PUBLISHED]: "published" }))
      await execa(process.execPath, [bin, ...command], { cwd: folder });
  }
});

/** Greedy answers of `slm generate`. */
async function answersOf(model: string): Promise<readonly string[]> {
  const answers: string[] = [];
  for (const word of WORDS) {
    const { stdout } = await execa(
      process.execPath,
      [bin, "generate", model, "--prompt", word, "--beams", "1"],
      {
        cwd: folder,
      },
    );
    answers.push(stdout.trim());
  }
  return answers;
}

test("the page translates as slm generate does", async () => {
  const { server, url } = await serveFolder(join(folder, "site"));
  const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  const browser = await chromium.launch({ executablePath: setting("SLM_TEST_CHROMIUM"), args });
  try {
    const page = await browser.newPage();
    await page.goto(url);
    await page.getByText(/^Runs on wasm/).waitFor({ timeout: 120_000 });
    const answers: string[] = [];
    for (const word of WORDS) {
      await page.getByLabel("Text").fill(word);
      await page.getByLabel("Text").press("Enter");
      await page.getByText(/^Done$/).waitFor({ timeout: 120_000 });
      answers.push(((await page.locator("#answer").textContent()) ?? "").trim());
    }
    expect(answers).toEqual(await answersOf("opus-int4"));
    expect(await page.title()).toContain("German to English");
  } finally {
    await browser.close();
    server.closeAllConnections();
    server.close();
  }
}, 180_000);

test("the program with transformers.js prints a translation", async () => {
  const code = (await blocksOf("transformers-js.md", "js")).find((text) => text.includes("opus-q8"));
  const program = code!
    .replace('"./models/"', JSON.stringify(join(folder, "models/")))
    .replace("Guten Morgen.", WORDS[0]!);
  const argv = ["--input-type=module", "--eval", program];
  const { stdout } = await execa(process.execPath, argv, { cwd: ROOT });
  expect(stdout.trim()).not.toBe("");
});
