/**
 * Runs the shell commands of the CI examples in `docs/pipelines`, and those of slm's own `action.yml`, in a clone of a repository with a
 * recipe and its data, with registries on this machine. It does not simulate caches, artifacts and conditions of GitHub and GitLab; it only
 * checks that the files they name exist. The run directory comes from the first hour, as if from a cache, so no stage runs again.
 */
import { execFileSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { existsSync } from "node:fs";
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parse } from "yaml";
import { bash } from "./session.mjs";

/**
 * Values of variables and of `${{ ... }}`, by name.
 *
 * @typedef {Readonly<Record<string, string>>} Values
 *
 * The fields that are read from github-actions.yml and from a job of gitlab-ci.yml.
 * @typedef {{ run?: string, uses?: string, with?: Values, env?: Values }} GithubStep
 * @typedef {{ env: Values, jobs: { model: { steps: GithubStep[] } } }} Workflow
 * @typedef {{ inputs: Record<string, { default: string }>, runs: { steps: GithubStep[] } }} Action
 * @typedef {{ script: string[], variables?: Values, cache?: { paths: string[] }, artifacts?: { paths: string[] } }} GitlabJob
 * @typedef {{ variables: Values, model: GitlabJob, publish: GitlabJob }} Pipeline
 *
 * A part of an example that the runner passes to a shell.
 * @typedef {{ script: string, env: Values }} Script
 *
 * The parts of an example, and the file with the result of `slm run`.
 * @typedef {{ scripts: Script[], paths: string[], result: string }} Example
 */

const CONTEXT = /\$\{\{\s*([\w.]+)\s*\}\}/gu;

/** @type {(condition: boolean, message: string) => asserts condition} */
function expect(condition, message) {
  if (!condition) throw new Error(message);
}

/** Replaces each match of `pattern` in `text` with the value named by its first group. */
function filled(/** @type {string} */ text, /** @type {RegExp} */ pattern, /** @type {Values} */ values) {
  return text.replace(pattern, (_match, /** @type {string} */ name) => {
    const value = values[name];
    expect(value !== undefined, `docs/pipelines: no value for ${name}`);
    return value;
  });
}

/** @returns {Values} */
const filledAll = (
  /** @type {Values | undefined} */ fields,
  /** @type {RegExp} */ pattern,
  /** @type {Values} */ values,
) =>
  Object.fromEntries(
    Object.entries(fields ?? {}).map(([name, text]) => [name, filled(text, pattern, values)]),
  );

/** The shell scripts of a list of steps. @returns {Script[]} */
const ofSteps = (/** @type {GithubStep[]} */ steps, /** @type {Values} */ contexts) =>
  steps.flatMap(({ run, env }) =>
    run === undefined
      ? []
      : [{ script: filled(run, CONTEXT, contexts), env: filledAll(env, CONTEXT, contexts) }],
  );

/** The shell scripts of a GitHub workflow, and the paths that it keeps. @returns {Example} */
function ofGithub(/** @type {Workflow} */ { env, jobs }, /** @type {Values} */ contexts) {
  const { steps } = jobs.model;
  const scripts = ofSteps(steps, contexts).map(({ script, env: own }) => ({
    script,
    env: { ...env, ...own },
  }));
  const paths = steps.flatMap(({ with: inputs }) => inputs?.path?.trim().split(/\s+/u) ?? []);
  return { scripts, paths, result: "run.json" };
}

/** slm's own action, called as in the example, and the summary that it writes. @returns {Example} */
function ofAction(
  /** @type {Action} */ { inputs, runs },
  /** @type {Workflow} */ { jobs },
  /** @type {string} */ summary,
) {
  const called = jobs.model.steps.find(({ uses }) => uses?.includes("/slm@"));
  expect(called !== undefined, "docs/pipelines/github-action.yml does not call the action");
  const defaults = Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, input.default]));
  const values = Object.entries({ ...defaults, ...called.with });
  const contexts = Object.fromEntries(values.map(([name, value]) => [`inputs.${name}`, value]));
  return { scripts: ofSteps(runs.steps, contexts), paths: [summary], result: "runs/model.json" };
}

/** A GitLab pipeline. @returns {Example} */
function ofGitlab(/** @type {Pipeline} */ { variables, model, publish }, /** @type {Values} */ predefined) {
  /** @type {Script[]} */
  const scripts = [model, publish].map(({ script, variables: own }) => ({
    script: script.join("\n"),
    env: { ...variables, ...predefined, ...filledAll(own, /\$(\w+)/gu, predefined) },
  }));
  return {
    scripts,
    paths: [...(model.cache?.paths ?? []), ...(model.artifacts?.paths ?? [])],
    result: "run.json",
  };
}

/** Runs the scripts one after another in a clone. @throws Error with the output of a script that fails, and for a missing path */
async function runScripts(
  /** @type {string} */ workspace,
  /** @type {Example} */ { scripts, paths, result: file },
  /** @type {Values} */ runner,
) {
  for (const { script, env } of scripts) {
    const options = { cwd: workspace, env: { ...process.env, ...env, ...runner } };
    const { code, stdout, stderr } = await bash(script, options);
    expect(code === 0, `${script}\nexit code ${code}\n${stdout}${stderr}`);
  }
  const missing = paths.filter((path) => !existsSync(resolve(workspace, path)));
  expect(missing.length === 0, `the example keeps files that it does not create: ${missing.join(", ")}`);
  /** @type {{ result: { stages: { name: string, status: string }[] } }} */
  const { result } = JSON.parse(await readFile(join(workspace, file), "utf8"));
  const again = result.stages.filter(({ status }) => status !== "skipped").map(({ name }) => name);
  expect(again.length === 0, `stages that ran although they were up to date: ${again.join(", ")}`);
}

/**
 * @param action folder with `action.yml`
 * @param project folder of the first hour with its recipe, data and finished run
 * @param registry host and port of a container registry
 * @param examples folder of the two files
 * @param env variables of the runners
 */
export async function tryCiExamples(
  /** @type {{ action: string, root: string, project: string, registry: string, examples: string, env: Values }} */
  { action, root, project, registry, examples, env },
) {
  const read = async (/** @type {string} */ file, folder = examples) =>
    parse(await readFile(join(folder, file), "utf8"));
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const contexts = {
    "github.actor": "someone",
    "secrets.GITHUB_TOKEN": "any",
    "secrets.SLM_SIGNING_KEY": privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  };
  const predefined = {
    CI_COMMIT_SHORT_SHA: "0123abcd",
    CI_REGISTRY_IMAGE: `${registry}/someone/dates`,
    CI_REGISTRY_USER: "someone",
    CI_REGISTRY_PASSWORD: "any",
    CI_SERVER_URL: `http://${registry}`,
  };
  const github = { ...env, REGISTRY: registry, GITHUB_REPOSITORY: "Someone/Dates", GITHUB_SHA: "sha-1" };
  const summary = join(root, "summary.md");
  const called = ofAction(await read("action.yml", action), await read("github-action.yml"), summary);
  for (const { name, example, runner } of [
    { name: "action", example: called, runner: { ...env, GITHUB_STEP_SUMMARY: summary } },
    { name: "github", example: ofGithub(await read("github-actions.yml"), contexts), runner: github },
    { name: "gitlab", example: ofGitlab(await read("gitlab-ci.yml"), predefined), runner: env },
  ]) {
    const start = performance.now();
    const workspace = join(root, name);
    await mkdir(workspace);
    for (const file of ["recipe.yaml", "dates.csv"]) await cp(join(project, file), join(workspace, file));
    await cp(join(project, "runs", "dates"), join(workspace, "runs", "model"), { recursive: true });
    await runScripts(workspace, example, runner);
    console.log(
      `${((performance.now() - start) / 1000).toFixed(1).padStart(6)} s  shell commands of the ${name} example`,
    );
  }
  const written = await readFile(summary, "utf8");
  expect(/exactMatch.*\|/u.test(written), `the summary of the action has no table of quality:\n${written}`);
  const slm = (/** @type {string[]} */ ...argv) =>
    execFileSync("npx", ["--no-install", "slm", ...argv], {
      cwd: join(root, "github"),
      env: { ...process.env, ...env },
    });
  await writeFile(join(root, "github", "key.pub.pem"), publicKey.export({ type: "spki", format: "pem" }));
  slm("pull", `${registry}/someone/dates/model:sha-1`, "-o", "pulled");
  slm("verify", "pulled", "--key", "key.pub.pem");
}
