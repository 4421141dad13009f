/** Runs the steps of the CI examples on this machine, as the runners of GitHub and GitLab do: what they use of them, and nothing else. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdir, readdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { bash } from "./session.mjs";

/**
 * Values by name: of variables and of `${{ ... }}`.
 *
 * @typedef {Readonly<Record<string, string | undefined>>} Values
 *
 * @typedef {object} Places
 * @property {string} repository
 * @property {string} workspace
 * @property {string} caches
 * @property {string} artifacts
 *
 * @typedef {{ name?: string, uses?: string, run?: string, if?: string, with?: Values, env?: Values }} GithubStep
 * @typedef {{ env?: Values, jobs: Record<string, { steps: GithubStep[] }> }} Workflow
 *
 * A parsed action.yml.
 * @typedef {{ inputs: Record<string, { default: string }>, runs: { steps: GithubStep[] } }} CompositeAction
 *
 * @typedef {object} GitlabJob
 * @property {string} [stage]
 * @property {string[]} [script]
 * @property {{ key: string, fallback_keys: string[], paths: string[], when?: string }} [cache]
 * @property {string[]} [needs]
 * @property {{ if: string }[]} [rules]
 * @property {{ paths: string[], when?: string }} [artifacts]
 * @property {Values} [variables]
 *
 * A parsed gitlab-ci.yml: jobs by name, next to `stages` and `variables`.
 * @typedef {{ stages: string[], variables: Values } & Record<string, unknown>} Pipeline
 */

const copy = async (/** @type {string} */ from, /** @type {string} */ to) => {
  await mkdir(dirname(to), { recursive: true });
  await cp(from, to, { recursive: true });
};

const clone = (/** @type {string} */ repository, /** @type {string} */ workspace) =>
  execFileSync("git", ["clone", "--quiet", "--depth", "1", `file://${repository}`, workspace]);

/** Copies what exists of some paths. */
async function keep(
  /** @type {readonly string[]} */ paths,
  /** @type {string} */ from,
  /** @type {string} */ to,
) {
  for (const path of paths) if (existsSync(join(from, path))) await copy(join(from, path), join(to, path));
}

const linesOf = (text = "") =>
  text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");

// GitHub ----------------------------------------------------------------------------------------------------------------

/** Values of `${{ NAME }}` and `${{ NAME || OTHER }}`. An expression that is not in this table is an error. */
function filled(/** @type {unknown} */ text, /** @type {Values} */ contexts) {
  return String(text).replace(/\$\{\{\s*([\w. |]+?)\s*\}\}/g, (_match, /** @type {string} */ expression) => {
    const values = expression.split(" || ").map((name) => {
      const value = contexts[name];
      if (value === undefined) throw new Error(`a GitHub workflow: no value for ${name}`);
      return value;
    });
    return values.find((value) => value !== "") ?? "";
  });
}

const filledAll = (/** @type {Values | undefined} */ fields, /** @type {Values} */ contexts) =>
  Object.fromEntries(Object.entries(fields ?? {}).map(([name, value]) => [name, filled(value, contexts)]));

/**
 * Conditions of steps, by what they say.
 *
 * @type {Readonly<Record<string, (hasFailed: boolean, contexts: Values) => boolean>>}
 */
const CONDITIONS = {
  "always()": () => true,
  "github.ref == 'refs/heads/main'": (hasFailed, contexts) =>
    !hasFailed && contexts["github.ref"] === "refs/heads/main",
  "inputs.recipe != ''": (hasFailed, contexts) => !hasFailed && contexts["inputs.recipe"] !== "",
  "always() && inputs.recipe != ''": (_hasFailed, contexts) => contexts["inputs.recipe"] !== "",
};

/** The newest saved cache whose key begins so. */
async function newestCache(/** @type {string} */ root, /** @type {string} */ prefix) {
  const names = (await readdir(root)).filter((name) => name.startsWith(prefix));
  const times = await Promise.all(names.map(async (name) => (await stat(join(root, name))).mtimeMs));
  return names[times.indexOf(Math.max(...times))];
}

/**
 * What the actions do that the example uses.
 *
 * @type {Readonly<Record<string, (places: Places, inputs: Record<string, string>) => unknown>>}
 */
const ACTIONS = {
  "actions/checkout@v4": ({ repository, workspace }) => clone(repository, workspace),
  "actions/setup-node@v4": () => undefined,
  "actions/cache/restore@v4": async (
    { caches, workspace },
    { path = "", key = "", "restore-keys": others },
  ) => {
    for (const prefix of [key, ...linesOf(others)]) {
      const found = await newestCache(caches, prefix);
      if (found !== undefined) return copy(join(caches, found), join(workspace, path));
    }
  },
  "actions/cache/save@v4": async ({ caches, workspace }, { path = "", key = "" }) => {
    const place = join(caches, key);
    if (!existsSync(place) && existsSync(join(workspace, path))) await copy(join(workspace, path), place);
  },
  "actions/upload-artifact@v4": ({ artifacts, workspace }, { path }) =>
    keep(linesOf(path), workspace, artifacts),
};

/**
 * Runs the one job of a workflow.
 *
 * `contexts` are the values of `${{ ... }}`, `env` the variables of the runner, stronger than the workflow's, `actions` the composite
 * actions that the workflow uses, by name.
 *
 * @returns whether it failed, and what each step printed
 */
export async function runGithubJob(
  /** @type {Workflow} */ workflow,
  /** @type {Places & { contexts: Values, env: Values, actions?: Readonly<Record<string, CompositeAction>>, onStderr?: import("./session.mjs").LineListener }} */
  { contexts, env, actions = {}, onStderr, ...places },
) {
  const [job] = Object.values(workflow.jobs);
  if (job === undefined) throw new Error("github-actions.yml: no job");
  /** @type {(import("./session.mjs").Done & { name: string })[]} */
  const done = [];
  let hasFailed = false;

  /** Runs the steps of a job or of a composite action, whose inputs are in `values`. */
  const runSteps = async (/** @type {readonly GithubStep[]} */ steps, /** @type {Values} */ values) => {
    for (const { name, uses, run, if: condition, with: inputs, env: variables } of steps) {
      const holds = condition === undefined ? !hasFailed : CONDITIONS[condition]?.(hasFailed, values);
      if (holds === undefined) throw new Error(`a GitHub workflow: unknown condition ${condition}`);
      if (!holds) continue;
      if (uses !== undefined) {
        const given = filledAll(inputs, values);
        const composite = actions[uses];
        const action = ACTIONS[uses];
        if (composite !== undefined)
          await runSteps(composite.runs.steps, { ...values, ...inputsOf(composite, given) });
        else if (action !== undefined) await action(places, given);
        else throw new Error(`a GitHub workflow: unknown action ${uses}`);
        continue;
      }
      const own = { ...filledAll(workflow.env, values), ...filledAll(variables, values) };
      const options = { cwd: places.workspace, env: { ...process.env, ...own, ...env }, onStderr };
      const outcome = await bash(filled(run, values), options);
      done.push({ name: name ?? "", ...outcome });
      hasFailed ||= outcome.code !== 0;
    }
  };
  await runSteps(job.steps, contexts);
  return { hasFailed, steps: done };
}

/** The values of `${{ inputs.NAME }}`. */
function inputsOf(/** @type {CompositeAction} */ { inputs }, /** @type {Values} */ given) {
  for (const name of Object.keys(given))
    if (!(name in inputs)) throw new Error(`action.yml: no input ${name}`);
  return Object.fromEntries(
    Object.entries(inputs).map(([name, { default: preset }]) => [`inputs.${name}`, given[name] ?? preset]),
  );
}

// GitLab ----------------------------------------------------------------------------------------------------------------

/** `$NAME` in settings of a job; variables of the shell are left to the shell. */
const expanded = (/** @type {unknown} */ text, /** @type {Values} */ env) =>
  String(text).replace(/\$(\w+)/g, (_match, /** @type {string} */ name) => env[name] ?? "");

/** @type {Readonly<Record<string, (env: Values) => boolean>>} */
const RULES = {
  "$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH": (env) => env.CI_COMMIT_BRANCH === env.CI_DEFAULT_BRANCH,
};

/**
 * Runs all jobs of a pipeline, stage by stage, each in a fresh clone with the artifacts of the jobs that it needs.
 *
 * `env` are the variables that GitLab sets, and those of the runner.
 *
 * @returns what each job printed
 */
export async function runGitlabPipeline(
  /** @type {Pipeline} */ pipeline,
  /** @type {{ repository: string, root: string, caches: string, env: Values }} */
  { repository, root, caches, env },
) {
  const jobs = pipeline.stages.flatMap((stage) =>
    Object.entries(/** @type {Record<string, GitlabJob>} */ (pipeline)).filter(
      ([, job]) => job.script !== undefined && job.stage === stage,
    ),
  );
  /** @type {(import("./session.mjs").Done & { name: string })[]} */
  const outcomes = [];
  for (const [name, { script, cache, needs = [], rules = [], artifacts, variables }] of jobs) {
    const common = { ...pipeline.variables, ...env };
    const values = { ...common, ...filledVariables(variables, common) };
    for (const { if: condition } of rules)
      if (RULES[condition] === undefined) throw new Error(`gitlab-ci.yml: unknown rule ${condition}`);
    if (rules.length > 0 && !rules.some(({ if: condition }) => RULES[condition]?.(values))) continue;
    const workspace = join(root, name);
    clone(repository, workspace);
    for (const other of needs) await copy(join(root, `${other}.artifacts`), workspace);
    const keys =
      cache === undefined ? [] : [cache.key, ...cache.fallback_keys].map((key) => expanded(key, values));
    const stored = keys.map((key) => join(caches, key)).find((place) => existsSync(place));
    if (stored !== undefined) await copy(stored, workspace);
    const options = { cwd: workspace, env: { ...process.env, ...values } };
    const done = await bash((script ?? []).join("\n"), options);
    if (cache !== undefined && (done.code === 0 || cache.when === "always"))
      await keep(cache.paths, workspace, join(caches, keys[0] ?? ""));
    if (artifacts !== undefined && (done.code === 0 || artifacts.when === "always"))
      await keep(artifacts.paths, workspace, join(root, `${name}.artifacts`));
    outcomes.push({ name, ...done });
    if (done.code !== 0) break;
  }
  return outcomes;
}

const filledVariables = (/** @type {Values | undefined} */ variables, /** @type {Values} */ env) =>
  Object.fromEntries(Object.entries(variables ?? {}).map(([name, value]) => [name, expanded(value, env)]));
