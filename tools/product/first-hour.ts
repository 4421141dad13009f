/**
 * Repeats a user's first hour: runs the commands of docs/how-to/your-own-task.md in an empty directory, with the package from a registry on
 * this machine. Then it runs the steps of the CI examples in a repository with the page's recipe and data.
 *
 *   npm run package && npm run e2e:first-hour                checks the answers and figures
 *   npm run package && npm run e2e:first-hour -- --write     also updates the outputs on the page
 *
 * Takes at most four minutes on two idle cores.
 */
import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, printEnd, printTime } from "../lib/steps.js";
import { tryCiExamples } from "./ci-examples.js";
import { freePort, npmSettings, PRODUCT, startOciRegistry, startRegistry } from "./registries.js";
import { bash, run, type BashOptions, type Done } from "./session.js";

const page = join(import.meta.dirname, "..", "..", "docs", "how-to", "your-own-task.md");
/** A code block: `console` has a command and its output, `sh` a script without output, `js` the program ask.mjs. */
const BLOCK = /^```(console|sh|js)\n([^]*?)^```$/gmu;
/** The port on the page, instead of which a free one is used. */
const PORT = "8000";
/** The model must answer most unseen rows correctly, so that the page shows a useful model. */
const LEAST_EXACT = 0.9;
/** The student must be clearly smaller than its teacher. */
const MOST_OF_TEACHER = 0.4;

/** Parameters of student and teacher in the table of `slm run`. */
function parametersIn(printed: string): readonly [student: number, teacher: number] {
  const row = /^parameters +(.*)$/mu.exec(printed)?.[1] ?? "";
  const counts = row
    .split(/ +/u)
    .map((text) => parseFloat(text) * (text.endsWith("M") ? 1e6 : text.endsWith("k") ? 1e3 : 1));
  return [counts[0] ?? NaN, counts.at(-1) ?? NaN];
}

/** What commands of the page must print, by the start of the command. The page must have each of them. */
const CHECKS: Readonly<Record<string, (printed: string) => boolean>> = {
  "slm run recipe.yaml\n": (printed) => {
    const [student, teacher] = parametersIn(printed);
    return student <= MOST_OF_TEACHER * teacher;
  },
  "slm generate runs/dates/deploy --prompt 'March 3, 2025'": (printed) => printed.trim() === "2025-03-03",
  "slm generate runs/dates/deploy --prompt hello --abstain": (printed) => printed.trim() === "",
  "slm eval": (printed) => Number(/exactMatch +([\d.]+) %/u.exec(printed)?.[1]) / 100 >= LEAST_EXACT,
  "node ask.mjs": (printed) => printed.trim() === "2025-03-03",
};

/** A server that answers, and the function that interrupts it and waits for its end. */
interface Served {
  readonly stop: () => Promise<Done>;
}

/** Starts a server in the background. @throws Error if it ends before it listens */
function serve(command: string, options: BashOptions): Promise<Served> {
  return new Promise((resolve, reject) => {
    const ended = bash(command, {
      ...options,
      onStderr: (said, interrupt) => {
        const stop = (): Promise<Done> => {
          interrupt();
          return ended;
        };
        if (said.includes("http://")) resolve({ stop });
      },
    });
    ended.then(({ stderr }) => {
      reject(new Error(`slm serve ended: ${stderr}`));
    }, reject);
  });
}

/** Types what the page shows. @returns the page with what the commands print here */
async function typePage(markdown: string, options: BashOptions): Promise<string> {
  const port = String(await freePort());
  const real = (text: string): string => text.replaceAll(PORT, port);
  const unchecked = new Set(Object.keys(CHECKS));
  let served: Served | undefined;
  let [written, end] = ["", 0];
  for (const { 0: block, 1: language = "", 2: text = "", index } of markdown.matchAll(BLOCK)) {
    const command = /^\$ (.*)$/mu.exec(text)?.[1] ?? text;
    let shown = block;
    if (language === "js") await writeFile(join(options.cwd, "ask.mjs"), real(text));
    else if (command.startsWith("slm serve")) served = await serve(real(command), options);
    else {
      const printed = await run(real(command), options);
      for (const [start, check] of Object.entries(CHECKS))
        if (`${command}\n`.startsWith(start)) {
          expect(check(printed), `${command} printed\n${printed}`);
          unchecked.delete(start);
        }
      if (language === "console")
        shown = `\`\`\`console\n${`$ ${command}\n${printed.replaceAll(port, PORT)}`.trimEnd()}\n\`\`\``;
    }
    written += markdown.slice(end, index) + shown;
    end = index + block.length;
  }
  expect(unchecked.size === 0, `${page} lacks commands: ${[...unchecked].join(", ")}`);
  expect(served !== undefined, `${page} does not start a server`);
  const { code, stderr } = await served.stop();
  // bash also receives the signal and ends.
  const isDone = [0, 130].includes(code) && stderr.includes("finishing the answers");
  expect(isDone, `slm serve ended with ${code}: ${stderr}`);
  return written + markdown.slice(end);
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
  const PATH = `${join(project, "node_modules", ".bin")}:${process.env["PATH"] ?? ""}`;
  const env = { ...process.env, ...npm, PATH, NO_COLOR: "1", SLM_PLUGINS: join(root, "plugins") };
  const publish = ["publish", PRODUCT, "--ignore-scripts", "--loglevel=error"];
  execFileSync("npm", publish, { env, stdio: "inherit" });

  const written = await typePage(await readFile(page, "utf8"), { cwd: project, env });
  if (process.argv.includes("--write")) await writeFile(page, written);
  await tryCiExamples({ root, project, env: { ...npm, NO_COLOR: "1" }, registry: oci.address });
  printTime(start, "in all");
  printEnd();
} finally {
  await registry.close();
  await oci.close();
  await rm(root, { recursive: true, force: true });
}
