/** The entry for browsers in a page: loads a bundle by its address and answers. */
import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { chromium } from "playwright-core";

const TYPES = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};

/** Runs in the page. */
async function answerInPage({ library, model, prompt }) {
  const { loadModel } = await import(library);
  let loaded = 0;
  const opened = await loadModel(model, { onProgress: (bytes) => (loaded = bytes) });
  const { text } = await opened.generate(prompt);
  let streamed = "";
  for await (const piece of opened.stream(prompt)) streamed += piece;
  await opened.close();
  return { text, streamed, loaded };
}

/**
 * Serves a folder with `node_modules/@encdec/slm` and a site in it, and asks in headless Chromium.
 *
 * @param site name of the folder that `slm deploy --to web` wrote
 */
export async function answerInBrowser({ folder, site, prompt, executablePath }) {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "", "http://localhost");
    if (pathname === "/")
      return void response.writeHead(200, { "content-type": "text/html" }).end("<title>slm</title>");
    const file = join(folder, pathname);
    if (!existsSync(file) || !statSync(file).isFile()) return void response.writeHead(404).end();
    response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream" });
    createReadStream(file).pipe(response);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  // Containers run tests as root, where Chromium has no sandbox.
  const browser = await chromium.launch({
    executablePath,
    args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
  });
  try {
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${server.address().port}/`);
    return await page.evaluate(answerInPage, {
      library: "/node_modules/@encdec/slm/dist/browser.js",
      model: `/${site}/model/`,
      prompt,
    });
  } finally {
    await browser.close();
    server.closeAllConnections();
    server.close();
  }
}
