/** Tests the page of `slm deploy --to web` in headless Chromium. */
import { readFile, writeFile } from "node:fs/promises";
import type { Server } from "node:http";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { chromium, type Browser, type BrowserContext, type FrameLocator, type Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, afterEach, describe, expect, test } from "vitest";
import { slm } from "../slm-process.js";
import { answersAlone, answersTogether, bundle, setting } from "./command-line.js";
import { serveFolder } from "./serve-folder.js";

/** The test asks five of these. */
const CANDIDATES = ["abc", "deb", "cab", "bed", "cede", "bead", "dead", "decade", "added", "ace"];
const ASKED = 5;

/** Runs in the page and records every state of the progress bar and the answer. */
const RECORDER = `
  window.seen = [];
  new MutationObserver(() => {
    const bar = document.querySelector("progress");
    const text = document.querySelector("#answer")?.textContent ?? "";
    if (bar !== null && bar.value > 0) window.seen.push("progress " + bar.value);
    if (text !== "" && window.seen.at(-1) !== text) window.seen.push(text);
  }).observe(document, { subtree: true, childList: true, attributes: true, characterData: true });`;

const root = temporaryFolder();
let site: string;
let server: Server;
let url: string;
let browser: Browser;
let context: BrowserContext;
let page: Page;
let words: string[];
let expected: string[];

beforeAll(async () => {
  site = join(root, "site");
  await slm("deploy", bundle, "--to", "web", "-o", site, "--name", "Letters to sounds");
  ({ words, expected } = await clearAnswers());
  ({ server, url } = await serveFolder(site));
  // Containers run tests as root, where Chromium has no sandbox.
  const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  browser = await chromium.launch({ executablePath: setting("SLM_TEST_CHROMIUM"), args });
});
afterAll(async () => {
  await browser.close();
  server.closeAllConnections();
  server.close();
});
beforeEach(async () => {
  context = await browser.newContext({ viewport: { width: 720, height: 640 } });
  page = await context.newPage();
});
afterEach(() => context.close());

/**
 * The first words with clear answers, and the answers. An answer is clear if it is the same alone and in a batch, where the int8 encoder
 * rounds differently. WebAssembly's int4 kernel also rounds differently and could change near ties.
 */
async function clearAnswers(): Promise<{ words: string[]; expected: string[] }> {
  const together = await answersTogether(CANDIDATES);
  const alone = await answersAlone(CANDIDATES);
  const clear = CANDIDATES.flatMap((word, at) =>
    alone[at] === together[at] ? [{ word, answer: alone[at]! }] : [],
  );
  expect(clear.length).toBeGreaterThanOrEqual(ASKED);
  const chosen = clear.slice(0, ASKED);
  return { words: chosen.map(({ word }) => word), expected: chosen.map(({ answer }) => answer) };
}

async function openReady(): Promise<void> {
  await page.goto(url);
  await page.getByText(/^Runs on wasm/).waitFor({ timeout: 120_000 });
}

/** Types a text, presses Enter and waits for the answer. */
async function ask(text: string, shown: Page | FrameLocator = page): Promise<string> {
  await shown.getByLabel("Text").fill(text);
  await shown.getByLabel("Text").press("Enter");
  await shown.getByText(/^(Done|No answer)$/).waitFor();
  return (await shown.getByRole("region", { name: "Answer" }).last().textContent()) ?? "";
}

describe("the page", () => {
  test("gives the very texts that the native runtime gives, and says how fast", async () => {
    await openReady();
    const texts: string[] = [];
    for (const word of words) texts.push(await ask(word));
    expect(texts).toEqual(expected);
    expect(await page.locator("#first-token").textContent()).toMatch(/^\d+\.\d ms$/);
    expect(await page.locator("#rate").textContent()).toMatch(/^\d+\.\d tokens\/s$/);
    const shots = process.env["SLM_SCREENSHOT"];
    if (shots !== undefined) await page.screenshot({ path: shots });
  });

  test("answers an example that is clicked", async () => {
    await openReady();
    const example = page.getByRole("group", { name: "Examples" }).getByRole("button").first();
    const text = (await example.textContent()) ?? "";
    await example.click();
    await page.getByText(/^Done$/).waitFor();
    expect(await page.getByLabel("Text").inputValue()).toBe(text);
    expect(await page.locator("#answer").textContent()).not.toBe("");
  });

  test("shows progress while it loads, and the answer while it grows", async () => {
    await page.addInitScript(RECORDER);
    await openReady();
    const answer = await ask(words[0]!);
    const seen = await page.evaluate<string[]>("window.seen");
    expect(seen.some((entry) => entry.startsWith("progress "))).toBe(true);
    const growing = new Set(seen.filter((entry) => !entry.startsWith("progress ")));
    expect(growing.size).toBeGreaterThan(1);
    expect([...growing].every((text) => answer.startsWith(text))).toBe(true);
  });

  test("works without a network after the first visit", async () => {
    await openReady();
    await page.waitForFunction("document.documentElement.dataset.offline === 'ready'", undefined, {
      timeout: 120_000,
    });
    await context.setOffline(true);
    await page.reload();
    await page.getByText(/^Runs on wasm/).waitFor({ timeout: 120_000 });
    expect(await ask(words[1]!)).toBe(expected[1]);
  });

  test("can be used with the keyboard alone, and every control has a name", async () => {
    await openReady();
    expect(await page.evaluate("document.activeElement.id")).toBe("source");
    await page.keyboard.type(words[2]!);
    await page.keyboard.press("Tab");
    expect(await page.evaluate("document.activeElement.id")).toBe("send");
    await page.keyboard.press("Enter");
    await page.getByText(/^Done$/).waitFor();
    expect(await page.evaluate("document.activeElement.id")).toBe("source");
    for (const name of ["Answer", "Stop"]) expect(await page.getByRole("button", { name }).count()).toBe(1);
    expect(await page.getByRole("textbox", { name: "Text" }).count()).toBe(1);
    expect(await page.getByRole("status").textContent()).toBe("Done");
    expect(await page.locator("#answer").getAttribute("aria-live")).toBe("polite");
    expect(await page.locator("#answer").getAttribute("aria-busy")).toBe("false");
  });

  test("says what it cannot answer, and goes on", async () => {
    await openReady();
    await ask("日本");
    expect(await page.getByRole("alert").textContent()).not.toBe("");
    expect(await ask(words[3]!)).toBe(expected[3]);
  });

  test("rejects a bundle that was changed on its way", async () => {
    const changed = join(root, "changed");
    await slm("deploy", bundle, "--to", "web", "-o", changed);
    const file = join(changed, "model", "model.json");
    const text = await readFile(file, "utf8");
    const other = text.replace(/"name": "./u, '"name": "_');
    expect(other).not.toBe(text);
    await writeFile(file, other);
    const { server: otherServer, url: otherUrl } = await serveFolder(changed);
    await page.goto(otherUrl);
    await page.getByText("does not match its hash in the manifest").waitFor({ timeout: 120_000 });
    otherServer.closeAllConnections();
    otherServer.close();
  });
});

test("the first page of the documentation answers in it, without a request to another host", async () => {
  const { server: docsServer, url: docs } = await serveFolder(join(import.meta.dirname, "../../dist-docs"));
  const elsewhere: string[] = [];
  context.on("request", (request) => {
    if (!request.url().startsWith(docs) && !request.url().startsWith("data:")) elsewhere.push(request.url());
  });
  await page.goto(docs);
  const live = page.frameLocator("iframe");
  await live.getByText(/^Runs on wasm/).waitFor();
  // The embedded page must not scroll to its text field or take the keyboard.
  expect(await page.evaluate("document.activeElement.tagName")).toBe("BODY");
  // With the network gone: the model is in the page.
  await context.setOffline(true);
  expect(await ask("constantinople", live)).toBe("K AA N S T AE N T AH N AA P AH L");
  expect(elsewhere).toEqual([]);
  docsServer.closeAllConnections();
  docsServer.close();
});
