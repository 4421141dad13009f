/**
 * Shared code of the comparisons: models with random weights, reference implementations outside the repository, alternating rounds, and the
 * report.
 *
 * Both sides are warmed up and use the same number of threads and tokens. They run one at a time, and the order alternates from round to
 * round. Speeds on a busy machine are meaningless, so the report contains the load average.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, homedir, loadavg } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { quantile } from "../../../../packages/bench/dist/statistics/quantile.js";
import { row } from "../../../lib/markdown.mjs";
import { pythonWith } from "../../../lib/python.mjs";
import { settingsOf } from "../../../lib/settings.mjs";
import { run } from "../../../lib/user-cache.mjs";

const REPOSITORY = fileURLToPath(new URL("../../../../", import.meta.url));
const CLI = join(REPOSITORY, "apps/cli/bin/run.js");

/** Folder of reference implementations and models. It is kept between runs. */
export const PLACE = process.env.SLM_PEERS ?? join(homedir(), ".cache", "slm-peers");

/**
 * Applies `key=value` arguments to defaults. Numbers stay numbers.
 *
 * @template {Record<string, string | number>} T
 */
export const settings = (/** @type {T} */ defaults) => settingsOf(defaults, process.argv.slice(2));

/** Settings of all comparisons. */
export const COMMON = { threads: Math.min(2, availableParallelism()), rounds: 10, warmup: 2 };

/** Settings of a comparison with a quantized model: `block` [weights], and `head`, a scheme. Empty: the default of `slm quantize`. */
export const QUANTIZED = { block: "", head: "" };

/** These settings as flags of `slm quantize`. */
export const quantizeFlags = (/** @type {{ block: string, head: string }} */ { block, head }) => [
  ...(block === "" ? [] : ["--block-size", block]),
  ...(head === "" ? [] : ["--embedding", head]),
];

const hashOf = (/** @type {unknown} */ value) =>
  createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 12);

/**
 * Makes a folder in PLACE once. A folder that is incomplete or has another stamp is made again.
 *
 * @returns its path
 */
export function once(/** @type {string} */ name, /** @type {(folder: string) => void} */ make, stamp = "") {
  const folder = join(PLACE, name);
  const done = join(folder, ".done");
  if (existsSync(done) && readFileSync(done, "utf8") === stamp) return folder;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  make(folder);
  writeFileSync(done, stamp);
  return folder;
}

/** The Python interpreter of a virtual environment with these packages; `env` has variables for their build. */
export const python = (/** @type {string[]} */ packages, /** @type {Record<string, string>} */ env = {}) =>
  process.env.SLM_PEER_PYTHON || pythonWith(join(PLACE, `python-${hashOf(packages)}`), packages, env);

/** Packages whose code affects exported graphs. */
const EXPORTERS = ["onnx", "model", "tensor", "onnx-export", "quantization", "c-export"];

/** Stamp of the built exporters, so that graphs of older code are not reused. */
export function exporterStamp() {
  const hash = createHash("sha256");
  for (const name of EXPORTERS) {
    const dist = join(REPOSITORY, "packages", name, "dist");
    const files = readdirSync(dist, { recursive: true, encoding: "utf8" }).filter((file) =>
      file.endsWith(".js"),
    );
    for (const file of files.sort()) hash.update(file).update(readFileSync(join(dist, file)));
  }
  return hash.digest("hex");
}

/** Runs slm. */
export const slm = (/** @type {string[]} */ ...argv) => run(process.execPath, [CLI, ...argv, "--quiet"]);

/**
 * Figures of one run, by name.
 * @typedef {Record<string, number>} Figures
 *
 * The programs to compare, slm first.
 * @typedef {object} Entry
 * @property {string} name
 * @property {object} [about]
 * @property {() => Promise<Figures>} run
 * @property {() => unknown} [close]
 */

/** Directory of a checkpoint with random weights of a shape; made once. */
export function randomCheckpoint(/** @type {object} */ shape) {
  const place = once(`model-${hashOf(shape)}-checkpoint`, (folder) => {
    const file = `${folder}.json`;
    writeFileSync(file, JSON.stringify(shape));
    slm("model", "init", file, "-o", join(folder, "model"));
  });
  return join(place, "model");
}

/**
 * Directory of that checkpoint's graphs for target cpu, quantized; made once for each version of the exporters.
 *
 * @param scheme of `slm quantize` @param flags more flags for it
 */
export function randomModel(
  /** @type {object} */ shape,
  /** @type {string} */ scheme,
  /** @type {string[]} */ flags,
) {
  const stamp = exporterStamp();
  const checkpoint = randomCheckpoint(shape);
  const made = (/** @type {string} */ folder, /** @type {string[]} */ ...argv) =>
    join(
      once(folder, (place) => slm(...argv, "-o", join(place, "model")), stamp),
      "model",
    );
  const name = `model-${hashOf(shape)}-native`;
  const graphs = made(name, "export", checkpoint);
  const values = flags.filter((flag) => !flag.startsWith("--"));
  return made([name, scheme, ...values].join("-"), "quantize", graphs, "--scheme", scheme, ...flags);
}

/** Special tokens of random models. */
export const TOKENS = { pad: 0, bos: 1, eos: 2, unknown: 3 };

/** slm as an entry: generates exactly `answer` tokens after a prompt of `source` tokens. */
export async function openSlm(
  /** @type {string} */ name,
  /** @type {string} */ directory,
  /** @type {{ threads: number, source: number, answer: number }} */ { threads, source, answer },
) {
  const { openGraphModel } = await import("@slm/inference");
  const { readDeviceModel } = await import("@slm/exported-model");
  const { createCpuRuntime } = await import("@slm/runtime-node");
  const { endlessRuntime } = await import("../../../../packages/bench/dist/models/endless-runtime.js");
  const { tokens } = await readDeviceModel(directory);
  const runtime = await createCpuRuntime({ threads });
  const generator = await openGraphModel(directory, endlessRuntime(runtime, tokens.eos));
  // The tokenizer of random models has one token per character.
  const prompt = "a".repeat(source);
  return {
    name,
    run: async () => {
      const [made] = await generator.generate([prompt], { maxTokens: answer });
      if (made?.tokens.length !== answer) throw new Error(`${name} generated ${made?.tokens.length} tokens`);
      return times(made.firstTokenMs, made.totalMs, answer);
    },
    close: async () => {
      await generator.close();
      await runtime.close();
    },
  };
}

/** Figures of one answer: end to end, first token, and the rate after it. */
export function times(
  /** @type {number} */ firstTokenMs,
  /** @type {number} */ totalMs,
  /** @type {number} */ answer,
) {
  return {
    firstTokenMs,
    decodeTokensPerSecond: ((answer - 1) * 1000) / (totalMs - firstTokenMs),
    tokensPerSecond: (answer * 1000) / totalMs,
  };
}

/** A Python script that reads one JSON line per request and writes one JSON line per answer. */
export async function startPython(
  /** @type {string} */ interpreter,
  /** @type {string} */ script,
  /** @type {{ threads: number } & Record<string, unknown>} */ setting,
) {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const child = spawn(interpreter, [path, JSON.stringify(setting)], {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, OMP_NUM_THREADS: String(setting.threads), HF_HUB_OFFLINE: "1" },
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  /** @returns {Promise<Record<string, number>>} */
  const next = async () => {
    /** @type {IteratorResult<string, undefined>} */
    const { value, done } = await lines.next();
    if (done) throw new Error(`${script} ended`);
    return JSON.parse(value);
  };
  const opened = await next();
  return {
    opened,
    ask: (request = {}) => {
      child.stdin.write(`${JSON.stringify(request)}\n`);
      return next();
    },
    close: () => {
      child.stdin.end();
    },
  };
}

/** Pause before each run, so that threads of the other side stop spinning [ms]. */
const SETTLE_MS = 50;

/**
 * Runs the entries in turn, in an order that changes every round, and prints one JSON line and a Markdown table.
 *
 * @param entries the first is slm
 */
export async function compare(
  /** @type {string} */ title,
  /** @type {Record<string, string | number> & { rounds: number, warmup: number }} */ setting,
  /** @type {readonly Entry[]} */ entries,
) {
  /** @type {Map<string, Figures[]>} */
  const samples = new Map(entries.map(({ name }) => [name, []]));
  const [load = Number.NaN] = loadavg();
  try {
    for (const { run } of entries) for (let at = 0; at < setting.warmup; at += 1) await run();
    for (let round = 0; round < setting.rounds; round += 1) {
      const first = round % entries.length;
      const order = [...entries.slice(first), ...entries.slice(0, first)];
      for (const { name, run } of order) {
        await sleep(SETTLE_MS);
        samples.get(name)?.push(await run());
      }
    }
  } finally {
    for (const { close } of entries) await close?.();
  }
  const results = entries.map(({ name, about = {} }) => {
    const own = samples.get(name) ?? [];
    const of = (/** @type {string} */ figure) => own.map((sample) => sample[figure] ?? Number.NaN);
    const spread = (/** @type {string} */ figure) => ({
      p50: quantile(of(figure), 0.5),
      p25: quantile(of(figure), 0.25),
      p75: quantile(of(figure), 0.75),
    });
    return {
      name,
      ...about,
      figures: Object.fromEntries(Object.keys(own[0] ?? {}).map((figure) => [figure, spread(figure)])),
    };
  });
  const machine = { cpu: cpus()[0]?.model.trim(), cores: availableParallelism(), node: process.version };
  console.log(JSON.stringify({ title, setting, machine, loadAverage: load, results }));
  console.log(`\n${markdown(title, results, load)}`);
}

const digits = (/** @type {number} */ value) =>
  new Intl.NumberFormat("en-US", { maximumSignificantDigits: 4 }).format(value);

/**
 * @typedef {{ p25: number, p50: number, p75: number }} Spread
 * @typedef {{ name: string, figures: Record<string, Spread> }} Reported
 */

function markdown(
  /** @type {string} */ title,
  /** @type {readonly Reported[]} */ results,
  /** @type {number} */ load,
) {
  const ours = results[0]?.figures ?? {};
  const names = Object.keys(ours);
  const cell = (/** @type {Spread | undefined} */ figure, /** @type {Spread | undefined} */ own) => {
    if (figure === undefined) return "";
    const ratio = own === undefined || figure === own ? "" : `, ${digits(figure.p50 / own.p50)}x`;
    return `${digits(figure.p50)} (${digits(figure.p25)} to ${digits(figure.p75)}${ratio})`;
  };
  return [
    `${title}: medians, quartiles in brackets, and the figure over slm's. Load average before: ${load.toFixed(2)}.`,
    "",
    row(["", ...names]),
    row(["---", ...names.map(() => "---:")]),
    ...results.map(({ name, figures }) => row([name, ...names.map((one) => cell(figures[one], ours[one]))])),
  ].join("\n");
}
