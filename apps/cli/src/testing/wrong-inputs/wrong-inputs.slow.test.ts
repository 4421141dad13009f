/** Every wrong input gives one error with a suggestion before any training. The test also writes the list as a page of the docs. */
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "@slm/core/testing";
import { format, resolveConfig } from "prettier";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { asMapping, type Mapping } from "@slm/pipeline/recipe/mapping";
import { runCommand } from "../run-command.js";
import { WRONG_FILES } from "./wrong-files.js";
import { SOUND_FILES, SOUND_RECIPE, type WrongInput } from "./wrong-input.js";
import { WRONG_RECIPES } from "./wrong-recipes.js";

const WRONG_INPUTS = [...WRONG_FILES, ...WRONG_RECIPES];

const PAGE = fileURLToPath(new URL("../../../../../docs/how-to/wrong-inputs.md", import.meta.url));

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

const failures: Failure[] = [];

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
      failures[index] = failure;
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

  test("is in the docs with its error and what to do (vitest -u writes the page)", async () => {
    expect(WRONG_INPUTS.length).toBeGreaterThanOrEqual(30);
    const options = await resolveConfig(PAGE);
    const text = await format(page(), { ...options, parser: "markdown" });
    await mkdir(dirname(PAGE), { recursive: true });
    await expect(text).toMatchFileSnapshot(PAGE);
  });
});

/** Longest message and most suggestions that the page shows. */
const SHOWN = { units: 300, suggestions: 2 };

function page(): string {
  const sections = [
    { heading: "Data files", inputs: WRONG_FILES },
    { heading: "Recipes, devices and commands", inputs: WRONG_RECIPES },
  ];
  return [
    "# Fix a wrong input",
    "",
    "slm checks data, recipe, devices and disk space before it trains, and prints one error with a suggestion. `slm run RECIPE --dry-run` prints the same errors as `slm run RECIPE`.",
    "Find your error by its code or text on this page.",
    "",
    "Only the run itself checks three things: rows of your own dataset module, images, and tokenizers from the hub.",
    "",
    ...sections.flatMap(({ heading, inputs }) => [`## ${heading}`, "", ...inputs.flatMap(entry)]),
  ].join("\n");
}

/** A wrong input on the page: its title, the error and the first suggestions. */
function entry(input: WrongInput): string[] {
  const { code, message, suggestions } = failures[WRONG_INPUTS.indexOf(input)]!;
  // Free disk space differs from machine to machine.
  const same = message.replace(/the disk has only \S+ \S+ free/u, "the disk has only 40 GiB free");
  const shown = same.length > SHOWN.units ? `${same.slice(0, SHOWN.units)}...` : same;
  const help = suggestions.slice(0, SHOWN.suggestions).map((text) => `- ${asCode(text)}`);
  return [
    `### ${input.title}`,
    "",
    "```text",
    `${code}: ${asLine(shown)}`,
    "```",
    "",
    "Try:",
    "",
    ...help,
    "",
  ];
}

/** Joins the lines of a text. */
const asLine = (text: string): string => text.replaceAll(/\s*\n\s*/gu, " ");

const asCode = (text: string): string => `\`${asLine(text).replaceAll("`", "'")}\``;
