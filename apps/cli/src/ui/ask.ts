/** Asks for the answers that are missing in the flags. Questions go to stderr, because stdout is the result. */
import { cancel, select, text } from "@clack/prompts";
import { readFailure } from "@slm/core";
import { shellWord, SlmError } from "@slm/core/errors";
import { guessFields, textColumns, peekFile, type PeekedFile } from "@slm/data";
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

const DATA_QUESTION = "Training rows: a file of pairs in JSONL, CSV, TSV, Parquet or JSON";

function dataProblem(path: string | undefined): string | undefined {
  if (path === undefined || path.trim() === "") return "expected the path of a file";
  return existsSync(path) ? undefined : `no such file: ${path}`;
}

/**
 * @throws SlmError USAGE for an invalid answer, or columns that cannot be guessed; INPUT_MISSING for a file that does not exist;
 * INTERRUPTED if the user cancels
 */
export async function askForRecipe(given: GivenAnswers, isInteractive: boolean): Promise<InitAnswers> {
  const asker = new Asker(isInteractive);
  const name = given.name ?? (await asker.text("Name of the run", DEFAULTS.name, nameProblem));
  const problem = nameProblem(name);
  if (problem !== undefined) throw new SlmError("USAGE", `init: --name '${name}': ${problem}`);
  const maxDrop = given.maxDrop ?? DEFAULTS.maxDrop;
  if (!/^\d+(?:\.\d+)?$/.test(maxDrop))
    throw new SlmError("USAGE", `init: --max-drop: expected a number, got '${maxDrop}'`);
  const data = given.data ?? (isInteractive ? await asker.text(DATA_QUESTION, undefined, dataProblem) : "");
  if (data.trim() === "") {
    throw new SlmError("USAGE", "init: --data: expected a file of training rows, got none", {
      suggestions: ["slm init --data pairs.jsonl"],
    });
  }
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
  const columnOf = async (side: "source" | "target", taken?: string): Promise<string> => {
    const offered = textColumns(columns).filter((column) => column !== taken);
    const initial = guess[side] === taken ? undefined : guess[side];
    const column =
      given[side] ??
      (await asker.select(
        `Column of the ${side}`,
        offered.map((value) => ({ value, label: value })),
        initial,
      ));
    if (column !== undefined && columns.includes(column)) return column;
    const problem = column === undefined ? "cannot be guessed from the names" : `'${column}' does not exist`;
    throw new SlmError(
      "USAGE",
      `init: ${data}: the column of the ${side} ${problem}; its columns are ${columns.join(", ")}`,
      {
        context: { data, columns },
        suggestions: [`slm init --data ${shellWord(data)} --source COLUMN --target COLUMN`],
      },
    );
  };
  const source = await columnOf("source");
  const target = await columnOf("target", source);
  if (source === target) {
    throw new SlmError(
      "USAGE",
      `init: ${data}: the source and the target must be different columns, got '${source}' for both; its columns are ${columns.join(", ")}`,
      { suggestions: [`slm init --data ${shellWord(data)} --source COLUMN --target COLUMN`] },
    );
  }
  return { source, target };
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
