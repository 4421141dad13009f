/**
 * The recipe configs/g2p/recipe.yaml and its control arms, over several seeds, and the table of their errors on the test split.
 *
 *   npm run build && node tools/bench/g2p-arms.mjs [key=value ...]
 *
 * Keys: seeds=1,2  arms=distilled,labels,decoder-only  steps=N (the recipe's)  out=runs/g2p-arms  threads=2
 * `only=distilled:1` runs one cell. Runs that are finished are skipped, killed ones are continued, so the command may be
 * repeated; data, tokenizer, teachers and their cached distributions are made once, with the recipe's seed, and shared by all. A run's
 * seed decides its initial weights, the order of its batches and its dropout.
 * Prints one JSON line per run and a Markdown table.
 */
import { cp, mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { parse, stringify } from "yaml";

const CLI = join(import.meta.dirname, "../../apps/cli/bin/run.js");
const FOLDER = join(import.meta.dirname, "../../configs/g2p");
const RECIPE = join(FOLDER, "recipe.yaml");

const LABELS = ["data", "tokenizer"];
const TAUGHT = [...LABELS, "teacher", "cache"];

/** What each arm makes of the recipe, and which finished stages it shares; data, steps, seeds and the optimizer are the recipe's for all. */
const ARMS = {
  distilled: { title: "encoder-decoder, distilled", recipe: (recipe) => recipe, shares: TAUGHT },
  labels: {
    title: "encoder-decoder, labels only",
    // No word that a teacher labelled either: its batches are all of the dictionary.
    recipe: ({ teacher: _teacher, cache: _cache, ...recipe }) =>
      withDistill(recipe, { loss: { forwardKl: 0, crossEntropy: 1 }, targets: {} }),
    shares: LABELS,
  },
  "decoder-only": {
    title: "decoder-only, distilled",
    // 7 layers with a slightly narrower feed-forward block: 1,329,792 parameters against 1,321,728.
    recipe: (recipe) =>
      withDistill(recipe, {
        student: {
          architecture: "decoder-only",
          width: 128,
          heads: 4,
          kvHeads: 4,
          headDim: 32,
          feedForward: 480,
          decoderLayers: 7,
          maxSource: 40,
          maxTarget: 40,
          bias: false,
        },
      }),
    shares: TAUGHT,
  },
};

const withDistill = (recipe, settings) => ({ ...recipe, distill: { ...recipe.distill, ...settings } });

/** Settings whose paths, which start from the recipe's folder, are absolute: the arm's recipe lies elsewhere. */
function withWholePaths(value) {
  if (typeof value === "string") return value.startsWith("./") ? join(FOLDER, value) : value;
  if (Array.isArray(value)) return value.map(withWholePaths);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, withWholePaths(field)]));
}

const options = {
  seeds: "1,2",
  arms: Object.keys(ARMS).join(","),
  only: "",
  steps: "",
  out: "runs/g2p-arms",
  threads: "2",
};
for (const argument of process.argv.slice(2)) {
  const [key, value] = argument.split("=");
  if (!(key in options)) throw new Error(`unknown key ${key}; known: ${Object.keys(options).join(", ")}`);
  options[key] = value;
}

const exists = (path) =>
  stat(path).then(
    () => true,
    () => false,
  );

async function slm(...given) {
  const { stdout } = await execa(process.execPath, [CLI, ...given, "--json"], {
    stderr: "inherit",
    maxBuffer: 1 << 28,
  });
  return JSON.parse(stdout).result;
}

/** The directory of what the runs share: data and tokenizer, and for arms that are taught the teachers and what they say. */
async function prepare(shares) {
  const out = join(options.out, "shared");
  await slm("tokenizer", "train", RECIPE, "-o", out);
  if (shares.includes("cache"))
    await slm("teacher", "cache", RECIPE, "-o", out, "--threads", options.threads);
  return out;
}

async function runArm(arm, seed, shared) {
  const out = join(options.out, `${arm}-${seed}`);
  await mkdir(out, { recursive: true });
  const recipe = join(out, "recipe.yaml");
  const settings = withWholePaths(parse(await readFile(RECIPE, "utf8")));
  await writeFile(recipe, stringify(ARMS[arm].recipe(settings)));
  for (const name of ARMS[arm].shares) {
    if (!(await exists(join(out, name)))) await cp(join(shared, name), join(out, name), { recursive: true });
  }
  const sets = [`distill.seed=${seed}`];
  if (options.steps !== "") sets.push(`distill.steps=${options.steps}`);
  const flags = sets.flatMap((set) => ["--set", set]);
  const trained = await slm("distill", recipe, "-o", out, "--resume", "--threads", options.threads, ...flags);
  const data = join(out, "data", "test.jsonl");
  const measured = await slm(
    "eval",
    join(out, "distill"),
    "--data",
    data,
    "--metrics",
    "wer,per",
    "-o",
    join(out, "predictions.jsonl"),
  );
  const { parameters, steps, epochs, bestStep, seconds } = trained;
  // Seconds of the last piece, where a killed run was continued.
  const { n, metrics } = measured;
  const row = { arm, seed, parameters, steps, epochs, bestStep, seconds, dev: trained.metrics, n, metrics };
  console.log(JSON.stringify(row));
  return row;
}

const cells = [];
for (const seed of options.seeds.split(",").map(Number))
  for (const arm of options.arms.split(",")) {
    if (!(arm in ARMS)) throw new Error(`unknown arm ${arm}; known: ${Object.keys(ARMS).join(", ")}`);
    if (options.only === "" || options.only === `${arm}:${seed}`) cells.push({ arm, seed });
  }
const rows = [];
const shared = await prepare(cells.flatMap(({ arm }) => ARMS[arm].shares));
for (const { arm, seed } of cells) rows.push(await runArm(arm, seed, shared));

const percent = (value) => `${(100 * value).toFixed(2)} %`;
const version = JSON.parse(await readFile(join(import.meta.dirname, "../../package.json"), "utf8")).version;
console.log(`\nslm ${version}, Node ${process.version}, ${options.threads} threads\n`);
console.log("| arm | seed | parameters | steps | minutes | word error rate | phoneme error rate |");
console.log("| --- | ---: | ---: | ---: | ---: | ---: | ---: |");
for (const row of rows) {
  const { arm, seed, parameters, steps, seconds, metrics } = row;
  console.log(
    `| ${ARMS[arm].title} | ${seed} | ${parameters.toLocaleString("en")} | ${steps.toLocaleString("en")} | ` +
      `${(seconds / 60).toFixed(1)} | ${percent(metrics.wer)} | ${percent(metrics.per)} |`,
  );
}
