/**
 * Repeats a user's first hour: an empty directory, the package from a registry on this machine, CSV rows, a recipe, a run, answers, a
 * server and OpenAI's client. Then it runs the steps of the CI examples in a repository with a recipe and its data.
 *
 *   npm run package && npm run e2e:first-hour                compares the commands with docs/how-to/first-hour.md
 *   npm run package && npm run e2e:first-hour -- --write     writes that page
 *
 * Takes at most four minutes on two idle cores.
 */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, printEnd, printTime } from "../lib/steps.js";
import { tryCiExamples } from "./ci-examples.js";
import { writeDates } from "./dates.js";
import { freePort, npmSettings, PRODUCT, startOciRegistry, startRegistry } from "./registries.js";
import { Session, withoutOutput } from "./session.js";

const page = join(import.meta.dirname, "..", "..", "docs", "how-to", "first-hour.md");
const ROWS = 3000;
/** The model must answer most unseen rows correctly, so that the page shows a useful model. */
const LEAST_EXACT = 0.9;
/** The student must be clearly smaller than its teacher. */
const MOST_OF_TEACHER = 0.4;

const ASK = `import OpenAI from "openai";

const client = new OpenAI({ baseURL: "http://127.0.0.1:8000/v1", apiKey: "none" });
const { data } = await client.models.list();
const { choices } = await client.chat.completions.create({
  model: data[0].id,
  messages: [{ role: "user", content: "the 3rd of March 2025" }],
});
console.log(choices[0].message.content);
`;

/** Parameters of student and teacher in the table of `slm run`. */
function parametersIn(printed: string): readonly [student: number, teacher: number] {
  const row = /^parameters +(.*)$/mu.exec(printed)?.[1] ?? "";
  const counts = row
    .split(/ +/u)
    .map((text) => parseFloat(text) * (text.endsWith("M") ? 1e6 : text.endsWith("k") ? 1e3 : 1));
  return [counts[0] ?? NaN, counts.at(-1) ?? NaN];
}

/** Types what the page shows. */
async function firstHour(session: Session): Promise<void> {
  session.say("# The first hour");
  session.say(
    "This page goes from an empty directory to a model that answers over HTTP, on a laptop's CPU. You need Node.js 20.18.1 or later. " +
      "The commands are real: `tools/product/first-hour.ts` runs them and writes this page, and CI repeats them on every change. The times are from two cores of a server.",
  );
  session.say("## Install slm");
  session.say(
    "The package is not on npm yet. Until it is, [build it from a clone](install.md#from-a-clone) and install the `.tgz` file instead.",
  );
  await session.run("npm install --ignore-scripts @encdec/slm");
  session.say("## Look at the rows");
  session.say(
    `The model will convert dates to ISO 8601. Its training file has ${ROWS.toLocaleString("en")} rows, each with a date as people write it and the same date in ISO 8601:`,
  );
  await session.run("head -n 4 dates.csv");
  session.say(
    "`slm data inspect` counts rows, rejected rows, duplicates and lengths, before you train anything. `data.fields` says which columns are source and target:",
  );
  await session.run(
    "npx --no-install slm data inspect dates.csv --set 'data.fields={source: written, target: iso}'",
  );
  session.say("## Train a model");
  session.say(
    "A recipe is a YAML file that describes the whole pipeline. `slm init` reads your rows and writes one. Dates are an easy task, so a third of the default training steps is enough:",
  );
  await session.run(
    "npx --no-install slm init --data dates.csv --name dates --steps 500 -o recipe.yaml --yes",
  );
  session.say(
    "The recipe trains a decoder-only teacher on your rows. The student is an encoder-decoder with about a third of the teacher's parameters, which learns from the rows and from the teacher. " +
      "`--dry-run` checks the recipe and the rows, and estimates what each stage will cost:",
  );
  await session.run("npx --no-install slm run recipe.yaml --dry-run");
  session.say("Now run it. The table at the end shows quality, size and speed:");
  const ran = await session.run("npx --no-install slm run recipe.yaml");
  const [student, teacher] = parametersIn(ran);
  expect(
    student <= MOST_OF_TEACHER * teacher,
    `the student has ${student} parameters, its teacher ${teacher}`,
  );
  session.say(
    "The student has less than a third of the teacher's parameters and is as good on the dev rows. Quantization makes its files four times smaller. " +
      "The last lines compare its speed with a decoder-only model of the student's size. [With longer inputs](../benchmarks/inference.md) the difference to the first token is larger.",
  );
  session.say(
    "Compare the student with its teacher: export the teacher, and benchmark both on the same input.",
  );
  await session.run("npx --no-install slm export runs/dates/teacher --target cpu -o teacher-export");
  await session.run(
    "npx --no-install slm bench runs/dates/deploy teacher-export --prompt 'Monday, 3 March 2025' | grep -E '^(model|parameters|size|first token|total)'",
  );
  session.say(
    "If you interrupt a run, repeat the command and it resumes. Stages that are up to date are skipped, so a second run has nothing to do:",
  );
  await session.run("npx --no-install slm run recipe.yaml");
  session.say("## Use the model");
  const answer = await session.run(
    "npx --no-install slm generate runs/dates/deploy --prompt 'Monday, 3 March 2025'",
  );
  expect(answer.includes("2025-03-03"), `slm generate says ${answer}`);
  session.say(
    "A model answers every input, even one that is not a date. `--abstain` chooses a confidence threshold on the dev rows and withholds answers below it, so `hello` gets no answer:",
  );
  const hello = await session.run(
    "npx --no-install slm generate runs/dates/deploy --prompt hello --abstain runs/dates/data/dev.jsonl",
  );
  expect(hello.trim() === "", `slm generate says ${hello} to hello`);
  session.say("Measure quality on the test rows, which the model has not seen:");
  const measured = await session.run(
    "npx --no-install slm eval runs/dates/deploy --data runs/dates/data/test.jsonl --metrics exactMatch",
  );
  const exact = Number(/exactMatch +([\d.]+) %/.exec(measured)?.[1]) / 100;
  expect(exact >= LEAST_EXACT, `exactMatch is ${exact}, expected at least ${LEAST_EXACT}`);
  session.say("Check that the files of the bundle are complete and unchanged:");
  await session.run("npx --no-install slm verify runs/dates/deploy");
}

/** Starts a server in the background and calls it with OpenAI's client. */
async function serveAndAsk(session: Session): Promise<void> {
  session.say("## Serve the model");
  session.say("`slm serve` answers over HTTP with OpenAI's API. Start it in one terminal:");
  const serve = "npx --no-install slm serve runs/dates/deploy --port 8000";
  let isReady = (): void => undefined;
  const ready = new Promise<void>((resolve) => {
    isReady = resolve;
  });
  let stop = (): void => undefined;
  const served = session.start(serve, (said, interrupt) => {
    stop = interrupt;
    if (said.includes("http://")) isReady();
  });
  const { stderr: early } = await Promise.race([ready.then(() => ({ stderr: "" })), served]);
  expect(early === "", `slm serve ended: ${early}`);
  session.record(serve, "");
  session.say("In another terminal, save this program as `ask.mjs`:");
  session.show("js", ASK);
  session.say("Install OpenAI's client and run the program:");
  await session.run("npm install --ignore-scripts openai");
  const answer = await session.run("node ask.mjs");
  stop();
  const { code, stderr } = await served;
  expect(answer.trim() === "2025-03-03", `the server says ${answer}`);
  // bash also receives the signal and ends.
  const isDone = [0, 130].includes(code) && stderr.includes("finishing the answers");
  expect(isDone, `slm serve ended with ${code}: ${stderr}`);
}

const root = await mkdtemp(join(tmpdir(), "slm-first-hour-"));
const [registry, oci] = [await startRegistry(root), await startOciRegistry(root)];
const start = performance.now();
try {
  const project = join(root, "dates");
  await mkdir(project);
  const npmrc = join(root, "npmrc");
  await writeFile(npmrc, npmSettings(registry));
  // Hide npm's other warnings, so that the page shows what a user sees.
  const npm = { npm_config_userconfig: npmrc, npm_config_fund: "false", npm_config_audit: "false" };
  const env = { ...process.env, ...npm, NO_COLOR: "1", SLM_PLUGINS: join(root, "plugins") };
  const publish = ["publish", PRODUCT, "--ignore-scripts", "--loglevel=error"];
  execFileSync("npm", publish, { env, stdio: "inherit" });

  const port = String(await freePort());
  const session = new Session({ cwd: project, env }, [["8000", port]]);
  await writeDates(join(project, "dates.csv"), ROWS);
  await writeFile(join(project, "ask.mjs"), ASK.replaceAll("8000", port));
  await firstHour(session);
  await serveAndAsk(session);

  session.say("## Next");
  session.say(
    "- [Your own task](your-own-task.md): the recipe, setting by setting\n- [See how good a model is](experiments.md): metrics, reports and limits\n- [CI pipelines](../pipelines/README.md): the same run on every push",
  );
  const written = session.page();
  if (process.argv.includes("--write")) await writeFile(page, written);
  const committed = existsSync(page) ? await readFile(page, "utf8") : "";
  expect(
    withoutOutput(committed) === withoutOutput(written),
    `${page} differs from this program; update it: npm run e2e:first-hour -- --write`,
  );
  await tryCiExamples({ root, project, env: { ...npm, NO_COLOR: "1" }, registry: oci.address });
  printTime(start, "in all");
  printEnd();
} finally {
  await registry.close();
  await oci.close();
  await rm(root, { recursive: true, force: true });
}
