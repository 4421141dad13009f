/** A page in headless Chromium that reads files of this machine, over a static host. */
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

/** Headers with which a page may share memory between threads. */
const ISOLATED = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
};

/**
 * Runs a function in an empty page.
 *
 * @param folders a folder for each first part of a path: { site: "runs/site" } serves /site/index.html
 * @param isIsolated whether the page may compute with several threads
 * @param body a function of one argument, which sees nothing but the page
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
  // Containers run programs as root, where Chromium has no sandbox.
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
