/** Merges a recipe, environment variables and flags into checked settings, and records the origin of each value. */
import { portableProblem, type Origin } from "@slm/core";
import { useExtensions } from "@slm/extensions";
import { metricName, type MetricName } from "@slm/metrics";
import { basename, dirname, extname, resolve } from "node:path";
import { Document, isScalar } from "yaml";
import { z } from "zod";
import { TRAINING_DEVICES, type Compute } from "@slm/models/compute";
import { checkSettings } from "./check-recipe.js";
import { LayerStack, environmentLayers, flagLayers, recipeLayer } from "./layers.js";
import { asMapping, leafPaths, type Mapping } from "./mapping.js";
import { readRecipeFile, type RecipeFile } from "./recipe-file.js";
import { authoredPath, copiedPaths, copyMetrics } from "./recipe-metrics.js";
import { fromRecipeFolder } from "./recipe-paths.js";
import { rejectNeeded, skipLayers, switchedOff, withoutNulls } from "./switched-off.js";

/** Settings of one section. The keys of `origins` are dotted paths inside the section. */
export interface ResolvedSection {
  readonly settings: unknown;
  readonly origins: Readonly<Record<string, Origin>>;
}

export interface ResolvedRecipe {
  readonly name: string;
  /** The recipe's file, if there is one. Paths in settings are relative to the current directory. */
  readonly path?: string | undefined;
  readonly seed: number;
  readonly seedOrigin: Origin;
  readonly metrics?: readonly MetricName[] | undefined;
  readonly compute: Compute;
  readonly computeOrigins: Readonly<Record<"device" | "threads", Origin>>;
  /** Sections that the recipe or a flag names, and the sections that these need. */
  readonly sections: Readonly<Record<string, ResolvedSection>>;
}

export interface RecipeSources {
  /** Recipe file. Without a file, settings come from flags, environment and defaults. */
  readonly path?: string | undefined;
  readonly sets: readonly string[];
  /** Stages to skip, as in `--skip`. */
  readonly skip?: readonly string[] | undefined;
  /** Training engine; recipes cannot set it. Default: onnx. */
  readonly engine?: Compute["engine"] | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** The version of the recipe format: `schemaVersion` in the file. */
const RECIPE_VERSION = 2;

/** Settings of a recipe outside its sections. */
const recipeFields = {
  schemaVersion: z
    .literal(RECIPE_VERSION, {
      error: ({ input }) =>
        `expected ${RECIPE_VERSION}, got ${JSON.stringify(input)}; a larger number needs a newer version of slm`,
    })
    .optional()
    .describe("Version of the recipe format."),
  name: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, "expected letters, digits, '.', '_' and '-'")
    .superRefine((name, context) => {
      const problem = portableProblem(name);
      if (problem !== undefined) context.addIssue({ code: "custom", message: problem });
    })
    .optional()
    .describe(
      "Name of the run and of its directory under runs/. Default: the recipe's file name, or its folder's name if the file is recipe.yaml.",
    ),
  extensions: z
    .array(z.string().min(1))
    .optional()
    .describe(
      "Extension modules to load: files relative to the recipe's folder, or installed packages. They are code and run with your permissions.",
    ),
  seed: z.int().nonnegative().default(1).describe("Seed for all random choices."),
  metrics: z
    .array(metricName)
    .min(1)
    .optional()
    .describe(
      "Metrics that the stages measure. The first chooses the checkpoint (on ties the next one) and is the gate's. Needed by stages that measure.",
    ),
  device: z
    .enum(TRAINING_DEVICES)
    .optional()
    .describe("Training device of engine onnx, without a fallback. Default: cpu."),
  threads: z.int().positive().max(1024).optional().describe("Intra-op threads. Default: one per CPU core."),
};

/** The schema of a whole recipe. It is strict, and every section is optional. */
export function recipeSchema(sections: Readonly<Record<string, z.ZodType>>): z.ZodObject {
  const optional = Object.entries(sections).map(([name, schema]): [string, z.ZodType] => [
    name,
    schema.optional(),
  ]);
  return z.strictObject({ ...recipeFields, ...Object.fromEntries(optional) });
}

/** Sections of one recipe. */
export interface RecipeSections {
  /** All sections that it may have. */
  readonly schemas: Readonly<Record<string, z.ZodType>>;
  /** These sections and the sections that they need. Sections that are missing from the recipe get their defaults. */
  readonly neededBy: (named: readonly string[]) => readonly string[];
}

/**
 * Resolves a recipe. Precedence: `--set` flag, `SLM_*` environment variable, recipe, default. Paths in the recipe's file are relative to
 * its folder, other paths to the current directory. Sections that measure get a copy of the recipe's metrics.
 *
 * @param sectionsOf finds the sections from the keys that the recipe's file and the flags mention
 * @throws SlmError INPUT_MISSING, USAGE, CONFIG_INVALID, also if a needed section is turned off
 */
export async function resolveRecipe(
  sources: RecipeSources,
  sectionsOf: (mentioned: readonly string[]) => RecipeSections,
): Promise<ResolvedRecipe> {
  const read = sources.path === undefined ? undefined : await readRecipeFile(sources.path);
  const flags = flagLayers(sources.sets);
  const mentioned = [read?.value ?? {}, ...flags.map(({ value }) => value)].flatMap((value) =>
    Object.keys(value),
  );
  await useExtensions(extensionsOf(read), read === undefined ? process.cwd() : dirname(read.path));
  const { schemas, neededBy } = sectionsOf(mentioned);
  const known = Object.keys(schemas);
  const schema = recipeSchema(schemas);
  // Paths in the file are relative to its folder.
  const file = read && { ...read, value: fromRecipeFolder(schema, read.value, read.path) };
  const all = [
    ...(file === undefined ? [] : [recipeLayer(file)]),
    ...environmentLayers(sources.environment, known),
    ...flags,
    ...skipLayers(sources.skip ?? [], known),
  ];
  const whole = new LayerStack(all);
  const off = switchedOff(whole.value, known);
  const needed = neededBy(mentioned.filter((key) => !off.includes(key)));
  rejectNeeded(
    off,
    needed,
    (section) => neededBy([section]),
    (section) => whole.locate([section]),
  );
  const layers = new LayerStack(withoutNulls(all, known));
  const settings = copyMetrics(onlyNeeded(layers.value, known, needed), (path) => layers.locate(path));
  const checked = checkSettings(schema, settings, layers);
  const { name, seed, metrics, device, threads } = z.object(recipeFields).parse(checked);
  return {
    name: name ?? (sources.path === undefined ? "run" : nameOf(sources.path)),
    path: sources.path,
    seed,
    seedOrigin: layers.originOf(["seed"]),
    metrics,
    compute: { engine: sources.engine ?? "onnx", device, threads },
    computeOrigins: {
      device: layers.originOf(["device"]),
      threads: layers.originOf(["threads"]),
    },
    sections: Object.fromEntries(
      needed.map((section) => [section, sectionOf(section, checked[section], layers)]),
    ),
  };
}

/** Extensions that a recipe's file names. */
const extensionsOf = (file: RecipeFile | undefined): readonly string[] =>
  recipeFields.extensions.safeParse(file?.value.extensions).data ?? [];

/** The name of `configs/quickstart/recipe.yaml` is quickstart, of `configs/g2p/record.yaml` record. */
function nameOf(path: string): string {
  const name = basename(path, extname(path));
  return name === "recipe" ? basename(dirname(resolve(path))) : name;
}

/** Leaves out sections that are not needed. Missing sections that are needed become empty. */
function onlyNeeded(value: Mapping, known: readonly string[], needed: readonly string[]): Mapping {
  const others = Object.entries(value).filter(([key]) => !known.includes(key));
  return {
    ...Object.fromEntries(others),
    ...Object.fromEntries(needed.map((section) => [section, value[section] ?? {}])),
  };
}

function sectionOf(section: string, settings: unknown, layers: LayerStack): ResolvedSection {
  const origins = leafPaths(settings).map(
    (path) => [path.join("."), layers.originOf(authoredPath([section, ...path]))] as const,
  );
  return { settings, origins: Object.fromEntries(origins) };
}

/** The resolved recipe as YAML, with the origin of every value in a comment. */
export function printRecipe(recipe: ResolvedRecipe): string {
  const sections = Object.entries(recipe.sections).map(([name, { settings }]) => [name, settings] as const);
  const { name, seed, metrics, compute } = recipe;
  const { device, threads } = compute;
  const document = new Document({
    name,
    seed,
    ...defined({ metrics, device, threads }),
    ...Object.fromEntries(sections),
  });
  for (const path of copiedPaths(document.toJS())) document.deleteIn(path);
  const comment = (path: readonly string[], origin: Origin): void => {
    const node = document.getIn(path, true);
    if (isScalar(node)) node.comment = ` ${origin}`;
  };
  comment(["seed"], recipe.seedOrigin);
  comment(["device"], recipe.computeOrigins.device);
  comment(["threads"], recipe.computeOrigins.threads);
  for (const [name, { settings, origins }] of Object.entries(recipe.sections)) {
    for (const path of asMapping(settings) === undefined ? [] : leafPaths(settings)) {
      const origin = origins[path.join(".")];
      if (origin !== undefined) comment([name, ...path], origin);
    }
  }
  return document.toString({ lineWidth: 0 }).trimEnd();
}

/** The fields with a value. */
function defined(fields: object): object {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
