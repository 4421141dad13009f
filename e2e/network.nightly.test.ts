/**
 * Commands connect only to hosts that the user names. The tests watch every Node process of a command, and check that ONNX Runtime's
 * telemetry folder stays empty. Needs `npm run build`.
 */
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "@slm/core/testing";
import { execa } from "execa";
import { beforeAll, describe, expect, test } from "vitest";
import { tinyRecipe, writeTinyRecipe } from "@slm/pipeline/testing/tiny-run";
import { bin } from "./slm-process.js";

const GUARD = fileURLToPath(new URL("./network/guard.cjs", import.meta.url));
const BENCH = { runs: 2 };
/** The whole pipeline, with processes of the benchmark. */
const TIMEOUT_MS = 300_000;

/** Variables with which ONNX Runtime (1.30.0) detects CI, where it records no telemetry. */
const CI_VARIABLES = [
  ..."CI TF_BUILD GITHUB_ACTIONS GITLAB_CI CIRCLECI TRAVIS APPVEYOR BUILDKITE JENKINS_URL".split(" "),
  "CODEBUILD_BUILD_ID",
  "TEAMCITY_VERSION",
  "SYSTEM_TEAMFOUNDATIONCOLLECTIONURI",
];

const root = temporaryFolder();
beforeAll(async () => {
  await mkdir(join(root, "home"));
  await writeTinyRecipe(root, { ...tinyRecipe(root), bench: BENCH });
});

/** Telemetry folder of ONNX Runtime on Linux and macOS. */
const recorded = (): string => join(root, "home", ".cache", "Microsoft");

/** Runs a program with its own home directory and the guard. @returns its exit code, and the addresses that it connected to */
async function watched(
  argv: readonly string[],
  more: Record<string, string | undefined> = {},
): Promise<{ readonly exitCode: number | undefined; readonly addresses: readonly string[] }> {
  const log = join(root, "network.log");
  await writeFile(log, "");
  const home = join(root, "home");
  const env = {
    HOME: home,
    XDG_CACHE_HOME: join(home, ".cache"),
    NODE_OPTIONS: `--require ${GUARD}`,
    SLM_NETWORK_LOG: log,
    // Remove the settings that disable telemetry in the tests' own processes and in CI, so that they do not hide a problem.
    ORT_DISABLE_TELEMETRY: undefined,
    ...Object.fromEntries(CI_VARIABLES.map((name) => [name, undefined])),
    ...more,
  };
  const { exitCode } = await execa(process.execPath, argv, { cwd: root, env, reject: false });
  const lines = (await readFile(log, "utf8")).split("\n").filter((line) => line !== "");
  return { exitCode, addresses: [...new Set(lines)] };
}

const slm = (...argv: readonly string[]): ReturnType<typeof watched> => watched([bin, ...argv]);

describe("slm", () => {
  test(
    "turns to no address, and nothing is recorded for others, from rows to answers",
    async () => {
      for (const argv of [
        ["run", "r.yaml", "--out", "run", "--threads", "1"],
        ["generate", "run/deploy", "--prompt", "abc"],
        ["eval", "run/deploy", "--data", "test.jsonl", "--metrics", "wer"],
        ["report", "run", "-o", "report.html"],
        ["verify", "run/deploy"],
        ["doctor"],
        ["--help"],
      ])
        expect([argv[0], await slm(...argv)]).toEqual([argv[0], { exitCode: 0, addresses: [] }]);
      expect(existsSync(recorded())).toBe(false);
    },
    TIMEOUT_MS,
  );

  test(
    "turns to the address that a command names, and to no other",
    async () => {
      // No server listens there.
      const { exitCode, addresses } = await slm("pull", "127.0.0.1:49151/none:1", "-o", "pulled");
      expect(exitCode).not.toBe(0);
      expect(addresses).toEqual(["connect 127.0.0.1:49151"]);
    },
    TIMEOUT_MS,
  );

  test.runIf(process.platform === "linux")(
    "is quiet because it forbids ONNX Runtime's telemetry, which records where nobody does",
    async () => {
      const binding = createRequire(
        new URL("../packages/runtime-node/package.json", import.meta.url),
      ).resolve("onnxruntime-node");
      const load = `require(process.argv[1]).InferenceSession.create(process.argv[2])`;
      const model = join(root, "run", "export", "encoder.onnx");
      await watched(["--eval", load, binding, model]);
      expect(existsSync(recorded())).toBe(true);
    },
    TIMEOUT_MS,
  );
});
