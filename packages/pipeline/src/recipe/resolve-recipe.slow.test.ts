import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder, withCode } from "@slm/core/testing";
import { SlmError } from "@slm/core/errors";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { asMapping } from "./mapping.js";
import { printRecipe, resolveRecipe, type ResolvedRecipe } from "./resolve-recipe.js";

const schemas = {
  data: z.strictObject({
    source: z
      .discriminatedUnion("kind", [
        z.strictObject({ kind: z.literal("words") }),
        z.strictObject({ kind: z.literal("file"), path: z.string() }),
      ])
      .default({ kind: "words" }),
    limit: z.int().positive().optional(),
  }),
  distill: z.strictObject({
    steps: z.int().positive().default(100),
    batchSize: z.int().positive().default(8),
    layers: z.array(z.int()).default([4, 2]),
    optimizer: z.strictObject({ rate: z.number().default(0.001), warmup: z.int().default(10) }).prefault({}),
  }),
};

const root = temporaryFolder({ each: true });

interface Overrides {
  readonly sets?: readonly string[];
  readonly skip?: readonly string[];
  readonly environment?: NodeJS.ProcessEnv;
}

async function resolve(
  text: string,
  { sets = [], skip = [], environment = {} }: Overrides = {},
): Promise<ResolvedRecipe> {
  const path = join(root, "r.yaml");
  await writeFile(path, text);
  return resolveRecipe({ path, sets, skip, environment }, () => ({
    schemas,
    neededBy: (named) => Object.keys(schemas).filter((section) => named.includes(section)),
  }));
}

const settingsOf = (recipe: ResolvedRecipe, section: string): unknown => recipe.sections[section]?.settings;

/** The error of a recipe; the temporary directory is removed from the message. */
async function rejection(text: string, overrides: Overrides = {}): Promise<SlmError> {
  const outcome = await resolve(text, overrides).catch((error: unknown) => error);
  if (!(outcome instanceof SlmError)) throw new Error("expected an SlmError", { cause: outcome });
  return new SlmError(outcome.code, outcome.message.replaceAll(`${root}/`, ""), {
    suggestions: outcome.suggestions,
  });
}

describe(resolveRecipe, () => {
  test("flag beats environment beats recipe beats default, and each origin is known", async () => {
    const recipe = await resolve(
      "seed: 5\ndistill:\n  steps: 1\n  batchSize: 2\n  optimizer: { rate: 0.5 }\n",
      {
        sets: ["distill.steps=3", "distill.layers=[1, 1]"],
        environment: { SLM_DISTILL__STEPS: "2", SLM_DISTILL__BATCH_SIZE: "4", PATH: "/bin", SLM_DEBUG: "1" },
      },
    );
    expect(settingsOf(recipe, "distill")).toEqual({
      steps: 3,
      batchSize: 4,
      layers: [1, 1],
      optimizer: { rate: 0.5, warmup: 10 },
    });
    expect(recipe.sections.distill?.origins).toEqual({
      steps: "flag",
      batchSize: "env",
      layers: "flag",
      "optimizer.rate": "recipe",
      "optimizer.warmup": "default",
    });
    expect([recipe.name, recipe.seed, recipe.seedOrigin]).toEqual(["r", 5, "recipe"]);
  });

  test("takes device and threads from a flag, a variable or the recipe; the engine cannot be set there", async () => {
    const plain = await resolve("data: {}\n");
    expect([plain.compute, plain.computeOrigins]).toEqual([
      { engine: "onnx", threads: undefined },
      { device: "default", threads: "default" },
    ]);
    const chosen = await resolve("threads: 8\ndata: {}\n", {
      sets: ["threads=2"],
      environment: { SLM_DEVICE: "gpu", SLM_THREADS: "4" },
    });
    expect([chosen.compute, chosen.computeOrigins]).toEqual([
      { engine: "onnx", device: "gpu", threads: 2 },
      { device: "env", threads: "flag" },
    ]);
    expect((await rejection("data: {}\n", { environment: { SLM_THREADS: "0" } })).code).toBe(
      "CONFIG_INVALID",
    );
    expect((await rejection("engine: onnx\ndata: {}\n")).message).toContain("engine: unknown key");
  });

  test("a mapping of another kind replaces the weaker one, a mapping of the same kind is merged into it", async () => {
    const text = "data:\n  source: { kind: file, path: a }\n";
    const replaced = await resolve(text, { sets: ["data.source={kind: words}"] });
    expect(settingsOf(replaced, "data")).toEqual({ source: { kind: "words" } });
    const added = await resolve(text, { sets: ["data.source={kind: file}"] });
    expect(settingsOf(added, "data")).toEqual({ source: { kind: "file", path: "a" } });
  });

  test("null resets a setting to its default, and leaves out an optional one", async () => {
    const text = "data: { limit: 3 }\ndistill: { optimizer: { rate: 0.5 }, steps: 7 }\n";
    const recipe = await resolve(text, {
      sets: ["data.limit=null", "distill.optimizer=null"],
      environment: { SLM_DISTILL__STEPS: "null" },
    });
    expect(settingsOf(recipe, "data")).toEqual({ source: { kind: "words" } });
    expect(settingsOf(recipe, "distill")).toMatchObject({ optimizer: { rate: 0.001 }, steps: 100 });
    expect((await rejection("data: { limit: null }\n")).message).toMatch(/^r\.yaml:1:9: data\.limit: /);
    const empty = [
      { sets: ["distill.steps="] },
      { sets: ["distill.steps=#"] },
      { environment: { SLM_DISTILL__STEPS: " " } },
    ];
    for (const overrides of empty)
      expect((await rejection(text, overrides)).message).toContain("distill.steps: ");
    expect((await rejection(text, { sets: ["distill.stepz=null"] })).message).toBe(
      "--set distill.stepz=null: distill.stepz: unknown key; did you mean 'steps'?",
    );
  });

  test("a key that only another kind has is named, with the flag that leaves it out", async () => {
    const error = await rejection("data:\n  source: { kind: words, path: a }\n");
    expect([error.message, error.suggestions]).toEqual([
      "r.yaml:2:26: data.source.path: a setting of another kind",
      ["--set data.source.path=null to leave it out"],
    ]);
  });

  test("a mapping includes another one with <<, and its own keys are stronger", async () => {
    const recipe = await resolve("distill: { <<: { steps: 7, batchSize: 3 }, steps: 5 }\n");
    expect(settingsOf(recipe, "distill")).toMatchObject({ steps: 5, batchSize: 3 });
  });

  test("leaves out null and skipped sections; a bare section has its defaults", async () => {
    const named = async (text: string, overrides?: Overrides): Promise<readonly string[]> =>
      Object.keys((await resolve(text, overrides)).sections);
    expect(await named("data:\ndistill:\n")).toEqual(["data", "distill"]);
    expect(await named("data:\ndistill: null\n")).toEqual(["data"]);
    expect(await named("data: ~\ndistill: {}\n")).toEqual(["distill"]);
    expect(await named("data:\ndistill: {}\n", { sets: ["distill=null"] })).toEqual(["data"]);
    expect(await named("data:\ndistill: {}\n", { skip: ["distill"] })).toEqual(["data"]);
    expect(await named("data:\ndistill: null\n", { sets: ["distill.steps=3"] })).toEqual(["data", "distill"]);
    expect(await named("data:\ndistill: null\n", { sets: ["distill="] })).toEqual(["data", "distill"]);
  });

  test("rejects a run that needs a stage that is turned off, and names the setting that turned it off", async () => {
    const path = join(root, "r.yaml");
    await writeFile(path, "distill: {}\n");
    const needing = (skip: readonly string[], text = "distill: {}\n"): Promise<unknown> =>
      writeFile(path, text).then(() =>
        resolveRecipe({ path, sets: [], environment: {}, skip }, () => ({
          schemas,
          neededBy: (named) => (named.includes("distill") ? ["data", "distill"] : named),
        })),
      );
    await expect(needing(["data"])).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      message: "--skip data: stage 'data' is turned off, but distill needs it",
      suggestions: ["--skip distill --skip data"],
    });
    await expect(needing([], "data: null\ndistill: {}\n")).rejects.toThrow(withCode("CONFIG_INVALID"));
    await expect(needing(["dta"])).rejects.toMatchObject({
      code: "USAGE",
      message: "--skip dta: no stage 'dta'; did you mean 'data'?",
    });
  });

  test("contains only sections from the recipe or a flag, not sections from variables", async () => {
    const recipe = await resolve("data:\n", { environment: { SLM_DISTILL__STEPS: "2" } });
    expect(Object.keys(recipe.sections)).toEqual(["data"]);
    expect(recipe.sections.data?.origins).toEqual({ "source.kind": "default" });
    expect(Object.keys((await resolve("", { sets: ["distill.steps=2"] })).sections)).toEqual(["distill"]);
  });

  test("names file, line, key and the nearest valid key for a misspelt one", async () => {
    const error = await rejection("data:\n  limit: 3\ndistill:\n  optimizer:\n    rat: 0.1\n");
    expect(error.code).toBe("CONFIG_INVALID");
    expect(error.message).toBe("r.yaml:5:5: distill.optimizer.rat: unknown key; did you mean 'rate'?");
    expect(error.suggestions).toEqual(["write distill.optimizer.rate instead of distill.optimizer.rat"]);
  });

  test("suggests keys inside a union, and lists the valid keys if none is close", async () => {
    expect((await rejection("data:\n  source: { kind: file, path: a, pth: b }\n")).message).toContain(
      "did you mean 'path'?",
    );
    expect((await rejection("distill:\n  q: 1\n")).message).toContain(
      "valid keys: steps, batchSize, layers, optimizer",
    );
    expect((await rejection("distil: {}\n")).message).toBe(
      "r.yaml:1:1: distil: unknown key; did you mean 'distill'?",
    );
  });

  test("names the flag or variable with a wrong value", async () => {
    const flag = await rejection("distill:\n  steps: 1\n", { sets: ["distill.steps=-1"] });
    expect(flag.message).toMatch(/^--set distill\.steps=-1: distill\.steps: /);
    const variable = await rejection("distill:\n  steps: 1\n", {
      environment: { SLM_DISTILL__STEPS: "many" },
    });
    expect(variable.message).toMatch(/^environment variable SLM_DISTILL__STEPS: distill\.steps: /);
    const inList = await rejection("distill:\n  layers:\n    - 1\n    - two\n");
    expect(inList.message).toMatch(/^r\.yaml:4:7: distill\.layers\[1\]: /);
  });

  test("rejects variables of unknown sections and malformed flags", async () => {
    const variable = await rejection("", { environment: { SLM_DISTIL__STEPS: "1" } });
    expect([variable.code, variable.message]).toEqual([
      "CONFIG_INVALID",
      "environment variable SLM_DISTIL__STEPS: no section 'distil'; did you mean 'distill'?",
    ]);
    for (const set of ["steps", "=1", "distill.__proto__.x=1", "distill..steps=1", "distill.steps={"]) {
      expect((await rejection("", { sets: [set] })).code, set).toBe("USAGE");
    }
  });

  test("reports line and column of YAML errors, repeated keys and unknown tags", async () => {
    expect((await rejection("data:\n  limit: [1\n")).message).toMatch(/^r\.yaml:3:1: not valid YAML: /);
    expect((await rejection("seed: 1\nseed: 2\n")).message).toMatch(
      /^r\.yaml:2:1: not valid YAML: Map keys must be unique/,
    );
    expect((await rejection("seed: !secret 1\n")).message).toMatch(
      /^r\.yaml:1:7: not valid YAML: Unresolved tag/,
    );
    expect((await rejection("- 1\n")).message).toBe("r.yaml:1:1: expected a mapping of sections, got a list");
  });

  test("rejects a file that is too large, and aliases that explode", async () => {
    expect((await rejection(`# ${"x".repeat(1 << 20)}`)).code).toBe("DATA_INVALID");
    const bomb = ["a0: &a0 [x,x,x,x,x,x,x,x,x,x]"];
    for (let level = 1; level < 9; level++)
      bomb.push(`a${level}: &a${level} [${`*a${level - 1},`.repeat(10)}]`);
    expect((await rejection(bomb.join("\n"))).code).toBe("CONFIG_INVALID");
  });

  test("answers every mutated recipe with settings or an SlmError", async () => {
    const text =
      "name: tiny\nseed: 3\ndata:\n  source: { kind: file, path: 'a b' }\ndistill: &d\n  layers: [1, 2]\n  optimizer: {rate: 1e-3}\n";
    const mutation = fc.record({
      at: fc.nat(text.length),
      remove: fc.nat(6),
      insert: fc.string({ maxLength: 4, unit: "binary" }),
    });
    await fc.assert(
      fc.asyncProperty(mutation, async ({ at, remove, insert }) => {
        const outcome = await resolve(text.slice(0, at) + insert + text.slice(at + remove)).catch(
          (error: unknown) => error,
        );
        if (outcome instanceof Error) expect(outcome).toBeInstanceOf(SlmError);
      }),
      { numRuns: 200 },
    );
  });

  test("cannot be made to change Object.prototype", async () => {
    await resolve("data: {__proto__: {limit: 3}}\n__proto__: {seed: 9}\n").catch(() => undefined);
    expect(Object.keys(Object.prototype)).toEqual([]);
    expect(asMapping({})?.seed).toBeUndefined();
  });
});

describe(printRecipe, () => {
  test("prints a recipe that resolves to the same settings, with origins as comments", async () => {
    const recipe = await resolve(
      "data: { source: { kind: file, path: a }, limit: 3 }\ndistill:\n  steps: 7\n",
    );
    const printed = printRecipe(recipe);
    expect(printed).toContain("steps: 7 # recipe");
    expect(printed).toContain("batchSize: 8 # default");
    expect((await resolve(printed)).sections.distill?.settings).toEqual(settingsOf(recipe, "distill"));
    expect(parse(printed)).toMatchObject({ name: "r", seed: 1 });
  });
});
