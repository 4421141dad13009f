/**
 * The first hour of a user, repeated: an empty directory, the package from a registry on this machine, rows in CSV, a recipe, a run, answers,
 * a server and OpenAI's client; then the steps of the CI examples in a repository that holds a recipe and its data.
 *
 *   npm run package && npm run e2e:first-hour                compares docs/how-to/first-hour.md with what was typed
 *   npm run package && npm run e2e:first-hour -- --write     writes that page
 *
 * Takes at most four minutes of two idle cores.
 */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  freePort,
  npmSettings,
  startOciRegistry,
  startRegistry,
  toolModules,
} from "../install/environment.mjs";
import { tryCiExamples } from "./ci-examples.mjs";
import { writeDates } from "./dates.mjs";
import { Session, bash, withoutOutput } from "./session.mjs";

const repository = join(import.meta.dirname, "..", "..");
const product = join(repository, "dist-package");
const page = join(repository, "docs", "how-to", "first-hour.md");
const ROWS = 3000;
/** The model must answer most rows that it has not seen, or the page would show a failure. */
const LEAST_EXACT = 0.9;

const ASK = `import OpenAI from "openai";

const client = new OpenAI({ baseURL: "http://127.0.0.1:8000/v1", apiKey: "none" });
const { data } = await client.models.list();
const { choices } = await client.chat.completions.create({
  model: data[0].id,
  messages: [{ role: "user", content: "the 3rd of March 2025" }],
});
console.log(choices[0].message.content);
`;

function expect(/** @type {boolean} */ condition, /** @type {string} */ message) {
  if (!condition) throw new Error(message);
}

/** Types what the page shows. @returns the folder of the run */
async function firstHour(/** @type {Session} */ session) {
  session.say("# The first hour");
  session.say(
    "From an empty directory to a model behind a server, on a laptop's CPU. `tools/first-hour/first-hour.mjs` typed these commands and wrote this page; CI repeats " +
      "them on every change. Times and rates are those of two cores of a server.",
  );
  session.say("## Install");
  await session.run("npm install --ignore-scripts @encdec/slm");
  session.say("## Rows");
  session.say(`${ROWS.toLocaleString("en")} dates as people write them, and as ISO 8601 has them:`);
  await session.run("head -n 4 dates.csv");
  await session.run(
    "npx --no-install slm data inspect dates.csv --set 'data.fields={source: written, target: iso}'",
  );
  session.say("## A recipe, and a run");
  await session.run("npx --no-install slm init --data dates.csv --name dates -o recipe.yaml --yes");
  await session.run("npx --no-install slm run recipe.yaml --dry-run");
  await session.run("npx --no-install slm run recipe.yaml");
  session.say("A second run has nothing to do. An interrupted one is resumed by the same command.");
  await session.run("npx --no-install slm run recipe.yaml");
  session.say("## Answers");
  const answer = await session.run(
    "npx --no-install slm generate runs/dates/deploy --prompt 'Monday, 3 March 2025'",
  );
  expect(answer.includes("2025-03-03"), `slm generate says ${answer}`);
  session.say(
    "A model answers whatever it is given. With a threshold of confidence, chosen on the dev rows, what is no date has no answer:",
  );
  const hello = await session.run(
    "npx --no-install slm generate runs/dates/deploy --prompt hello --abstain runs/dates/data/dev.jsonl",
  );
  expect(hello.trim() === "", `slm generate says ${hello} to hello`);
  const measured = await session.run(
    "npx --no-install slm eval runs/dates/deploy --data runs/dates/data/test.jsonl --metrics exactMatch",
  );
  const exact = Number(/exactMatch +([\d.]+) %/.exec(measured)?.[1]) / 100;
  expect(exact >= LEAST_EXACT, `exactMatch is ${exact}, expected at least ${LEAST_EXACT}`);
  await session.run("npx --no-install slm verify runs/dates/deploy");
}

/** A server in the background, and OpenAI's client in front of it. */
async function serveAndAsk(/** @type {Session} */ session) {
  session.say("## A server");
  session.say("It speaks OpenAI's protocol. In one terminal:");
  const serve = "npx --no-install slm serve runs/dates/deploy --port 8000";
  let isReady = () => {};
  /** @type {Promise<void>} */
  const ready = new Promise((resolve) => (isReady = resolve));
  let stop = () => {};
  const typed = session.replace.reduce((text, [shown, real]) => text.replaceAll(shown, real), serve);
  const served = bash(typed, {
    cwd: session.cwd,
    env: session.env,
    onStderr: (line, interrupt) => {
      if (!line.includes("http://")) return;
      stop = interrupt;
      isReady();
    },
  });
  await Promise.race([
    ready,
    served.then(({ stderr }) => {
      throw new Error(`slm serve ended: ${stderr}`);
    }),
  ]);
  session.record(serve, "");
  session.say("In another, `ask.mjs`:");
  session.show("js", ASK);
  await session.run("npm install --ignore-scripts openai");
  const answer = await session.run("node ask.mjs");
  stop();
  const { code, stderr } = await served;
  expect(answer.trim() === "2025-03-03", `the server says ${answer}`);
  // bash, which has the signal too, ends by it.
  const isDone = [0, 130].includes(code) && stderr.includes("finishing the answers");
  expect(isDone, `slm serve ended with ${code}: ${stderr}`);
}

const root = await mkdtemp(join(tmpdir(), "slm-first-hour-"));
const servers = [];
const start = performance.now();
try {
  const project = join(root, "dates");
  await mkdir(project);
  const registry = await startRegistry(await toolModules(), root);
  servers.push(registry);
  const npmrc = join(root, "npmrc");
  await writeFile(npmrc, npmSettings(registry));
  // Of npm only warnings of this project: what the page shows is what a user sees.
  const npm = { npm_config_userconfig: npmrc, npm_config_fund: "false", npm_config_audit: "false" };
  const env = { ...process.env, ...npm, NO_COLOR: "1", SLM_PLUGINS: join(root, "plugins") };
  execFileSync("npm", ["publish", product, "--ignore-scripts", "--loglevel=error"], {
    env,
    stdio: "inherit",
  });

  const port = String(await freePort());
  const session = new Session({ cwd: project, env, replace: [["8000", port]] });
  await writeDates(join(project, "dates.csv"), ROWS);
  await writeFile(join(project, "ask.mjs"), ASK.replaceAll("8000", port));
  await firstHour(session);
  await serveAndAsk(session);

  session.say("The same run in CI: [pipelines](../pipelines/README.md).");
  const written = session.page();
  if (process.argv.includes("--write")) await writeFile(page, written);
  const committed = existsSync(page) ? await readFile(page, "utf8") : "";
  expect(
    withoutOutput(committed) === withoutOutput(written),
    `${page} has other commands than this program: npm run e2e:first-hour -- --write`,
  );

  const oci = await startOciRegistry(root);
  servers.push(oci);
  await tryCiExamples({
    root,
    project,
    env: { ...npm, NO_COLOR: "1" },
    registry: oci.address,
    examples: join(repository, "docs", "pipelines"),
  });

  console.log(
    `all passed in ${((performance.now() - start) / 1000).toFixed(0)} s on Node ${process.version}`,
  );
} finally {
  for (const server of servers) await server.close();
  await rm(root, { recursive: true, force: true });
}
