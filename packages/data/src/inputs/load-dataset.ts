/**
 * Loads a dataset module in TypeScript or JavaScript, and checks its exports. This executes the module's code with the rights of the
 * process: treat a recipe with a dataset module as a program.
 */
import { dirname, resolve } from "node:path";
import { isFile, SlmError } from "@slm/core";
import { kindOf } from "../rows/row.js";
import type { Dataset, DatasetContext, Examples } from "../dataset/dataset.js";
import * as library from "./module-library.js";

/** Modules import from this package by this name. It resolves to the running code, wherever it is installed. */
const OWN_NAME = "@slm/data";

const EXPECTED = "export default defineDataset({ *examples(settings) { yield { source, target }; } })";
const FUNCTIONS = ["examples", "test", "unlabelled", "draw"] as const;
const FIELDS: readonly string[] = ["settings", ...FUNCTIONS];

/** A module whose functions are bound to its checked settings. */
export interface LoadedDataset {
  /** As written in the recipe. */
  readonly path: string;
  readonly directory: string;
  readonly examples: () => Examples;
  readonly test?: (() => Examples) | undefined;
  readonly unlabelled?: (() => Iterable<string> | AsyncIterable<string>) | undefined;
  readonly draw?: ((drawnFrom: readonly (string | number)[]) => Uint8Array | Promise<Uint8Array>) | undefined;
}

/** A recipe's settings of a module. */
export interface ModuleSettings {
  readonly module: string;
  readonly [setting: string]: unknown;
}

/**
 * Runs a module and checks its default export and its settings.
 *
 * @throws SlmError INPUT_MISSING if the file does not exist, DATA_INVALID if it throws or exports no dataset, CONFIG_INVALID if its schema rejects the settings.
 */
export async function loadDataset(
  { module: path, ...given }: ModuleSettings,
  signal: AbortSignal,
): Promise<LoadedDataset> {
  const dataset = datasetOf(path, await importModule(path));
  const settings = checkSettings(path, dataset, given);
  const context: DatasetContext = { directory: dirname(resolve(path)), signal };
  const { examples, test, unlabelled, draw } = dataset;
  return {
    path,
    directory: context.directory,
    examples: () => examples(settings, context),
    test: test && (() => test(settings, context)),
    unlabelled: unlabelled && (() => unlabelled(settings, context)),
    draw: draw && ((drawnFrom) => draw(drawnFrom, settings, context)),
  };
}

export function moduleError(path: string, problem: string, cause?: unknown): SlmError {
  return new SlmError("DATA_INVALID", `data: ${path}: ${problem}`, {
    context: { module: path },
    suggestions: [suggestionFor(cause) ?? EXPECTED],
    cause,
  });
}

/** Adds the module's path to the error that it threw. An SlmError is returned unchanged. */
export function thrownBy(path: string, where: string, error: unknown): SlmError {
  if (error instanceof SlmError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return moduleError(path, `${where} threw: ${reason.split("\n")[0] ?? ""}`, error);
}

/** Name of a package that the module imports but that is not installed. */
function suggestionFor(cause: unknown): string | undefined {
  if (!(cause instanceof Error)) return undefined;
  const name = /Cannot find (?:package|module) '((?:@[\w.-]+\/)?[\w-][\w.-]*)/.exec(cause.message)?.[1];
  return name === undefined ? undefined : `npm install ${name}`;
}

async function importModule(path: string): Promise<object> {
  if (!(await isFile(path))) {
    throw new SlmError("INPUT_MISSING", `data: ${path}: this dataset module does not exist`, {
      context: { module: path },
      suggestions: ["make sure that the path in data.source.module is relative to the recipe's folder"],
    });
  }
  const { createJiti } = await import("jiti");
  const jiti = createJiti(import.meta.url, {
    // No cache, so an edited module is read again and no file is written next to it.
    fsCache: false,
    moduleCache: false,
    interopDefault: false,
    virtualModules: { [OWN_NAME]: library },
  });
  try {
    return await jiti.import<object>(resolve(path));
  } catch (error) {
    throw thrownBy(path, "loading the module", error);
  }
}

type AnyDataset = Dataset<unknown>;

/** The dataset of a module: its default export. A function or an iterable of examples is also accepted. */
function datasetOf(path: string, exported: object): AnyDataset {
  if (!("default" in exported)) {
    const names = Object.keys(exported);
    throw moduleError(
      path,
      `expected a default export, got ${names.length === 0 ? "no exports" : `exports ${names.join(", ")}`}`,
    );
  }
  const value: unknown = exported.default;
  if (typeof value === "function") return { examples: value as AnyDataset["examples"] };
  if (typeof value !== "object" || value === null)
    throw moduleError(path, `expected the default export to be a dataset, got ${kindOf(value)}`);
  if (Symbol.iterator in value || Symbol.asyncIterator in value) return { examples: () => value as Examples };
  const unknown = Object.keys(value).find((field) => !FIELDS.includes(field));
  if (unknown !== undefined)
    throw moduleError(path, `expected ${FIELDS.join(", ")} in the default export, got '${unknown}'`);
  for (const name of FUNCTIONS) {
    const part = (value as Readonly<Record<string, unknown>>)[name];
    if (typeof part === "function" || (part === undefined && name !== "examples")) continue;
    throw moduleError(path, `expected ${name} to be a function, got ${kindOf(part)}`);
  }
  return value as AnyDataset;
}

function checkSettings(path: string, { settings: schema }: AnyDataset, given: object): unknown {
  if (schema === undefined) {
    const [first] = Object.keys(given);
    if (first === undefined) return {};
    throw new SlmError(
      "CONFIG_INVALID",
      `data.source.${first}: expected no settings, because ${path} has no settings schema, got '${first}'`,
      {
        context: { module: path },
        suggestions: ["defineDataset({ settings: z.strictObject({ ... }), ... })"],
      },
    );
  }
  const checked = schema.safeParse(given);
  if (checked.success) return checked.data;
  const problems = checked.error.issues.map(({ path: keys, message }) =>
    [["data.source", ...keys.map(String)].join("."), message].join(": "),
  );
  throw new SlmError("CONFIG_INVALID", problems.join("\n"), { context: { module: path, issues: problems } });
}
