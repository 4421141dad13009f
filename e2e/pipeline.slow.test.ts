/** Runs every stage of a recipe with the built command line, including the benchmark with its processes. Needs `npm run build`. */
import { existsSync, statSync } from "node:fs";
import { mkdir, readFile, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "@slm/core/testing";
import { execa } from "execa";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { tinyRecipe, writeTinyRecipe } from "@slm/pipeline/testing/tiny-run";

const bin = fileURLToPath(new URL("../apps/cli/bin/run.js", import.meta.url));
if (!existsSync(new URL("../apps/cli/dist/main.js", import.meta.url))) {
  throw new Error("these tests run the built command line: npm run build");
}

/** The part of a benchmark that this test checks. */
interface BenchFigures {
  readonly device: { readonly provider: string };
  readonly comparisons: readonly unknown[];
  readonly models: readonly {
    readonly name: string;
    readonly architecture: string;
    readonly scheme: string;
    readonly parameters: number;
  }[];
}

const BENCH = { runs: 2 };

const root = temporaryFolder();
beforeAll(async () => {
  await writeTinyRecipe(root, { ...tinyRecipe(root), bench: BENCH });
});

const slm = (...argv: readonly string[]) =>
  execa(process.execPath, [bin, ...argv], { cwd: root, reject: false });
const json = async (
  ...argv: readonly string[]
): Promise<{ readonly exitCode: number; readonly result: unknown }> => {
  const { stdout, exitCode } = await slm(...argv, "--json");
  return { exitCode: exitCode ?? -1, result: (JSON.parse(stdout) as { readonly result: unknown }).result };
};

describe("slm run", () => {
  test("goes from rows to a verified bundle, and measures it beside a decoder-only baseline", async () => {
    const { result, exitCode } = await json("run", "r.yaml", "--out", "run", "--threads", "1");
    expect(exitCode).toBe(0);
    const stages = ["data", "tokenizer", "teacher", "distill", "export", "quantize", "bench", "deploy"];
    expect(result).toMatchObject({
      stages: stages.map((name) => ({ name, status: "ran" })),
      deploy: "run/deploy",
    });
    const bench = JSON.parse(
      await readFile(join(root, "run", "bench", "bench.json"), "utf8"),
    ) as BenchFigures;
    expect(bench.models.map((model) => [model.architecture, model.scheme])).toEqual([
      ["encoder-decoder", "int8"],
      ["encoder-decoder", "float32"],
      ["decoder-only", "int8"],
    ]);
    const [student, , baseline] = bench.models;
    expect(baseline!.parameters / student!.parameters).toBeCloseTo(1, 1);
    expect(bench.comparisons).toHaveLength(2);
    expect(await readFile(join(root, "run", "deploy", "README.md"), "utf8")).toContain(
      "| per | test split | 3 |",
    );
    expect((await slm("verify", "run/deploy")).exitCode).toBe(0);
    expect((await slm("generate", "run/deploy", "--prompt", "abc")).exitCode).toBe(0);
  });

  test("its models are compared again by slm bench", async () => {
    const argv = ["bench", "run/deploy", "run/export", "--baseline", "decoder-only", "--runs", "2"];
    const { stdout, exitCode } = await slm(...argv, "--data", "test.jsonl", "-o", "report");
    expect(exitCode).toBe(0);
    expect(stdout).toContain("first token p50 / p90 / p95 / p99 [ms]");
    const { models, device } = JSON.parse(
      await readFile(join(root, "report", "bench.json"), "utf8"),
    ) as BenchFigures;
    expect(models.map(({ name }) => name).slice(0, 2)).toEqual(["deploy", "export"]);
    expect(device.provider).toBe("wasm");
    expect((await readdir(join(root, "report"))).sort()).toEqual([
      "bench.json",
      "manifest.json",
      "report.html",
      "table.md",
    ]);
  });

  test("slm bench fails against an earlier benchmark that was better, and names the figure in JUnit XML too", async () => {
    const earlier = join(root, "report", "bench.json");
    const argv = ["bench", "run/deploy", "--runs", "2", "--compare", earlier, "--junit", "bench.xml"];
    // Two runs on a shared machine: times can differ by any amount, sizes must not differ.
    const allowed = await json(...argv, "--max-regression", "10000%");
    expect(allowed.exitCode).toBe(0);
    expect((allowed.result as BenchFigures).models.map(({ name }) => name)).toEqual(["deploy"]);
    expect(await readFile(join(root, "bench.xml"), "utf8")).toContain('failures="0"');
    const before = JSON.parse(await readFile(earlier, "utf8")) as { models: { bytes: number }[] };
    before.models[0]!.bytes = 1;
    await writeFile(earlier, JSON.stringify(before));
    const rejected = await slm(...argv, "--max-regression", "10000%");
    expect(rejected.exitCode).toBe(3);
    expect(rejected.stderr).toMatch(/deploy: size \[bytes\] 1\.000 -> .* beyond the noise/);
    expect(await readFile(join(root, "bench.xml"), "utf8")).toContain('failures="1"');
  }, 240_000);

  test("reads prompts from standard input", async () => {
    const { stdout, exitCode } = await execa(process.execPath, [bin, "generate", "run/deploy"], {
      cwd: root,
      reject: false,
      input: "abc\nde\n",
    });
    expect(exitCode).toBe(0);
    expect(stdout.split("\n")).toHaveLength(2);
  });
});

describe("slm deploy --to npm", () => {
  const app = (): string => join(root, "app");

  /** Unpacks an npm package of the bundle, and runs its `generate()`. */
  const packed = async (model: string): Promise<{ readonly text: string }> => {
    expect((await slm("deploy", model, "--to", "npm", "-o", "packed.tgz")).exitCode).toBe(0);
    const modules = join(app(), "node_modules");
    await rm(join(modules, "package"), { recursive: true, force: true });
    await mkdir(modules, { recursive: true });
    await execa("tar", ["xzf", join(root, "packed.tgz"), "-C", modules]);
    const script = `import { generate } from "package"; console.log(JSON.stringify(await generate("abc")));`;
    await writeFile(join(app(), "main.mjs"), script);
    const { stdout } = await execa(process.execPath, ["main.mjs"], { cwd: app() });
    return JSON.parse(stdout) as { readonly text: string };
  };
  const answer = async (model: string): Promise<string> =>
    (await slm("generate", model, "--prompt", "abc")).stdout;

  test("packs a module whose generate() gives what the bundle gives, without any other package", async () => {
    expect((await packed("run/deploy")).text).toBe(await answer("run/deploy"));
    const files = await readdir(join(app(), "node_modules", "package", "model"));
    expect(files.filter((name) => name.endsWith(".onnx"))).toEqual([]);
  });

  test("packs graphs, whose only dependency is ONNX Runtime", async () => {
    // In npm's layout, with the package's only dependency.
    await mkdir(join(app(), "node_modules"), { recursive: true });
    for (const name of ["onnxruntime-node", "onnxruntime-common"])
      await symlink(
        fileURLToPath(new URL(`../node_modules/${name}`, import.meta.url)),
        join(app(), "node_modules", name),
      );
    expect((await slm("quantize", "run/export", "--scheme", "cpu", "-o", "graphs")).exitCode).toBe(0);
    expect((await packed("graphs")).text).toBe(await answer("graphs"));
  });
});

describe("a distillation that was killed", () => {
  test("is continued by the same command and by slm run, and begun again by --no-resume", async () => {
    const partial = join(root, "run", "distill.partial");
    const long = ["--out", "run", "--set", "distill.steps=100000", "--set", "distill.evaluateEvery=5"];
    /** Runs until a new state is saved, kills the process, and returns whether work was kept. */
    const keptBy = async (...argv: readonly string[]): Promise<boolean> => {
      const state = join(partial, "state.safetensors");
      const witness = join(partial, "witness");
      if (existsSync(partial)) await writeFile(witness, "");
      const savedAt = (): number => (existsSync(state) ? statSync(state).mtimeMs : 0);
      const before = savedAt();
      const running = slm(...argv, ...long);
      await vi.waitFor(
        () => {
          expect(savedAt()).toBeGreaterThan(before);
        },
        { timeout: 120_000, interval: 20 },
      );
      running.kill("SIGKILL");
      await running;
      return existsSync(witness);
    };
    expect(await keptBy("distill", "r.yaml")).toBe(false);
    expect(await keptBy("distill", "r.yaml")).toBe(true);
    expect(await keptBy("run", "r.yaml")).toBe(true);
    expect(await keptBy("distill", "r.yaml", "--no-resume")).toBe(false);
  }, 180_000);
});
