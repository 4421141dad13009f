/** What a dataset module exports: code that makes a task's examples, where no file holds them. */
import type { Row } from "../row.js";

/** Values that say how an image is drawn. Equal lists are one image, drawn once. */
export type DrawnFrom = readonly (string | number)[];

/** An image that the module draws when it is written, so that millions of examples take no memory. */
export interface DrawnImage<From extends DrawnFrom = DrawnFrom> {
  /** Given to `draw`. */
  readonly drawnFrom: From;
  /** What the image shows. Examples that show the same are in the same split, whatever their images look like. */
  readonly shows: string;
  /** Pixels. */
  readonly width: number;
  readonly height: number;
}

/** A row of a file, except that its image may be drawn. A path of an image starts from `data.images`, else from the module's folder. */
export interface Example<From extends DrawnFrom = DrawnFrom> extends Omit<Row, "image"> {
  /** Path of a file, or how the module draws it. */
  readonly image?: string | DrawnImage<From>;
}

/** An entry that is no example: it is counted and listed as rejected, and the run goes on. */
export interface RejectedExample {
  /** Why. */
  readonly reject: string;
}

export type Examples<From extends DrawnFrom = DrawnFrom> =
  Iterable<Example<From> | RejectedExample> | AsyncIterable<Example<From> | RejectedExample>;

/** What a module is told beside its settings. */
export interface DatasetContext {
  /** Absolute path of the module's folder. */
  readonly directory: string;
  /** Fires when the run is interrupted. */
  readonly signal: AbortSignal;
}

/** Checks settings and fills in defaults. Schemas of zod are such. */
interface SettingsSchema<Settings> {
  readonly safeParse: (given: unknown) =>
    | { readonly success: true; readonly data: Settings }
    | {
        readonly success: false;
        readonly error: {
          readonly issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[];
        };
      };
}

/** Settings of a module without a schema: none may be given. */
export type NoSettings = Readonly<Record<string, never>>;

/**
 * A task's examples. Every function gives the same entries in the same order each time it is called with the same settings: splits,
 * caches and reruns rely on it.
 */
export interface Dataset<Settings = NoSettings, From extends DrawnFrom = DrawnFrom> {
  /** Schema of what the recipe says beside `module`. Without one the recipe may say nothing else. */
  readonly settings?: SettingsSchema<Settings>;
  /** Every example; dev and test examples are chosen from them by a hash. */
  readonly examples: (settings: Settings, context: DatasetContext) => Examples<From>;
  /** Examples made to test on, in place of those that the hash would choose. A recipe's `data.test` goes before them. */
  readonly test?: (settings: Settings, context: DatasetContext) => Examples<From>;
  /** Sources without targets for the teacher to label, synthetic ones too; read where the recipe says `unlabelled: { kind: module }`. */
  readonly unlabelled?: (
    settings: Settings,
    context: DatasetContext,
  ) => Iterable<string> | AsyncIterable<string>;
  /** The bytes of a PNG file. Called for the images that are written, in any order. */
  readonly draw?: (
    drawnFrom: From,
    settings: Settings,
    context: DatasetContext,
  ) => Uint8Array | Promise<Uint8Array>;
}

/**
 * Gives a module's default export its types; the settings' type is that of the schema.
 *
 * @example
 * export default defineDataset({
 *   settings: z.strictObject({ rows: z.int().positive().default(1000) }),
 *   *examples({ rows }) {
 *     for (let n = 0; n < rows; n++) yield { source: `${n} + 1`, target: `${n + 1}` };
 *   },
 * });
 */
export function defineDataset<Settings = NoSettings, From extends DrawnFrom = DrawnFrom>(
  dataset: Dataset<Settings, From>,
): Dataset<Settings, From> {
  return dataset;
}
