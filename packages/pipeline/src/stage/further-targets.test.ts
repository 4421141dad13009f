import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "@slm/core/testing";
import { SILENT } from "@slm/core";
import { expect, test } from "vitest";
import { z } from "zod";
import { preparePipeline } from "../run/prepare-run.js";
import { resolveRecipe } from "../recipe/resolve-recipe.js";
import { withFurtherTargets } from "./further-targets.js";
import type { PipelineOptions } from "../run/pipeline-options.js";
import { planPipeline } from "../run/plan-pipeline.js";
import { runPipeline } from "../run/run-pipeline.js";
import { requiredStages } from "../run/selection.js";
import { sectionSchemas } from "../run/stage-table.js";
import { defineStage, type Stage } from "./stage.js";

const root = temporaryFolder({ each: true });

/** A stage that writes its setting and the texts of its inputs. */
const fake = (name: string, inputs: Stage["inputs"]): Stage =>
  defineStage({
    name,
    summary: name,
    section: z.strictObject({ target: z.string().default("cpu") }),
    kind: "data",
    revision: 1,
    inputs,
    estimate: ({ sections }) => ({ basis: JSON.stringify(sections["export"]) }),
    run: async ({ settings, inputs: found, work }) => {
      const read = Object.entries(found).map(
        async ([input, directory]) => `${input}(${await readFile(join(directory, "out"), "utf8")})`,
      );
      await writeFile(join(work, "out"), [settings.target, ...(await Promise.all(read))].join(" "));
      return {};
    },
  });
const needs = (stage: string): Stage["inputs"][number] => ({ stage, required: true });
const uses = (stage: string): Stage["inputs"][number] => ({ stage, required: false });
const table = [
  fake("distill", []),
  fake("export", [needs("distill")]),
  fake("quantize", [needs("export")]),
  fake("deploy", [needs("distill"), needs("export"), uses("quantize")]),
];

async function optionsOf(recipe: string, sets: readonly string[] = []): Promise<PipelineOptions> {
  const path = join(root, "r.yaml");
  await writeFile(path, recipe);
  const resolved = await resolveRecipe({ path, sets, environment: {} }, (mentioned) => {
    const stages = withFurtherTargets(table, mentioned);
    const names = stages.map(({ name }) => name);
    return {
      schemas: sectionSchemas(stages),
      neededBy: (named) =>
        requiredStages(
          stages,
          names.filter((name) => named.includes(name)),
        ),
    };
  });
  const stages = withFurtherTargets(table, Object.keys(resolved.sections));
  return { recipe: resolved, stages, out: join(root, "run") };
}

const context = { progress: SILENT, signal: new AbortController().signal, seed: 1 };
const wrote = (stage: string): Promise<string> => readFile(join(root, "run", stage, "out"), "utf8");

test("a further target shares the student and has its own stages in separate directories", async () => {
  const recipe = "deploy: {}\nquantize: {}\nexport@npu: {target: npu}\ndeploy@npu: {target: npu}\n";
  const outcomes = await runPipeline(await optionsOf(recipe), context);
  expect(outcomes.map(({ name }) => name)).toEqual([
    "distill",
    "export",
    "quantize",
    "deploy",
    "export@npu",
    "deploy@npu",
  ]);
  expect(await wrote("deploy")).toBe(
    "cpu distill(cpu) export(cpu distill(cpu)) quantize(cpu export(cpu distill(cpu)))",
  );
  expect(await wrote("deploy@npu")).toBe("npu distill(cpu) export(npu distill(cpu))");
});

test("changed settings of a further target rerun only its stages", async () => {
  const recipe = "export: {}\nexport@npu: {target: npu}\nquantize@npu: {}\n";
  await runPipeline(await optionsOf(recipe), context);
  const sets = ["export@npu.target=gpu"];
  const plan = await planPipeline(await optionsOf(recipe, sets));
  expect(plan.map(({ name, status }) => `${name}:${status}`)).toEqual([
    "distill:would-skip",
    "export:would-skip",
    "export@npu:would-run",
    "quantize@npu:would-run",
  ]);
  // Its estimates use its own export.
  expect(plan.at(-1)!.estimate.basis).toBe('{"target":"gpu"}');
});

test("only stages after the student have further targets", async () => {
  await expect(optionsOf("distill@npu: {}\nexport@NPU: {}\n")).rejects.toMatchObject({
    code: "CONFIG_INVALID",
    message: expect.stringMatching(/distill@npu: unknown key.*\n.*export@NPU: unknown key/u) as string,
  });
});

interface Gated {
  readonly metrics: readonly string[];
  readonly gate: { readonly metric: string };
}

test("a further target uses the metrics that a recipe names once", async () => {
  const path = fileURLToPath(new URL("../../../../configs/quickstart/recipe.yaml", import.meta.url));
  const sets = ["export@npu.target=npu", "export@npu.profile=qnn", "quantize@npu.schemes=[int8-qdq]"];
  const { recipe, stages } = await preparePipeline({ recipe: { path, sets, environment: {} } });
  const { metrics, gate } = recipe.sections["quantize"]!.settings as Gated;
  expect(recipe.sections["quantize@npu"]!.settings).toMatchObject({ metrics, gate: { metric: gate.metric } });
  expect(stages.filter(({ name }) => name.includes("@npu")).length).toBe(5);
});
