/**
 * The CI examples of `docs/pipelines`: their shell commands, typed in a clone of a repository that holds a recipe and its data, against
 * registries on this machine. What GitHub and GitLab do around them (caches, artifacts, conditions) is theirs; only that the named files
 * exist is checked. The run directory is that of the first hour, as from a cache, so no stage runs again.
 */
import { execFileSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { existsSync } from "node:fs";
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "yaml";
import { bash } from "./session.mjs";

/**
 * Values by name: of variables and of `${{ ... }}`.
 *
 * @typedef {Readonly<Record<string, string>>} Values
 *
 * What is read of github-actions.yml and of a job of gitlab-ci.yml.
 * @typedef {{ run?: string, with?: Values, env?: Values }} GithubStep
 * @typedef {{ env: Values, jobs: { model: { steps: GithubStep[] } } }} Workflow
 * @typedef {{ script: string[], variables?: Values, cache?: { paths: string[] }, artifacts?: { paths: string[] } }} GitlabJob
 * @typedef {{ variables: Values, model: GitlabJob, publish: GitlabJob }} Pipeline
 *
 * A part of an example that the runner hands to a shell.
 * @typedef {{ script: string, env: Values }} Script
 */

/** @type {(condition: boolean, message: string) => asserts condition} */
function expect(condition, message) {
  if (!condition) throw new Error(message);
}

/** `text` with each `pattern` replaced by the value that its first group names. */
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

/** What a workflow of GitHub hands to a shell, and the paths that it keeps. */
function ofGithub(/** @type {Workflow} */ { env, jobs }, /** @type {Values} */ contexts) {
  const { steps } = jobs.model;
  const pattern = /\$\{\{\s*([\w.]+)\s*\}\}/gu;
  /** @type {Script[]} */
  const scripts = steps.flatMap(({ run, env: own }) =>
    run === undefined
      ? []
      : [{ script: filled(run, pattern, contexts), env: { ...env, ...filledAll(own, pattern, contexts) } }],
  );
  const paths = steps.flatMap(({ with: inputs }) => inputs?.path?.trim().split(/\s+/u) ?? []);
  return { scripts, paths };
}

/** The same of a pipeline of GitLab. */
function ofGitlab(/** @type {Pipeline} */ { variables, model, publish }, /** @type {Values} */ predefined) {
  /** @type {Script[]} */
  const scripts = [model, publish].map(({ script, variables: own }) => ({
    script: script.join("\n"),
    env: { ...variables, ...predefined, ...filledAll(own, /\$(\w+)/gu, predefined) },
  }));
  return { scripts, paths: [...(model.cache?.paths ?? []), ...(model.artifacts?.paths ?? [])] };
}

/** Runs the scripts one after another in a clone. @throws Error with what one printed that failed, and for a path that is missing */
async function runScripts(
  /** @type {string} */ workspace,
  /** @type {{ scripts: Script[], paths: string[] }} */ { scripts, paths },
  /** @type {Values} */ runner,
) {
  for (const { script, env } of scripts) {
    const options = { cwd: workspace, env: { ...process.env, ...env, ...runner } };
    const { code, stdout, stderr } = await bash(script, options);
    expect(code === 0, `${script}\nexit code ${code}\n${stdout}${stderr}`);
  }
  const missing = paths.filter((path) => !existsSync(join(workspace, path)));
  expect(missing.length === 0, `the example keeps files that it does not make: ${missing.join(", ")}`);
  /** @type {{ result: { stages: { name: string, status: string }[] } }} */
  const { result } = JSON.parse(await readFile(join(workspace, "run.json"), "utf8"));
  const again = result.stages.filter(({ status }) => status !== "skipped").map(({ name }) => name);
  expect(again.length === 0, `stages that ran although they were up to date: ${again.join(", ")}`);
}

/**
 * @param project folder of the first hour, with its recipe, data and finished run
 * @param registry host and port of a registry of containers
 * @param examples folder of the two files
 * @param env variables of the runners
 */
export async function tryCiExamples(
  /** @type {{ root: string, project: string, registry: string, examples: string, env: Values }} */
  { root, project, registry, examples, env },
) {
  const read = async (/** @type {string} */ file) => parse(await readFile(join(examples, file), "utf8"));
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
  for (const { name, example, runner } of [
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
      `${((performance.now() - start) / 1000).toFixed(1).padStart(6)} s  the example for ${name}, its shell commands`,
    );
  }
  const slm = (/** @type {string[]} */ ...argv) =>
    execFileSync("npx", ["--no-install", "slm", ...argv], {
      cwd: join(root, "github"),
      env: { ...process.env, ...env },
    });
  await writeFile(join(root, "github", "key.pub.pem"), publicKey.export({ type: "spki", format: "pem" }));
  slm("pull", `${registry}/someone/dates/model:sha-1`, "-o", "pulled");
  slm("verify", "pulled", "--key", "key.pub.pem");
}
