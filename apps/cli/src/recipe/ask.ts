/** Asks for the answers that flags do not give. Questions go to stderr, because stdout is the result. */
import { cancel, isCancel, select, text } from "@clack/prompts";
import { SlmError } from "@slm/core/errors";
import { nameProblem, type InitAnswers } from "./recipe-template.js";
import { SIZES } from "./student-sizes.js";

/** Answers given by flags. */
export interface GivenAnswers {
  readonly name: string | undefined;
  readonly data: string | undefined;
  readonly size: keyof typeof SIZES | undefined;
  readonly steps: number | undefined;
  readonly maxDrop: string | undefined;
}

const DEFAULTS = { name: "my-task", size: "tiny", maxDrop: "0.02" } as const;

const DATA_QUESTION = "Training rows: a file of {source, target} in JSONL, CSV, TSV, Parquet or JSON";

function dataProblem(path: string | undefined): string | undefined {
  return path === undefined || path.trim() === "" ? "expected the path of a file" : undefined;
}

/** @throws SlmError USAGE for an invalid answer; INTERRUPTED when the user cancels */
export async function askForRecipe(given: GivenAnswers, isInteractive: boolean): Promise<InitAnswers> {
  const ask = async (question: () => Promise<unknown>, fallback: string): Promise<string> => {
    if (!isInteractive) return fallback;
    const answer = await question();
    if (typeof answer === "string") return answer;
    if (isCancel(answer)) cancel("Nothing was written.", { output: process.stderr });
    throw new SlmError("INTERRUPTED", "init: cancelled; nothing was written");
  };
  const output = process.stderr;
  const textOf = (
    message: string,
    initialValue: string,
    validate?: (value: string | undefined) => string | undefined,
  ) =>
    ask(
      () => text({ message, initialValue, output, ...(validate === undefined ? {} : { validate }) }),
      initialValue,
    );

  const name =
    given.name ?? (await textOf("Name of the run", DEFAULTS.name, (value) => nameProblem(value ?? "")));
  const data = given.data ?? (isInteractive ? await textOf(DATA_QUESTION, "", dataProblem) : "");
  if (dataProblem(data) !== undefined) {
    throw new SlmError("USAGE", "init: --data: expected a file of training rows, got none", {
      suggestions: ["slm init --data pairs.jsonl"],
    });
  }
  const size =
    given.size ??
    sizeOf(
      await ask(
        () => select({ message: "Size of the student", options: sizeOptions(), output }),
        DEFAULTS.size,
      ),
    );
  const maxDrop =
    given.maxDrop ?? (await textOf("Largest allowed loss of the metric by quantization", DEFAULTS.maxDrop));
  const problem = nameProblem(name);
  if (problem !== undefined) throw new SlmError("USAGE", `init: --name '${name}': ${problem}`);
  if (!/^\d+(?:\.\d+)?$/.test(maxDrop))
    throw new SlmError("USAGE", `init: --max-drop: expected a number, got '${maxDrop}'`);
  return { name, data, size, steps: given.steps ?? SIZES[size].steps, maxDrop: Number(maxDrop) };
}

function sizeOptions(): { value: string; label: string; hint: string }[] {
  return Object.entries(SIZES).map(([value, { width, encoderLayers, decoderLayers }]) => {
    return { value, label: value, hint: `width ${width}, ${encoderLayers}+${decoderLayers} layers` };
  });
}

function sizeOf(text: string): keyof typeof SIZES {
  if (Object.hasOwn(SIZES, text)) return text as keyof typeof SIZES;
  throw new SlmError(
    "USAGE",
    `init: unknown size '${text}'; expected one of ${Object.keys(SIZES).join(", ")}`,
  );
}
