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
import { expect, step } from "../lib/steps.js";
import { bash } from "./session.js";

/** Values of variables and of `${{ ... }}`, by name. */
type Values = Readonly<Record<string, string>>;

/** The fields that are read from github-actions.yml, action.yml, and a job of gitlab-ci.yml. */
interface GithubStep {
  readonly run?: string;
  readonly uses?: string;
  readonly with?: Values;
  readonly env?: Values;
}
interface Workflow {
  readonly env: Values;
  readonly jobs: { readonly model: { readonly steps: readonly GithubStep[] } };
}
interface Action {
  readonly inputs: Readonly<Record<string, { readonly default: string }>>;
  readonly runs: { readonly steps: readonly GithubStep[] };
}
interface GitlabJob {
  readonly script: readonly string[];
  readonly variables?: Values;
  readonly cache?: { readonly paths: readonly string[] };
  readonly artifacts?: { readonly paths: readonly string[] };
}
interface Pipeline {
  readonly variables: Values;
  readonly model: GitlabJob;
  readonly publish: GitlabJob;
}

/** A part of an example that the runner passes to a shell. */
interface Script {
  readonly script: string;
  readonly env: Values;
}

/** The parts of an example, the files that it keeps, and the file with the result of `slm run`. */
interface Example {
  readonly scripts: readonly Script[];
  readonly paths: readonly string[];
  readonly result: string;
}

export interface CiOptions {
  readonly root: string;
  /** Folder of the first hour with its recipe, data and finished run. */
  readonly project: string;
  /** Host and port of a container registry. */
  readonly registry: string;
  /** Variables of the runners. */
  readonly env: Values;
}

const repository = join(import.meta.dirname, "..", "..");
const CONTEXT = /\$\{\{\s*([\w.]+)\s*\}\}/gu;
const VARIABLE = /\$(\w+)/gu;

/** Replaces each match of `pattern` in `text` with the value named by its first group. */
const filled = (text: string, pattern: RegExp, values: Values): string =>
  text.replace(pattern, (_match, name: string) => {
    expect(values[name] !== undefined, `docs/pipelines: no value for ${name}`);
    return values[name];
  });

const filledAll = (fields: Values = {}, pattern: RegExp, values: Values): Values =>
  Object.fromEntries(Object.entries(fields).map(([name, text]) => [name, filled(text, pattern, values)]));

/** The shell scripts of a list of steps. */
const ofSteps = (steps: readonly GithubStep[], contexts: Values): readonly Script[] =>
  steps.flatMap(({ run, env }) =>
    run === undefined
      ? []
      : [{ script: filled(run, CONTEXT, contexts), env: filledAll(env, CONTEXT, contexts) }],
  );

/** A GitHub workflow. */
function ofGithub({ env, jobs }: Workflow, contexts: Values): Example {
  const { steps } = jobs.model;
  const scripts = ofSteps(steps, contexts).map((one) => ({ ...one, env: { ...env, ...one.env } }));
  const paths = steps.flatMap(({ with: inputs }) => inputs?.["path"]?.trim().split(/\s+/u) ?? []);
  return { scripts, paths, result: "run.json" };
}

/** slm's own action, called as in the example, and the summary that it writes. */
function ofAction({ inputs, runs }: Action, { jobs }: Workflow, summary: string): Example {
  const called = jobs.model.steps.find(({ uses }) => uses?.includes("/slm@"));
  expect(called !== undefined, "docs/pipelines/github-action.yml does not call the action");
  const defaults = Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, input.default]));
  const values = Object.entries({ ...defaults, ...called.with });
  const contexts = Object.fromEntries(values.map(([name, value]) => [`inputs.${name}`, value]));
  return { scripts: ofSteps(runs.steps, contexts), paths: [summary], result: "runs/model.json" };
}

/** A GitLab pipeline. */
function ofGitlab({ variables, model, publish }: Pipeline, predefined: Values): Example {
  const scripts = [model, publish].map(({ script, variables: own }) => ({
    script: script.join("\n"),
    env: { ...variables, ...predefined, ...filledAll(own, VARIABLE, predefined) },
  }));
  const paths = [...(model.cache?.paths ?? []), ...(model.artifacts?.paths ?? [])];
  return { scripts, paths, result: "run.json" };
}

/** Runs the scripts one after another in a clone. @throws Error with the output of a script that fails, and for a missing path */
async function runScripts(workspace: string, { scripts, paths, result: file }: Example, runner: Values) {
  for (const { script, env } of scripts) {
    const options = { cwd: workspace, env: { ...process.env, ...env, ...runner } };
    const { code, stdout, stderr } = await bash(script, options);
    expect(code === 0, `${script}\nexit code ${code}\n${stdout}${stderr}`);
  }
  const missing = paths.filter((path) => !existsSync(resolve(workspace, path)));
  expect(missing.length === 0, `the example keeps files that it does not create: ${missing.join(", ")}`);
  const { result } = JSON.parse(await readFile(join(workspace, file), "utf8")) as {
    readonly result: { readonly stages: readonly { readonly name: string; readonly status: string }[] };
  };
  const again = result.stages.filter(({ status }) => status !== "skipped").map(({ name }) => name);
  expect(again.length === 0, `stages that ran although they were up to date: ${again.join(", ")}`);
}

export async function tryCiExamples({ root, project, registry, env }: CiOptions): Promise<void> {
  const read = async (...path: string[]): Promise<unknown> =>
    parse(await readFile(join(repository, ...path), "utf8"));
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
  const [action, caller, workflow, pipeline] = (await Promise.all([
    read("action.yml"),
    ...["github-action.yml", "github-actions.yml", "gitlab-ci.yml"].map((file) =>
      read("docs/pipelines", file),
    ),
  ])) as [Action, Workflow, Workflow, Pipeline];
  const summarized = { ...env, GITHUB_STEP_SUMMARY: summary };
  for (const [name, example, runner] of [
    ["action", ofAction(action, caller, summary), summarized],
    ["github", ofGithub(workflow, contexts), github],
    ["gitlab", ofGitlab(pipeline, predefined), env],
  ] as const)
    await step(`shell commands of the ${name} example`, async () => {
      const workspace = join(root, name);
      await mkdir(workspace);
      for (const file of ["recipe.yaml", "dates.csv"]) await cp(join(project, file), join(workspace, file));
      await cp(join(project, "runs", "dates"), join(workspace, "runs", "model"), { recursive: true });
      await runScripts(workspace, example, runner);
    });
  const written = await readFile(summary, "utf8");
  expect(/exactMatch.*\|/u.test(written), `the summary of the action has no table of quality:\n${written}`);
  const cwd = join(root, "github");
  const slm = (...argv: string[]) =>
    execFileSync("npx", ["--no-install", "slm", ...argv], { cwd, env: { ...process.env, ...env } });
  await writeFile(join(cwd, "key.pub.pem"), publicKey.export({ type: "spki", format: "pem" }));
  slm("pull", `${registry}/someone/dates/model:sha-1`, "-o", "pulled");
  slm("verify", "pulled", "--key", "key.pub.pem");
}
