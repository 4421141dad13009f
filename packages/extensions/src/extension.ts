/**
 * The door for code that is not part of slm: an extension adds rows to tables. Our own extension packages use it as users do.
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

/** The rows of each kind by their names: letters, digits and hyphens, beginning with a small letter. */
interface ExtensionRows {
  /** Model formats that `slm teacher import`, recipes and every MODEL argument that takes an external model can read. */
  readonly importers: Importer;
  /** Files of weights in a Hugging Face directory: read where it has no safetensors. */
  readonly weightFormats: WeightFormat;
  /** File formats of rows: `data.format`, or by the end of a file's name. */
  readonly dataFormats: DataFormat;
  /** Metrics of answers, made with `defineMetric`: `--metrics`, gates, dev metrics of a training. */
  readonly metrics: Metric;
  /** Teachers that only label, made with `defineLabeller`: `teacher.kind: extension`. */
  readonly labellers: LabellerKind;
  /** Terms of the loss of a student: weights in `distill.loss.terms`. */
  readonly losses: LossTerm;
  /** Destinations of `slm deploy --to`. */
  readonly deployTargets: DeployTarget;
  /** Experiment trackers: `slm report RUN --track NAME=WHERE`. */
  readonly trackers: Tracker;
}

type Kind = keyof ExtensionRows;

/** What an extension adds. */
export type Extension = {
  /** Names the extension in errors. */
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

/** Functions and values that a row must have. */
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

/** An extension with its types checked: the default export of an extension's module. */
export function defineExtension(extension: Extension): Extension {
  return extension;
}

/**
 * Adds the rows of an extension. Using it again replaces them.
 *
 * @throws SlmError CONFIG_INVALID for an unknown kind of row, for a row that lacks a part, and for a name that is taken. Nothing is added.
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

// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- ties the table to its rows
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
