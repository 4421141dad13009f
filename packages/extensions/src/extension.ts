/**
 * Extends slm with code from outside: an extension adds entries to tables. slm's own extension packages use the same interface as users do.
 *
 * An extension is code and runs with the rights of the process.
 */
import { IMPORTERS, WEIGHT_FORMATS, type Importer, type WeightFormat } from "@slm/checkpoints";
import { SlmError, type ExtensionTable } from "@slm/core";
import { DATA_FORMATS, type DataFormat } from "@slm/data";
import { DEPLOY_TARGETS, type DeployTarget } from "@slm/deploy";
import { LOSS_TERMS, type LossTerm } from "@slm/distillation/loss-terms";
import { LABELLERS, type LabellerKind } from "@slm/labelling/labeller-kinds";
import { METRIC_ROWS, type Metric } from "@slm/metrics";
import { TRACKERS, type Tracker } from "@slm/report";

/** The entries of each kind by name: letters, digits and hyphens, starting with a small letter. */
interface ExtensionRows {
  /** Model formats for `slm teacher import`, recipes and every MODEL argument that accepts an external model. */
  readonly importers: Importer;
  /** Weight formats in a Hugging Face directory, read if it has no safetensors. */
  readonly weightFormats: WeightFormat;
  /** File formats of rows, selected by `data.format` or by the file's extension. */
  readonly dataFormats: DataFormat;
  /** Metrics of answers, created with `defineMetric`: `--metrics`, gates, dev metrics of a training. */
  readonly metrics: Metric;
  /** Teachers that only label, created with `defineLabeller`: `teacher.kind: extension`. */
  readonly labellers: LabellerKind;
  /** Terms of a student's loss: weights in `distill.loss.terms`. */
  readonly losses: LossTerm;
  /** Destinations of `slm deploy --to`. */
  readonly deployTargets: DeployTarget;
  /** Experiment trackers: `slm report RUN --track NAME=WHERE`. */
  readonly trackers: Tracker;
}

type Kind = keyof ExtensionRows;

/** The contents of an extension. */
export type Extension = {
  /** Name of the extension in errors. */
  readonly name: string;
} & { readonly [K in Kind]?: Readonly<Record<string, ExtensionRows[K]>> | undefined };

const TABLES: { readonly [K in Kind]: ExtensionTable<ExtensionRows[K]> } = {
  importers: IMPORTERS,
  weightFormats: WEIGHT_FORMATS,
  dataFormats: DATA_FORMATS,
  metrics: METRIC_ROWS,
  labellers: LABELLERS,
  losses: LOSS_TERMS,
  deployTargets: DEPLOY_TARGETS,
  trackers: TRACKERS,
};

/** Functions and values that an entry must have. */
const PARTS: Readonly<Record<Kind, readonly string[]>> = {
  importers: ["fits", "open"],
  weightFormats: ["single", "index", "open"],
  dataFormats: ["extensions", "isTable", "mapping", "read"],
  metrics: ["description", "unit", "higherIsBetter", "compute", "rowScore", "ofRows"],
  labellers: ["description", "settings", "open"],
  losses: ["description", "needsDistributions", "compute"],
  deployTargets: ["deliver"],
  trackers: ["record"],
};

const KINDS = Object.keys(TABLES) as readonly Kind[];

/** An extension with checked types: the default export of an extension's module. */
export function defineExtension(extension: Extension): Extension {
  return extension;
}

/**
 * Adds the entries of an extension. Adding it again replaces them.
 *
 * @throws SlmError CONFIG_INVALID for an unknown kind of entry, for an incomplete entry, and for a name that is already in use. Nothing is added
 * then.
 */
export function useExtension(extension: Extension): void {
  const { name } = extension;
  const unknown = Object.keys(extension).find((key) => key !== "name" && !KINDS.some((kind) => kind === key));
  if (unknown !== undefined) throw rejected(name, `expected name, ${KINDS.join(", ")}, got '${unknown}'`);
  const added = KINDS.map((kind) => rowsOf(kind, extension));
  for (const kind of KINDS) TABLES[kind].remove(name);
  try {
    for (const { add } of added) add();
  } catch (error) {
    for (const kind of KINDS) TABLES[kind].remove(name);
    throw error;
  }
}

// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- ties the table to its entries
function rowsOf<K extends Kind>(kind: K, extension: Extension): { readonly add: () => void } {
  const table: ExtensionTable<ExtensionRows[K]> = TABLES[kind];
  const rows: readonly (readonly [string, ExtensionRows[K]])[] = Object.entries(extension[kind] ?? {});
  for (const [name, row] of rows) {
    const missing = PARTS[kind].find((part) => !(part in Object(row)));
    if (missing !== undefined)
      throw rejected(
        extension.name,
        `${kind}.${name}: expected ${PARTS[kind].join(", ")}; ${missing} is missing`,
      );
  }
  return {
    add: () => {
      for (const [name, row] of rows) table.add(name, row, extension.name);
    },
  };
}

function rejected(name: string, problem: string): SlmError {
  return new SlmError("CONFIG_INVALID", `extension ${name}: ${problem}`, { context: { extension: name } });
}
