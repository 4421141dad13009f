/** Asks for the answers that are missing in the flags. Questions go to stderr, because stdout is the result. */
import { cancel, select, text } from "@clack/prompts";
import { readFailure } from "@slm/core";
import { SlmError } from "@slm/core/errors";
import { guessFields, peekFile, type PeekedFile } from "@slm/data";
import { existsSync } from "node:fs";
import { access } from "node:fs/promises";
import { nameProblem, type InitAnswers } from "@slm/slm/init/recipe-template";
import { SIZES } from "@slm/slm/init/init-sizes";

/** Answers from flags. */
export interface GivenAnswers {
  readonly name: string | undefined;
  readonly data: string | undefined;
  /** Columns. */
  readonly source: string | undefined;
  readonly target: string | undefined;
  readonly size: keyof typeof SIZES | undefined;
  readonly steps: number | undefined;
  readonly maxDrop: string | undefined;
}

const DEFAULTS = { name: "my-task", size: "tiny", maxDrop: "0.02" } as const;

const DATA_QUESTION =
  "Training rows: a file of pairs in JSONL, CSV, TSV, Parquet or JSON, or hub:org/name of a data set";

function dataProblem(path: string | undefined): string | undefined {
  if (path === undefined || path.trim() === "") return "expected the path of a file";
  return isHubName(path) || existsSync(path) ? undefined : `no such file: ${path}`;
}

/** Whether this names a data set of the hub, `hub:org/name`, or one file of it, `hub:org/name/file.csv`. */
const isHubName = (data: string): boolean => data.startsWith("hub:");

/**
 * @param fetch downloads the rows of a data set of the hub into a file, and returns its path
 * @throws SlmError USAGE for an invalid answer, or columns that cannot be guessed; INPUT_MISSING for a file that does not exist;
 * INTERRUPTED if the user cancels
 */
export async function askForRecipe(
  given: GivenAnswers,
  isInteractive: boolean,
  fetch: (name: string) => Promise<string>,
): Promise<InitAnswers> {
  const asker = new Asker(isInteractive);
  const name = given.name ?? (await asker.text("Name of the run", DEFAULTS.name, nameProblem));
  const problem = nameProblem(name);
  if (problem !== undefined) throw new SlmError("USAGE", `init: --name '${name}': ${problem}`);
  const maxDrop = given.maxDrop ?? DEFAULTS.maxDrop;
  if (!/^\d+(?:\.\d+)?$/.test(maxDrop))
    throw new SlmError("USAGE", `init: --max-drop: expected a number, got '${maxDrop}'`);
  const named = given.data ?? (isInteractive ? await asker.text(DATA_QUESTION, undefined, dataProblem) : "");
  if (named.trim() === "") {
    throw new SlmError("USAGE", "init: --data: expected a file of training rows, got none", {
      suggestions: ["slm init --data pairs.jsonl", "slm init --data hub:org/name"],
    });
  }
  const data = isHubName(named) ? await fetch(named) : named;
  await access(data).catch((cause: unknown) => {
    throw readFailure(cause, data);
  });
  const peeked = await peekFile(data);
  const fields = await fieldsOf(data, peeked, given, asker);
  const size = given.size ?? sizeOf(await asker.select("Size of the student", sizeOptions(), DEFAULTS.size));
  return {
    name,
    data,
    fields,
    encoding: peeked.encoding,
    size,
    steps: given.steps ?? SIZES[size].steps,
    maxDrop: Number(maxDrop),
  };
}

/** The columns of source and target: from flags, else columns named "source" and "target", else by asking, else by a guess from the names. */
async function fieldsOf(
  data: string,
  { columns, isMapped }: PeekedFile,
  given: Pick<GivenAnswers, "source" | "target">,
  asker: Asker,
): Promise<InitAnswers["fields"]> {
  if (isMapped && given.source === undefined && given.target === undefined) return undefined;
  const guess = guessFields(columns);
  const columnOf = async (side: "source" | "target"): Promise<string> => {
    const column =
      given[side] ??
      (await asker.select(
        `Column of the ${side}`,
        columns.map((value) => ({ value, label: value })),
        guess[side],
      ));
    if (column !== undefined && columns.includes(column)) return column;
    const problem = column === undefined ? "cannot be guessed from the names" : `'${column}' does not exist`;
    throw new SlmError(
      "USAGE",
      `init: ${data}: the column of the ${side} ${problem}; its columns are ${columns.join(", ")}`,
      {
        context: { data, columns },
        suggestions: [`slm init --data ${data} --source COLUMN --target COLUMN`],
      },
    );
  };
  return { source: await columnOf("source"), target: await columnOf("target") };
}

interface Choice {
  readonly value: string;
  readonly label: string;
  readonly hint?: string;
}

/** Asks on a terminal. Without a terminal, every answer is the default. */
class Asker {
  readonly #isInteractive: boolean;

  constructor(isInteractive: boolean) {
    this.#isInteractive = isInteractive;
  }

  /** @param fallback shown as a placeholder, and used for an empty answer; undefined: an answer is required */
  async text(
    message: string,
    fallback: string | undefined,
    problemOf: (value: string) => string | undefined,
  ): Promise<string> {
    if (!this.#isInteractive) return fallback ?? "";
    const shown = fallback === undefined ? {} : { placeholder: fallback, defaultValue: fallback };
    const validate = (value: string | undefined): string | undefined =>
      problemOf(value === undefined || value === "" ? (fallback ?? "") : value);
    return answered(await text({ message, ...shown, validate, output: process.stderr }));
  }

  async select<Fallback extends string | undefined>(
    message: string,
    options: readonly Choice[],
    fallback: Fallback,
  ): Promise<string | Fallback> {
    if (!this.#isInteractive) return fallback;
    const initial = fallback === undefined ? {} : { initialValue: fallback };
    return answered(await select({ message, options: [...options], ...initial, output: process.stderr }));
  }
}

/** @throws SlmError INTERRUPTED if the user cancels */
function answered(answer: string | symbol): string {
  if (typeof answer === "string") return answer;
  cancel("Nothing was written.", { output: process.stderr });
  throw new SlmError("INTERRUPTED", "init: cancelled; nothing was written");
}

function sizeOptions(): readonly Choice[] {
  return Object.entries(SIZES).map(([value, { width, encoderLayers, decoderLayers }]) => {
    return { value, label: value, hint: `width ${width}, ${encoderLayers}+${decoderLayers} layers` };
  });
}

function sizeOf(size: string): keyof typeof SIZES {
  if (Object.hasOwn(SIZES, size)) return size as keyof typeof SIZES;
  throw new SlmError(
    "USAGE",
    `init: unknown size '${size}'; expected one of ${Object.keys(SIZES).join(", ")}`,
  );
}
