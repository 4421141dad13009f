/** Runs the entry for browsers in a page: loads a bundle from its address and answers. */
import { chromium } from "playwright-core";
import { serveFolder } from "../../e2e/serving/serve-folder.js";
import { debianProgram } from "../lib/debian-program.mjs";

/** Runs in the page: a text, because the compiler of this file would replace `import()`. */
const answerOf = (origin: string, prompt: string): string => `(async (origin, prompt) => {
  const { openModel } = await import(origin + "node_modules/@encdec/slm/dist/browser.js");
  const opened = await openModel(origin + "site/model/");
  const { text } = await opened.generate(prompt);
  let streamed = "";
  for await (const piece of opened.stream(prompt)) streamed += piece;
  await opened.close();
  return { text, streamed };
})(${JSON.stringify(origin)}, ${JSON.stringify(prompt)})`;

/**
 * Generates an answer in headless Chromium.
 *
 * @param folder with `node_modules/@encdec/slm`, and `site` from `slm deploy --to web`
 */
export async function answerInBrowser(
  folder: string,
  prompt: string,
): Promise<{ readonly text: string; readonly streamed: string }> {
  const { server, url } = await serveFolder(folder);
  // Containers often run programs as root, which Chromium supports only without a sandbox.
  const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  const browser = await chromium.launch({ executablePath: debianProgram("chromium"), args });
  try {
    const page = await browser.newPage();
    await page.goto(`${url}site/`);
    return await page.evaluate(answerOf(url, prompt));
  } finally {
    await browser.close();
    server.closeAllConnections();
    server.close();
  }
}
