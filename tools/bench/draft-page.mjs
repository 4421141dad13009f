/**
 * Measures what draft rules save in a browser: like draft-tokens.mjs, but in a page of headless Chromium with WebAssembly.
 *
 *   npm run build && slm deploy MODEL --to web --engine onnxruntime -o SITE && node tools/bench/draft-page.mjs SITE ROWS.jsonl [key=value ...]
 *
 * Keys: rows=200 (first rows of the file), threads=1, drafts=12 (maximum number of draft tokens, or a list: 4,12). MODEL is an export for
 * target web with draft rules, or its quantized model. For each row, all settings are measured before the next row, and the setting that
 * goes first alternates. Uses the Chromium in PATH, or installs Debian's package.
 *
 * Prints a line per setting, plain greedy decoding first; see draft-tokens.mjs. Times are meaningful only on an idle machine.
 */
import { join } from "node:path";
import { debianProgram } from "../lib/debian-program.mjs";
import { firstSources } from "../lib/first-sources.mjs";
import { settingsOf } from "../lib/settings.mjs";
import { inChromium } from "../lib/page-in-chromium.mjs";
import { draftLines } from "./lib/draft-lines.mjs";

const [site, file, ...settings] = process.argv.slice(2);
if (site === undefined || file === undefined)
  throw new Error("usage: draft-page.mjs SITE ROWS.jsonl [key=value ...]");
const options = settingsOf({ rows: "200", threads: "1", drafts: "12" }, settings);
const threads = Number(options.threads);
const ways = [0, ...options.drafts.split(",").map(Number)];
const sources = await firstSources(file, Number(options.rows));

/** Runs in the page. */
async function answerEach(
  /** @type {{ library: string, ways: number[], sources: string[], threads: number, warmUp: number }} */
  { library, ways, sources, threads, warmUp },
) {
  /** @type {typeof import("../../apps/web/src/browser/index.js")} */
  const { openModel } = await import(library);
  const models = [];
  for (const draftTokens of ways) {
    const model = await openModel("/site/model/", { engine: "onnxruntime", threads, draftTokens });
    for (const source of sources.slice(0, warmUp)) await model.generate(source);
    /** @type {import("./lib/draft-lines.mjs").Answer[]} */
    const answers = [];
    models.push({ model, answers });
  }
  for (const [row, source] of sources.entries())
    for (const [turn] of models.entries()) {
      const way = models[(row + turn) % models.length];
      if (way === undefined) continue;
      const { model, answers } = way;
      const { tokens, finished, firstTokenMs, totalMs, stepsMs } = await model.generate(source);
      answers.push({ tokens, finished, firstTokenMs, totalMs, stepsMs });
    }
  const [first] = models;
  return {
    agent: navigator.userAgent,
    provider: first?.model.device.provider,
    threads: first?.model.device.threads,
    answers: models.map(({ answers }) => answers),
  };
}

const { answers, ...page } = await inChromium(
  {
    folders: { library: join(import.meta.dirname, "../../apps/web/dist/browser"), site },
    executablePath: debianProgram("chromium"),
    isIsolated: true, // For threads, and for a clock of 5 microseconds.
  },
  answerEach,
  { library: "/library/index.js", ways, sources, threads, warmUp: 20 },
);
console.log(JSON.stringify({ site, rows: sources.length, ...page }));
for (const line of draftLines(ways.map((draftTokens, at) => ({ draftTokens, answers: answers[at] ?? [] }))))
  console.log(line);
