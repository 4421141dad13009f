/** Runs the entry for browsers in a page: loads a bundle from its address and answers. */
import { join } from "node:path";
import { inChromium } from "../lib/page-in-chromium.mjs";

/** Runs in the page. */
async function answerInPage(
  /** @type {{ library: string, model: string, prompt: string }} */ { library, model, prompt },
) {
  /** @type {typeof import("../../apps/web/src/browser/index.js")} */
  const { openModel } = await import(library);
  let loaded = 0;
  const opened = await openModel(model, { onProgress: (bytes) => (loaded = bytes) });
  const { text } = await opened.generate(prompt);
  let streamed = "";
  for await (const piece of opened.stream(prompt)) streamed += piece;
  await opened.close();
  return { text, streamed, loaded };
}

/**
 * Serves a folder that contains `node_modules/@encdec/slm` and a site, and generates an answer in headless Chromium.
 *
 * @param site folder that `slm deploy --to web` wrote
 */
export const answerInBrowser = (
  /** @type {{ folder: string; site: string; prompt: string; executablePath: string; }} */ {
    folder,
    site,
    prompt,
    executablePath,
  },
) =>
  inChromium(
    {
      folders: { library: join(folder, "node_modules/@encdec/slm/dist"), site: join(folder, site) },
      executablePath,
    },
    answerInPage,
    { library: "/library/browser.js", model: "/site/model/", prompt },
  );
