/** Tests the page of a multilingual translation model with small random weights in headless Chromium. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { chromium } from "playwright-core";
import { expect, test } from "vitest";
import { slm } from "../slm-process.js";
import { setting } from "./command-line.js";
import { serveFolder } from "./serve-folder.js";

const FIXTURE = join(import.meta.dirname, "../../packages/checkpoints/fixtures/translators/nllb");

interface Row {
  readonly text: string;
  readonly languages: readonly [string, string];
}

const root = temporaryFolder();

test("the page answers in the language that is chosen, as slm generate does", async () => {
  const [imported, exported, site] = ["nllb", "nllb-web", "site"].map((name) => join(root, name)) as [
    string,
    string,
    string,
  ];
  await slm("import", FIXTURE, "-o", imported, "--max-source", "60", "--max-target", "12");
  await slm("export", imported, "--target", "web", "-o", exported);
  await slm("deploy", exported, "--to", "web", "-o", site);
  const { server, url } = await serveFolder(site);
  const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  const browser = await chromium.launch({ executablePath: setting("SLM_TEST_CHROMIUM"), args });
  try {
    const { rows } = JSON.parse(await readFile(join(FIXTURE, "expected.json"), "utf8")) as {
      readonly rows: readonly Row[];
    };
    const page = await browser.newPage();
    await page.goto(url);
    await page.getByText(/^Runs on wasm/).waitFor({ timeout: 120_000 });
    const answers: (string | null)[] = [];
    for (const { text, languages } of rows.slice(0, 2)) {
      const [source, target] = languages;
      const flags = ["--source-language", source, "--target-language", target];
      const expected = await slm("generate", exported, "--prompt", text, ...flags);
      await page.getByLabel("From").selectOption(source);
      await page.getByLabel("To").selectOption(target);
      await page.getByLabel("Text").fill(text);
      await page.getByLabel("Text").press("Enter");
      await page.getByText(/^Done$/).waitFor();
      const answer = await page.locator("#answer").textContent();
      expect(answer).toBe(expected["text"]);
      answers.push(answer);
    }
    expect(answers[0]).not.toBe(answers[1]);
  } finally {
    await browser.close();
    server.closeAllConnections();
    server.close();
  }
});
