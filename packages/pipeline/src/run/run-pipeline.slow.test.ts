import { readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder, withCode } from "@slm/core/testing";
import { SILENT, readManifest, withLock, type StageContext } from "@slm/core";
import { beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { resolveRecipe } from "../recipe/resolve-recipe.js";
import type { PipelineOptions } from "./pipeline-options.js";
import { planPipeline } from "./plan-pipeline.js";
import { runPipeline, type StageOutcome } from "./run-pipeline.js";
import { requiredStages } from "./selection.js";
import { defineStage, type Stage, type StageRun } from "../stage/stage.js";

const section = z.strictObject({ text: z.string().default("x"), file: z.string().optional() });
type Settings = z.infer<typeof section>;

const root = temporaryFolder({ each: true });
let out = "";
/** Stages that ran, in order. */
let log: string[] = [];
/** What a stage does in a test in addition to writing its file. */
let during: (run: StageRun<Settings>) => Promise<void> = () => Promise.resolve();

beforeEach(() => {
  out = join(root, "run");
  log = [];
  during = () => Promise.resolve();
});

/** A stage that writes its text and the texts of its inputs. */
function fakeStage(name: string, inputs: Stage["inputs"], revision = 1): Stage {
  return defineStage<Settings>({
    name,
    summary: name,
    section,
    kind: "data",
    revision,
    inputs,
    files: ({ file }) => (file === undefined ? [] : [{ setting: "file", path: file }]),
    estimate: () => ({ seconds: 1 }),
    run: async (run) => {
      log.push(name);
      await during(run);
      const read = Object.entries(run.inputs).map(
        async ([input, directory]) => `${input}=${await readFile(join(directory, "out"), "utf8")}`,
      );
      await writeFile(join(run.work, "out"), [run.settings.text, ...(await Promise.all(read))].join(";"));
      return { text: run.settings.text };
    },
  });
}

const needs = (stage: string): Stage["inputs"][number] => ({ stage, required: true });
const uses = (stage: string): Stage["inputs"][number] => ({ stage, required: false });
const stages = [
  fakeStage("one", []),
  fakeStage("aside", []),
  fakeStage("two", [needs("one"), uses("aside")]),
  fakeStage("three", [needs("two")]),
];

const context: StageContext = { progress: SILENT, signal: new AbortController().signal, seed: 1 };

interface Changes extends Partial<Pick<PipelineOptions, "only" | "from" | "force" | "fresh" | "stages">> {
  readonly recipe?: string;
}

async function optionsOf({ recipe = "three: {}", ...rest }: Changes = {}): Promise<PipelineOptions> {
  const path = join(root, "r.yaml");
  await writeFile(path, recipe);
  const table = rest.stages ?? stages;
  const schemas = Object.fromEntries(table.map(({ name, section: schema }) => [name, schema]));
  const resolved = await resolveRecipe({ path, sets: [], environment: {} }, () => ({
    schemas,
    neededBy: (named) =>
      requiredStages(
        table,
        Object.keys(schemas).filter((name) => named.includes(name)),
      ),
  }));
  return { recipe: resolved, stages, out, ...rest };
}

/** Runs the pipeline and returns the outcome of each stage: `one:ran two:skipped`. */
async function run(changes: Changes = {}): Promise<string> {
  return shown(await runPipeline(await optionsOf(changes), context));
}

const shown = (outcomes: readonly Pick<StageOutcome, "name" | "status">[]): string =>
  outcomes.map(({ name, status }) => `${name}:${status}`).join(" ");

const plan = async (changes: Changes = {}): Promise<string> =>
  (await planPipeline(await optionsOf(changes))).map(({ name, status }) => `${name}:${status}`).join(" ");

/** The notes of a call. */
async function notesOf(call: (context: StageContext) => Promise<unknown>): Promise<readonly string[]> {
  const notes: string[] = [];
  const progress: StageContext["progress"] = ({ stage, message, isNote }) => {
    if (isNote === true) notes.push(`${stage}: ${message ?? ""}`);
  };
  await call({ ...context, progress });
  return notes;
}

describe("notes of a run", () => {
  test("tell that a part of a recipe reads what was made with other settings, in a run and in its plan", async () => {
    await run({ recipe: "one: { text: a }\nthree: {}" });
    const changed = { recipe: "one: { text: b }\nthree: {}", only: "two" };
    const note = /^one: was made with other settings .* --from one makes it again$/;
    for (const call of [runPipeline, planPipeline]) {
      const options = await optionsOf(changed);
      expect(await notesOf((told) => call(options, told))).toEqual([expect.stringMatching(note)]);
      const same = await optionsOf({ recipe: "one: { text: a }\nthree: {}", only: "two" });
      expect(await notesOf((told) => call(same, told))).toEqual([]);
    }
  });

  test("tell the estimated time of each stage before it starts, if asked for", async () => {
    const options = { ...(await optionsOf({ recipe: "one: {}" })), estimates: true };
    expect(await notesOf((told) => runPipeline(options, told))).toEqual(["one: estimate: about 1.0s"]);
  });
});

describe(runPipeline, () => {
  test("runs the inputs of a named stage in order, then skips all of them", async () => {
    expect(await run()).toBe("one:ran two:ran three:ran");
    expect(await readFile(join(out, "three", "out"), "utf8")).toBe("x;two=x;one=x");
    expect(await run()).toBe("one:skipped two:skipped three:skipped");
    expect(log).toEqual(["one", "two", "three"]);
  });

  test("passes an optional input only if the recipe has its section", async () => {
    expect(await run({ recipe: "two: {}\naside: {text: a}" })).toBe("one:ran aside:ran two:ran");
    expect(await readFile(join(out, "two", "out"), "utf8")).toBe("x;one=x;aside=a");
  });

  test("reruns a stage with changed settings, and the stages that read its output", async () => {
    await run();
    expect(await run({ recipe: "two: {text: y}\nthree:" })).toBe("one:skipped two:ran three:ran");
    expect(await run({ recipe: "seed: 9\nthree:" })).toBe("one:ran two:ran three:ran");
  });

  test("does not rerun later stages when an earlier one wrote the same bytes again", async () => {
    await run();
    expect(await run({ force: true, only: "one" })).toBe("one:ran");
    expect(await run()).toBe("one:skipped two:skipped three:skipped");
  });

  test("reruns a stage of another revision, a corrupt stage, and a stage with a changed input file", async () => {
    const recipe = `one: {file: ${join(root, "corpus")}}`;
    await writeFile(join(root, "corpus"), "a");
    await run({ recipe });
    expect(await run({ recipe })).toBe("one:skipped");
    await writeFile(join(root, "corpus"), "b");
    expect(await run({ recipe })).toBe("one:ran");
    await writeFile(join(out, "one", "out"), "truncated or longer");
    expect(await run({ recipe })).toBe("one:ran");
    expect(await run({ recipe, stages: [fakeStage("one", [], 2)] })).toBe("one:ran");
  });

  test("reruns a stage with a wrong bit and names the file, although its size is right", async () => {
    await run();
    await writeFile(join(out, "two", "out"), "y;one=x");
    const messages: (string | undefined)[] = [];
    const progress: StageContext["progress"] = ({ message }) => messages.push(message);
    expect(shown(await runPipeline(await optionsOf(), { ...context, progress }))).toBe(
      "one:skipped two:ran three:skipped",
    );
    expect(messages.join("\n")).toMatch(/two.out has sha256 .*; the stage runs again/u);
    expect(await readFile(join(out, "two", "out"), "utf8")).toBe("x;one=x");
  });

  test("does not read a corrupt input that is not part of the run", async () => {
    await run();
    await writeFile(join(out, "one", "out"), "y");
    for (const selection of [{ only: "two" }, { from: "two" }]) {
      await expect(run(selection)).rejects.toMatchObject({ code: "DATA_INVALID" });
      await expect(plan(selection)).rejects.toMatchObject({ code: "DATA_INVALID" });
    }
    expect(await plan()).toBe("one:would-run two:would-run three:would-run");
  });

  test("does not read an artifact of another run that a file setting names, if it is corrupt", async () => {
    await run();
    const recipe = `one: {file: ${join(out, "three")}}`;
    await writeFile(join(out, "three", "out"), "y");
    await expect(run({ recipe })).rejects.toMatchObject({
      code: "DATA_INVALID",
      message: expect.stringMatching(/^one\.file: .* is corrupt/u) as string,
    });
  });

  test("names the setting of a missing file", async () => {
    await expect(run({ recipe: "one: {file: nowhere.txt}" })).rejects.toMatchObject({
      code: "INPUT_MISSING",
      message: "one.file: no such file: nowhere.txt",
    });
  });

  test("resumes a killed stage in its work directory; stages before it are skipped", async () => {
    during = async ({ work }) => {
      await writeFile(join(work, "progress"), "half");
      if (log.at(-1) === "two") throw new Error("killed");
    };
    await expect(run()).rejects.toThrow("killed");
    expect(await readdir(out)).toEqual(["one", "two.partial"]);
    expect(await plan()).toBe("one:would-skip two:would-resume three:would-run");
    const found: string[] = [];
    during = async ({ work }) => {
      if (log.at(-1) === "two") found.push(await readFile(join(work, "progress"), "utf8"));
    };
    expect(await run()).toBe("one:skipped two:ran three:ran");
    expect(found).toEqual(["half"]);
  });

  test("a fresh stage discards the work of a killed run, and keeps a finished artifact", async () => {
    during = async ({ work }) => {
      await writeFile(join(work, "progress"), "half");
      if (log.at(-1) === "two") throw new Error("killed");
    };
    await expect(run()).rejects.toThrow("killed");
    expect(await plan({ fresh: "two" })).toBe("one:would-skip two:would-run three:would-run");
    const found: (readonly string[])[] = [];
    during = async ({ work }) => {
      if (log.at(-1) === "two") found.push(await readdir(work));
    };
    expect(await run({ fresh: "two" })).toBe("one:skipped two:ran three:ran");
    expect(found).toEqual([[".work.json"]]);
    expect(await run({ fresh: "two" })).toBe("one:skipped two:skipped three:skipped");
  });

  test("only a stage that measures the machine runs again with another number of threads", async () => {
    const [one] = stages;
    const measured = [{ ...one!, measuresThreads: true }, ...stages.slice(1)];
    const recipe = (threads: number): string => `threads: ${threads}\none: {}`;
    expect(await run({ recipe: recipe(1) })).toBe("one:ran");
    expect(await run({ recipe: recipe(2) })).toBe("one:skipped");
    expect(await run({ recipe: recipe(2), stages: measured })).toBe("one:ran");
    expect(await run({ recipe: recipe(2), stages: measured })).toBe("one:skipped");
    expect(await run({ recipe: recipe(1), stages: measured })).toBe("one:ran");
  });

  test("--only needs the earlier artifacts, --from runs all later stages", async () => {
    await expect(run({ only: "two" })).rejects.toMatchObject({
      code: "INPUT_MISSING",
      context: { input: "one" },
    });
    expect(await run({ only: "one" })).toBe("one:ran");
    expect(await run({ only: "two" })).toBe("two:ran");
    expect(await run({ from: "two" })).toBe("two:skipped three:ran");
    await expect(run({ only: "twoo" })).rejects.toThrow(withCode("USAGE"));
    await expect(run({ from: "aside" })).rejects.toMatchObject({ code: "USAGE" });
  });

  test("stops between stages when interrupted, and continues later", async () => {
    const controller = new AbortController();
    during = () => {
      controller.abort();
      return Promise.resolve();
    };
    const interrupted = runPipeline(await optionsOf(), { ...context, signal: controller.signal });
    await expect(interrupted).rejects.toMatchObject({ code: "INTERRUPTED", exitCode: 130 });
    expect(await run()).toBe("one:skipped two:ran three:ran");
  });

  test("records settings, origins, inputs and the stage's report in the manifest", async () => {
    await run({ recipe: "two: {text: y}" });
    const manifest = await readManifest(join(out, "two"));
    expect(manifest).toMatchObject({
      settings: { text: "y" },
      origins: { text: "recipe" },
      details: { text: "y" },
      seed: 1,
    });
    expect(manifest.inputs.map(({ name, kind }) => [name, kind])).toEqual([["one", "data"]]);
  });

  test("rejects a directory that another run uses", async () => {
    await withLock(out, async () => {
      await expect(run()).rejects.toMatchObject({ code: "BUSY" });
    });
  });
});

describe(planPipeline, () => {
  test("changes no files and reports what a run would do", async () => {
    const before = (await readdir(root)).length;
    expect(await plan()).toBe("one:would-run two:would-run three:would-run");
    expect(await readdir(root)).toHaveLength(before + 1); // The recipe of the test.
    await run();
    expect(await plan()).toBe("one:would-skip two:would-skip three:would-skip");
    expect(await plan({ recipe: "two: {text: z}\nthree:" })).toBe(
      "one:would-skip two:would-run three:would-run",
    );
    expect(await run()).toBe("one:skipped two:skipped three:skipped");
  });
});
