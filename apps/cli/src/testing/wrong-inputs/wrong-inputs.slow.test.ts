/** Every wrong input gives one error with a suggestion before any training. */
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { asMapping, type Mapping } from "@slm/pipeline/recipe/mapping";
import { runCommand } from "../run-command.js";
import { WRONG_FILES } from "./wrong-files.js";
import { SOUND_FILES, SOUND_RECIPE, type WrongInput } from "./wrong-input.js";
import { WRONG_RECIPES } from "./wrong-recipes.js";

const WRONG_INPUTS = [...WRONG_FILES, ...WRONG_RECIPES];

const root = temporaryFolder();

const envelope = z.object({
  error: z.object({ code: z.string(), message: z.string(), suggestions: z.array(z.string()) }),
});
type Failure = z.infer<typeof envelope>["error"];

/** Replaces some keys of sections, but all of `data`; null removes a section. */
function withChanges(changes: Mapping): Mapping {
  const merged = Object.entries({ ...SOUND_RECIPE, ...changes }).flatMap(
    ([name, section]): [string, unknown][] => {
      if (section === null) return [];
      const [before, after] = [asMapping(SOUND_RECIPE[name]), asMapping(section)];
      const isChanged =
        name !== "data" && before !== undefined && after !== undefined && after.kind === undefined;
      return [[name, isChanged ? { ...before, ...after } : section]];
    },
  );
  return Object.fromEntries(merged);
}

async function place(index: number, { files, recipe = {}, text }: WrongInput): Promise<string> {
  const folder = join(root, String(index));
  await mkdir(folder);
  for (const [name, content] of Object.entries({ ...SOUND_FILES, ...files }))
    await writeFile(join(folder, name), content);
  await writeFile(join(folder, "r.yaml"), text ?? JSON.stringify(withChanges(recipe), null, 2));
  return folder;
}

/** Runs the command of a wrong input. Returns its error, with paths relative to the folder. */
async function failureOf(
  folder: string,
  { argv = ["run", "r.yaml"] }: WrongInput,
  ...more: readonly string[]
): Promise<Failure> {
  const [command, ...rest] = argv;
  const paths = rest.map((part) => (/\.(?:yaml|csv)$/u.test(part) ? join(folder, part) : part));
  const out = command === "run" ? ["--out", join(folder, "run")] : [];
  const { json, exitCode, stdout } = await runCommand(command, [...paths, ...out, ...more, "--json"]);
  expect(exitCode, stdout).not.toBe(0);
  const { code, message, suggestions } = envelope.parse(json).error;
  const here = (value: string): string => value.replaceAll(`${folder}/`, "").replaceAll(folder, ".");
  return { code, message: here(message), suggestions: suggestions.map(here) };
}

/** Nothing here trains, but a busy machine is slow. */
const TIMEOUT_MS = 120_000;

describe("a wrong input", () => {
  test(
    "does not occur in the recipe that the other inputs change",
    async () => {
      const folder = await place(WRONG_INPUTS.length, { title: "", code: "", message: "", help: "" });
      const { exitCode, stdout } = await runCommand("run", [join(folder, "r.yaml"), "--dry-run", "--json"]);
      expect(exitCode, stdout).toBe(0);
    },
    TIMEOUT_MS,
  );

  test.each(WRONG_INPUTS.map((input, index) => ({ ...input, index })))(
    "$title: gives one error with a suggestion, before any training",
    async ({ index, ...input }) => {
      const folder = await place(index, input);
      const failure = await failureOf(folder, input);
      expect(failure).toEqual({
        code: input.code,
        message: (typeof input.message === "string"
          ? expect.stringContaining(input.message)
          : expect.stringMatching(input.message)) as string,
        suggestions: expect.arrayContaining([expect.stringContaining(input.help)]) as string[],
      });
      for (const stage of ["teacher", "distill", ".teacher.partial", ".distill.partial"])
        expect(existsSync(join(folder, "run", stage)), stage).toBe(false);
      // The plan gives the same error.
      if ((input.argv?.[0] ?? "run") === "run") {
        const planned = await failureOf(await place(1000 + index, input), input, "--dry-run");
        // Other programs write to the same disk in between.
        const steady = ({ message, ...rest }: typeof failure): typeof failure => ({
          ...rest,
          message: message.replace(/the disk has only .* free/, "the disk has little space"),
        });
        expect(steady(planned)).toEqual(steady(failure));
      }
    },
    TIMEOUT_MS,
  );
});
