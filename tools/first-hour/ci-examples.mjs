/** The CI examples of `docs/pipelines`, run in a repository that holds a recipe and its data, against registries on this machine. */
import { execFileSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "yaml";
import { runGithubJob, runGitlabPipeline } from "./ci-jobs.mjs";

/** Fewer steps: these jobs are about what is kept of a job, not about the model. Variables override a recipe. */
const SHORT = {
  SLM_TEACHER__STEPS: "100",
  SLM_DISTILL__STEPS: "200",
  SLM_DISTILL__EVALUATE_EVERY: "200",
  SLM_QUANTIZE__GATE__MAX_DROP: "1",
};

const GITHUB = {
  "github.ref": "refs/heads/main",
  "github.ref_name": "main",
  "github.base_ref": "",
  "github.actor": "someone",
  "secrets.GITHUB_TOKEN": "any",
};

/** @type {(condition: boolean, message?: string) => asserts condition} */
function expect(condition, message) {
  if (!condition) throw new Error(message);
}

async function step(/** @type {string} */ name, /** @type {() => Promise<void>} */ body) {
  const start = performance.now();
  await body();
  console.log(`${((performance.now() - start) / 1000).toFixed(1).padStart(6)} s  ${name}`);
}

/**
 * @typedef {import("./ci-jobs.mjs").Values} Values
 *
 * Folders of the test, of the two examples and of the repository, the registry of containers, and the variables of the runners.
 * @typedef {{ root: string, repository: string, registry: string, examples: string, env: Values }} Places
 */

/** What became of each stage, from the result of `slm run --json`. */
const stagesOf = async (/** @type {string} */ file) => {
  /** @type {{ result: { stages: { name: string, status: string }[] } }} */
  const { result } = JSON.parse(await readFile(file, "utf8"));
  return Object.fromEntries(result.stages.map(({ name, status }) => [name, status]));
};

const printed = (
  /** @type {(import("./session.mjs").Done & { name: string }) | undefined} */
  { name, code, stdout, stderr } = { name: "no step", code: 0, stdout: "", stderr: "" },
) => `${name}: exit code ${code}\n${stdout}${stderr}`;

/**
 * @param project folder of the first hour, with its recipe, data and finished run
 * @param registry host and port of a registry of containers
 * @param examples folder of the two files
 * @param env variables of the runners
 */
export async function tryCiExamples(
  /** @type {Omit<Places, "repository"> & { project: string }} */
  { root, project, registry, examples, env },
) {
  const repository = join(root, "repository");
  await mkdir(repository);
  for (const file of ["recipe.yaml", "dates.csv"]) await cp(join(project, file), join(repository, file));
  const git = (/** @type {string[]} */ ...argv) =>
    execFileSync("git", argv, { cwd: repository, stdio: ["ignore", "ignore", "inherit"] });
  git("init", "--quiet", "--initial-branch", "main");
  git("add", ".");
  git(
    "-c",
    "user.name=someone",
    "-c",
    "user.email=someone@localhost",
    "commit",
    "--quiet",
    "-m",
    "A recipe and its data",
  );
  await github({ root, repository, registry, examples, env });
  await githubAction({ root, repository, examples, env, run: join(project, "runs", "dates") });
  await gitlab({ root, repository, registry, examples, env, run: join(project, "runs", "dates") });
}

async function github(/** @type {Places} */ { root, repository, registry, examples, env }) {
  /** @type {import("./ci-jobs.mjs").Workflow} */
  const workflow = parse(await readFile(join(examples, "github-actions.yml"), "utf8"));
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const caches = join(root, "github-caches");
  await mkdir(caches);
  const job = (
    /** @type {number} */ run,
    /** @type {{ onStderr?: import("./session.mjs").LineListener }} */ options = {},
  ) => {
    const workspace = join(root, `github-${run}`);
    const contexts = {
      ...GITHUB,
      "github.run_id": String(run),
      "github.run_attempt": "1",
      "secrets.SLM_SIGNING_KEY": privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    };
    const variables = {
      ...SHORT,
      ...env,
      REGISTRY: registry,
      GITHUB_REPOSITORY: "Someone/Dates",
      GITHUB_SHA: `sha-${run}`,
    };
    const places = { workspace, repository, caches, artifacts: join(root, `github-artifacts-${run}`) };
    return {
      ...places,
      outcome: runGithubJob(workflow, { ...places, contexts, env: variables, ...options }),
    };
  };
  await step("GitHub's example, cancelled while the student is trained", async () => {
    /** @type {import("./session.mjs").LineListener} */
    const onStderr = (line, interrupt) => {
      if (line.includes('"stage":"distill"') && line.includes('"event":"progress"')) interrupt();
    };
    const { hasFailed, steps } = await job(1, { onStderr }).outcome;
    expect(hasFailed && steps.at(-1)?.code === 130, printed(steps.at(-1)));
  });
  await step("GitHub's example, going on from what that job saved", async () => {
    const { workspace, artifacts, outcome } = job(2);
    const { hasFailed, steps } = await outcome;
    expect(!hasFailed, printed(steps.at(-1)));
    const stages = await stagesOf(join(artifacts, "run.json"));
    expect(stages.teacher === "skipped" && stages.distill === "ran", JSON.stringify(stages));
    await writeFile(join(workspace, "key.pub.pem"), publicKey.export({ type: "spki", format: "pem" }));
    const slm = (/** @type {string[]} */ ...argv) =>
      execFileSync("npx", ["--no-install", "slm", ...argv], {
        cwd: workspace,
        env: { ...process.env, ...env },
        stdio: "pipe",
      });
    slm("pull", `${registry}/someone/dates/model:sha-2`, "-o", "pulled");
    slm("verify", "pulled", "--key", "key.pub.pem");
  });
}

/** A pull request with slm's action, after a run of the base branch. */
async function githubAction(
  /** @type {Omit<Places, "registry"> & { run: string }} */ { root, repository, examples, env, run },
) {
  /** @type {import("./ci-jobs.mjs").Workflow} */
  const workflow = parse(await readFile(join(examples, "github-action.yml"), "utf8"));
  /** @type {import("./ci-jobs.mjs").CompositeAction} */
  const action = parse(await readFile(join(import.meta.dirname, "../../action.yml"), "utf8"));
  const caches = join(root, "action-caches");
  await cp(run, join(caches, "slm-main-1-1"), { recursive: true });
  const summary = join(root, "summary.md");
  const contexts = {
    ...GITHUB,
    "github.ref": "refs/pull/2/merge",
    "github.ref_name": "2/merge",
    "github.base_ref": "main",
    "github.run_id": "2",
    "github.run_attempt": "1",
  };
  const workspace = join(root, "github-action");
  await step("GitHub's example with slm's action, in a pull request", async () => {
    const { hasFailed, steps } = await runGithubJob(workflow, {
      workspace,
      repository,
      caches,
      artifacts: join(root, "action-artifacts"),
      contexts,
      env: { ...env, GITHUB_STEP_SUMMARY: summary },
      actions: { "OWNER/slm@v0.1.0": action },
    });
    expect(!hasFailed, printed(steps.at(-1)));
    const stages = await stagesOf(join(workspace, "runs", "model.json"));
    expect(stages.distill === "skipped", JSON.stringify(stages));
    const text = await readFile(summary, "utf8");
    for (const part of ["## runs/model: passed", "exactMatch", "size of the bundle", "| base |"])
      expect(text.includes(part), `the summary has no ${part}: ${text}`);
  });
}

async function gitlab(
  /** @type {Places & { run: string }} */ { root, repository, registry, examples, env, run },
) {
  /** @type {import("./ci-jobs.mjs").Pipeline} */
  const pipeline = parse(await readFile(join(examples, "gitlab-ci.yml"), "utf8"));
  const folder = join(root, "gitlab");
  const caches = join(root, "gitlab-caches");
  // The cache of the default branch, from which another branch begins.
  await cp(run, join(caches, "slm-main", "runs", "model"), { recursive: true });
  await mkdir(folder);
  const variables = {
    CI_COMMIT_REF_SLUG: "main",
    CI_COMMIT_BRANCH: "main",
    CI_DEFAULT_BRANCH: "main",
    CI_COMMIT_SHORT_SHA: "0123abcd",
    CI_REGISTRY_IMAGE: `${registry}/someone/dates`,
    CI_REGISTRY_USER: "someone",
    CI_REGISTRY_PASSWORD: "any",
  };
  await step("GitLab's example, with the stages of the first hour in its cache", async () => {
    const outcomes = await runGitlabPipeline(pipeline, {
      repository,
      root: folder,
      caches,
      env: { ...env, ...variables },
    });
    const failed = outcomes.find(({ code }) => code !== 0);
    expect(failed === undefined, printed(failed));
    expect(outcomes.map(({ name }) => name).join() === "model,publish", "a job is missing");
    const stages = await stagesOf(join(folder, "model.artifacts", "run.json"));
    expect(
      Object.values(stages).every((status) => status === "skipped"),
      JSON.stringify(stages),
    );
  });
}
