/**
 * Measures when a page of `slm deploy --to web` gives its first answer, in headless Chromium with an empty cache.
 *
 *   slm deploy BUNDLE --to web -o site && npx jiti tools/bench/page.ts site [visits=20]
 *
 * Each visit has a profile of its own. As soon as the model is loaded, the first example is clicked. Prints medians [ms] since the
 * start of navigation: the page's load event, the loaded model, the first piece of the answer.
 */
import { chromium } from "playwright-core";
import { serveFolder } from "../../e2e/serving/serve-folder.js";
import { table } from "../lib/markdown.mjs";
import { settingsOf } from "../lib/settings.mjs";

/** Runs in the page before its own code. */
const CLICK_FIRST_EXAMPLE = `
  window.times = {};
  addEventListener("load", () => (window.times.load = performance.now()));
  new MutationObserver(() => {
    const { times } = window;
    if (times.ready === undefined && /^Runs on/.test(document.querySelector("#runtime")?.textContent ?? "")) {
      times.ready = performance.now();
      document.querySelector("#examples button").click();
    }
    if (times.answer === undefined && document.querySelector("#answer")?.textContent) times.answer = performance.now();
  }).observe(document, { subtree: true, childList: true, characterData: true });`;

const [site, ...given] = process.argv.slice(2);
if (site === undefined) throw new Error("usage: page.ts SITE [visits=20]");
const { visits } = settingsOf({ visits: 20 }, given);
const executablePath = process.env["SLM_TEST_CHROMIUM"] ?? "/usr/bin/chromium";

const { server, url } = await serveFolder(site);
const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
const browser = await chromium.launch({ executablePath, args });
const seen: Record<"load" | "ready" | "answer", number>[] = [];
for (let visit = 0; visit < visits; visit++) {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.addInitScript(CLICK_FIRST_EXAMPLE);
  await page.goto(url);
  await page.waitForFunction("window.times.answer !== undefined && window.times.load !== undefined");
  seen.push(await page.evaluate("window.times"));
  await context.close();
}
await browser.close();
server.closeAllConnections();
server.close();

const rows = (["load", "ready", "answer"] as const).map((moment) => {
  const sorted = seen.map((times) => times[moment]).toSorted((a, b) => a - b);
  const shown = [sorted[0], sorted[Math.floor(visits / 2)], sorted.at(-1)];
  return [moment, ...shown.map((ms) => (ms ?? Number.NaN).toFixed(0))];
});
process.stdout.write(`${table(["moment", "shortest", "median", "longest"], rows)}\n`);
