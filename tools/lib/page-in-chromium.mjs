/** Runs code in a page of headless Chromium, with a static server for files of this machine. */
import { createReadStream, existsSync, statSync } from "node:fs";
import { once } from "node:events";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { chromium } from "playwright-core";
import { portOf } from "./port-of.mjs";

/** @type {Readonly<Record<string, string>>} */
const TYPES = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};

/** Headers that allow a page to share memory between threads. */
const ISOLATED = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
};

/**
 * Runs a function in an empty page.
 *
 * @param folders folders by the first part of a path: { site: "runs/site" } serves /site/index.html
 * @param isIsolated whether the page may use several threads
 * @param body a function with one argument; it can use only the page
 * @template A, R
 */
export async function inChromium(
  /** @type {{ folders: Readonly<Record<string, string>>, executablePath: string, isIsolated?: boolean }} */ {
    folders,
    executablePath,
    isIsolated = false,
  },
  /** @type {(argument: A) => R | Promise<R>} */ body,
  /** @type {A} */ argument,
) {
  const headers = isIsolated ? ISOLATED : {};
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "", "http://localhost");
    if (pathname === "/")
      return void response
        .writeHead(200, { ...headers, "content-type": "text/html" })
        .end("<title>slm</title>");
    const [, name = "", ...rest] = pathname.split("/");
    const folder = folders[name];
    const file = folder === undefined ? "" : join(folder, ...rest);
    if (!existsSync(file) || !statSync(file).isFile()) return void response.writeHead(404).end();
    response.writeHead(200, {
      ...headers,
      "content-type": TYPES[extname(file)] ?? "application/octet-stream",
    });
    createReadStream(file).pipe(response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  // Containers often run programs as root, which Chromium supports only without a sandbox.
  const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  const browser = await chromium.launch({ executablePath, args });
  try {
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${portOf(server)}/`);
    /** @type {(code: string) => Promise<R>} */
    const call = (code) => page.evaluate(code);
    return await call(`(${body.toString()})(${JSON.stringify(argument)})`);
  } finally {
    await browser.close();
    server.closeAllConnections();
    server.close();
  }
}
