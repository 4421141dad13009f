/** Service workers in Chromium, of a page and of an extension. Both read the package's files over their own origin. */
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium, type BrowserContext } from "playwright-core";
import { setting } from "../command-line.js";
import { serveFolder } from "../serve-folder.js";
import { PACKAGE, type AnswersIn } from "./installed-package.js";

/** Opens the model on first use: a service worker must not wait while it starts. */
const OPENING = `import { openModel } from "./${PACKAGE}/open.js";

const bytes = async (path) => (await fetch(new URL("./${PACKAGE}/" + path, import.meta.url))).arrayBuffer();
const open = async () =>
  openModel({ kernels: await bytes("kernels.wasm"), read: (path) => bytes("model/" + path) });
let model;
const answer = async (word) => (await (await (model ??= open())).generate(word)).text;
`;

const PAGE_WORKER = `${OPENING}
addEventListener("activate", (event) => event.waitUntil(clients.claim()));
addEventListener("fetch", (event) => {
  const { pathname, searchParams } = new URL(event.request.url);
  if (pathname === "/answer") event.respondWith(answer(searchParams.get("word")).then((text) => new Response(text)));
});
`;

const EXTENSION_WORKER = `${OPENING}
chrome.runtime.onMessage.addListener((word, sender, reply) => {
  answer(word).then(reply, (error) => reply(String(error)));
  return true;
});
`;

const MANIFEST = {
  manifest_version: 3,
  name: "Sounds",
  version: "1.0",
  background: { service_worker: "worker.js", type: "module" },
  content_security_policy: { extension_pages: "script-src 'self' 'wasm-unsafe-eval'" },
};

export const answersInServiceWorker: AnswersIn = async (folder, words) => {
  const site = await siteOf(folder, "site", PAGE_WORKER);
  const { server, url } = await serveFolder(site);
  try {
    return await inChromium([], async (context) => {
      const page = await context.newPage();
      await page.goto(url);
      await page.evaluate(`(async () => {
        const controlled = new Promise((resolve) => navigator.serviceWorker.addEventListener("controllerchange", resolve));
        await navigator.serviceWorker.register("worker.js", { type: "module" });
        await controlled;
      })()`);
      return page.evaluate<string[]>(
        allAnswers(words, "fetch('answer?word=' + word).then((response) => response.text())"),
      );
    });
  } finally {
    server.closeAllConnections();
    server.close();
  }
};

export const answersInExtension: AnswersIn = async (folder, words) => {
  const extension = await siteOf(folder, "extension", EXTENSION_WORKER);
  await writeFile(join(extension, "manifest.json"), JSON.stringify(MANIFEST));
  const flags = [`--disable-extensions-except=${extension}`, `--load-extension=${extension}`];
  return inChromium(flags, async (context) => {
    const worker = context.serviceWorkers()[0] ?? (await context.waitForEvent("serviceworker"));
    const page = await context.newPage();
    await page.goto(new URL("index.html", worker.url()).href);
    return page.evaluate<string[]>(allAnswers(words, "chrome.runtime.sendMessage(word)"));
  });
};

/** A folder with an empty page, a service worker and the package. */
async function siteOf(folder: string, name: string, worker: string): Promise<string> {
  const site = join(folder, name);
  await mkdir(site);
  await cp(join(folder, "node_modules", PACKAGE), join(site, PACKAGE), { recursive: true });
  await writeFile(join(site, "index.html"), "<!doctype html><title>Sounds</title>");
  await writeFile(join(site, "worker.js"), worker);
  return site;
}

/** A script that asks for one word after the other. @param asking an expression with the variable `word` */
const allAnswers = (words: readonly string[], asking: string): string =>
  `(async () => { const all = []; for (const word of ${JSON.stringify(words)}) all.push(await ${asking}); return all; })()`;

/** Runs a body in a browser with a profile of its own: only such browsers load extensions. */
async function inChromium<Result>(
  flags: readonly string[],
  body: (context: BrowserContext) => Promise<Result>,
): Promise<Result> {
  const profile = await mkdtemp(join(tmpdir(), "slm-profile-"));
  // Containers run tests as root, where Chromium has no sandbox.
  const sandbox = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: setting("SLM_TEST_CHROMIUM"),
    args: [...sandbox, ...flags],
  });
  try {
    return await body(context);
  } finally {
    await context.close();
    await rm(profile, { recursive: true, force: true });
  }
}
