/** The interface of dataset modules: code that generates a task's examples. */
import type { Row } from "../rows/row.js";

/** Parameters of a drawn image. Images with equal parameters are drawn once. */
export type DrawnFrom = readonly (string | number)[];

/** An image that the module draws only when the image is written to disk, so millions of examples fit in memory. */
export interface DrawnImage<From extends DrawnFrom = DrawnFrom> {
  /** Passed to `draw`. */
  readonly drawnFrom: From;
  /** Content of the image. Examples with equal content are in the same split, even if their images differ. */
  readonly shows: string;
  /** Pixels. */
  readonly width: number;
  readonly height: number;
}

/** A row, possibly with a drawn image. An image path is relative to `data.images`, or by default to the module's folder. */
export interface Example<From extends DrawnFrom = DrawnFrom> extends Omit<Row, "image"> {
  /** An image file or a drawn image. */
  readonly image?: string | DrawnImage<From>;
}

/** A rejected entry. The report counts and lists it, and the run continues. */
export interface RejectedExample {
  /** The reason. */
  readonly reject: string;
}

export type Examples<From extends DrawnFrom = DrawnFrom> =
  Iterable<Example<From> | RejectedExample> | AsyncIterable<Example<From> | RejectedExample>;

/** Passed to a module's functions in addition to its settings. */
export interface DatasetContext {
  /** Absolute path of the module's folder. */
  readonly directory: string;
  /** Fires when the run is interrupted. */
  readonly signal: AbortSignal;
}

/** Checks settings and fills in defaults. A zod schema is one example. */
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

/** Settings of a module without a schema: always empty. */
export type NoSettings = Readonly<Record<string, never>>;

/**
 * A task's examples. With the same settings, every function must return the same entries in the same order every time,
 * because splits, caches and reruns rely on that.
 */
export interface Dataset<Settings = NoSettings, From extends DrawnFrom = DrawnFrom> {
  /** Schema of the recipe's settings next to `module`. Without one, no settings are allowed. */
  readonly settings?: SettingsSchema<Settings>;
  /** All examples. A hash chooses the dev and test examples. */
  readonly examples: (settings: Settings, context: DatasetContext) => Examples<From>;
  /** Test examples, instead of the hash's choice. A recipe's `data.test` overrides them. */
  readonly test?: (settings: Settings, context: DatasetContext) => Examples<From>;
  /** Unlabelled sources for the teacher to label. Read only if the recipe has `unlabelled: { kind: module }`. */
  readonly unlabelled?: (
    settings: Settings,
    context: DatasetContext,
  ) => Iterable<string> | AsyncIterable<string>;
  /** Returns the bytes of a PNG file. Called once per written image, in any order. */
  readonly draw?: (
    drawnFrom: From,
    settings: Settings,
    context: DatasetContext,
  ) => Uint8Array | Promise<Uint8Array>;
}

/** Types a module's default export. The settings' type is inferred from the schema.
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
