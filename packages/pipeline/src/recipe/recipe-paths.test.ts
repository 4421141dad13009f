import { pathOrIdSetting, pathSetting } from "@slm/core";
import { mkdir, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { valueAt } from "./mapping.js";
import { relativeToRecipe } from "./recipe-paths.js";
import { resolveRecipe, type ResolvedRecipe } from "./resolve-recipe.js";

const file = z.union([pathSetting, z.strictObject({ source: pathSetting, target: pathSetting })]);
const schemas = {
  data: z.strictObject({
    train: z.union([file, z.array(file)]).optional(),
    source: z.looseObject({ module: pathSetting }).optional(),
    template: z.strictObject({ source: z.string() }).optional(),
  }),
  teacher: z.discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("checkpoint"), path: pathSetting }),
    z.strictObject({ kind: z.literal("import"), model: pathOrIdSetting }),
    z.strictObject({
      kind: z.literal("ensemble"),
      members: z.array(z.strictObject({ kind: z.literal("checkpoint"), path: pathSetting })),
    }),
  ]),
};

const root = temporaryFolder({ each: true });
beforeEach(async () => {
  await mkdir(join(root, "task", "models", "tiny"), { recursive: true });
});

async function resolve(
  text: string,
  sets: readonly string[] = [],
  environment = {},
): Promise<ResolvedRecipe> {
  const path = join(root, "task", "recipe.yaml");
  await writeFile(path, text);
  return resolveRecipe({ path, sets, environment }, () => ({
    schemas,
    neededBy: (named) => Object.keys(schemas).filter((section) => named.includes(section)),
  }));
}

const at = (...names: string[]): string => join(root, "task", ...names);

describe("paths in settings", () => {
  test("are relative to the recipe's folder, also in unions, lists and members; absolute paths stay", async () => {
    const { sections } = await resolve(
      "data: { train: [a.jsonl, { source: ./b.en, target: ../b.fr }, /c.jsonl] }\n" +
        "teacher: { kind: ensemble, members: [{ kind: checkpoint, path: ./teacher }] }\n",
    );
    expect(sections.data?.settings).toEqual({
      train: [at("a.jsonl"), { source: at("b.en"), target: join(root, "b.fr") }, "/c.jsonl"],
    });
    expect(sections.teacher?.settings).toEqual({
      kind: "ensemble",
      members: [{ kind: "checkpoint", path: at("teacher") }],
    });
  });

  test("in flags and variables are relative to the current directory", async () => {
    const recipe = await resolve(
      "data: { train: a.jsonl }\nteacher: { kind: checkpoint, path: b }\n",
      ["data.train=a.jsonl"],
      {
        SLM_TEACHER__PATH: "runs/teacher",
      },
    );
    expect(recipe.sections.data?.settings).toEqual({ train: "a.jsonl" });
    expect(recipe.sections.teacher?.settings).toEqual({ kind: "checkpoint", path: "runs/teacher" });
  });

  test("do not include other texts or a module's own settings", async () => {
    const { sections } = await resolve(
      "data: { source: { module: ./d.ts, words: ./w.txt }, template: { source: ./x } }\n",
    );
    expect(sections.data?.settings).toEqual({
      source: { module: at("d.ts"), words: "./w.txt" },
      template: { source: "./x" },
    });
  });

  test("may be names of a hub: only existing paths and names that start with a dot are paths", async () => {
    const model = async (text: string): Promise<unknown> =>
      valueAt((await resolve(`teacher: { kind: import, model: ${text} }\n`)).sections.teacher?.settings, [
        "model",
      ]);
    expect(await model("models/tiny")).toBe(at("models", "tiny"));
    expect(await model("./models/other")).toBe(at("models", "other"));
    expect(await model("org/name")).toBe("org/name");
  });

  test("settings of one module are not applied to another", async () => {
    const text = "data: { source: { module: ./d.ts, rows: 3 } }\n";
    const same = await resolve(text, [`data.source={module: ${at("d.ts")}, seed: 1}`]);
    expect(same.sections.data?.settings).toEqual({ source: { module: at("d.ts"), rows: 3, seed: 1 } });
    const other = await resolve(text, ["data.source.module=e.ts"]);
    expect(other.sections.data?.settings).toEqual({ source: { module: "e.ts" } });
  });
});

describe(relativeToRecipe, () => {
  test("does not depend on the recipe's location or the current directory", () => {
    const settings = {
      train: at("a.jsonl"),
      source: { module: relative(process.cwd(), at("..", "d.ts")), words: "w" },
    };
    expect(relativeToRecipe(schemas.data, settings, at("recipe.yaml"))).toEqual({
      train: "a.jsonl",
      source: { module: "../d.ts", words: "w" },
    });
  });

  test("does not change names of a hub", () => {
    const recorded = (model: string): unknown =>
      relativeToRecipe(schemas.teacher, { kind: "import", model }, at("recipe.yaml"));
    expect(recorded("org/name")).toEqual({ kind: "import", model: "org/name" });
    expect(recorded(at("models", "tiny"))).toEqual({ kind: "import", model: "models/tiny" });
  });
});
