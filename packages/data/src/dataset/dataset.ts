/** The interface of dataset modules: code that makes a task's examples. */
import type { Row } from "../rows/row.js";

/** Parameters of a drawn image. Equal lists are the same image, which is drawn once. */
export type DrawnFrom = readonly (string | number)[];

/** An image that the module draws when it is written to disk, so that millions of examples need no memory. */
export interface DrawnImage<From extends DrawnFrom = DrawnFrom> {
  /** Passed to `draw`. */
  readonly drawnFrom: From;
  /** What the image shows. Examples with equal content are in the same split, even if their images differ. */
  readonly shows: string;
  /** Pixels. */
  readonly width: number;
  readonly height: number;
}

/** A row whose image may be drawn. An image path is relative to `data.images`, else to the module's folder. */
export interface Example<From extends DrawnFrom = DrawnFrom> extends Omit<Row, "image"> {
  /** Path of a file, or parameters of a drawn image. */
  readonly image?: string | DrawnImage<From>;
}

/** A rejected entry. It is counted and listed; the run continues. */
export interface RejectedExample {
  /** The reason. */
  readonly reject: string;
}

export type Examples<From extends DrawnFrom = DrawnFrom> =
  Iterable<Example<From> | RejectedExample> | AsyncIterable<Example<From> | RejectedExample>;

/** The context of a module, besides its settings. */
export interface DatasetContext {
  /** Absolute path of the module's folder. */
  readonly directory: string;
  /** Fires when the run is interrupted. */
  readonly signal: AbortSignal;
}

/** Checks settings and fills in defaults, for example a zod schema. */
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

/** Settings of a module without a schema: none are allowed. */
export type NoSettings = Readonly<Record<string, never>>;

/**
 * A task's examples. Every function must return the same entries in the same order whenever it is called with the same settings,
 * because splits, caches and reruns rely on that.
 */
export interface Dataset<Settings = NoSettings, From extends DrawnFrom = DrawnFrom> {
  /** Schema of the recipe's settings next to `module`. Without one, no settings are allowed. */
  readonly settings?: SettingsSchema<Settings>;
  /** Every example; dev and test examples are chosen from them by a hash. */
  readonly examples: (settings: Settings, context: DatasetContext) => Examples<From>;
  /** Test examples, instead of those that the hash would choose. A recipe's `data.test` overrides them. */
  readonly test?: (settings: Settings, context: DatasetContext) => Examples<From>;
  /** Unlabelled sources for the teacher to label; read if the recipe has `unlabelled: { kind: module }`. */
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

/** Types a module's default export; the type of its settings comes from the schema.
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
