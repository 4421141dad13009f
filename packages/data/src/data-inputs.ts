/** What a recipe's `data:` section reads: its files, each with the split it was made for, and its generated source. */
import { stat } from "node:fs/promises";
import type { DataConfig } from "./data-config.js";
import { imageFiles } from "./images/image-files.js";
import type { PictureSource } from "./images/picture.js";
import { DEFAULT_SOURCE, openSource, testFileOf } from "./source-table.js";
import { scanFile, type DataFile } from "./scan-file.js";
import { scanRows, type ScannedLine } from "./read-rows.js";
import type { Split } from "./split.js";

/** One file of input, or a generated source. */
export interface DataInput {
  /** What to call it in messages. */
  readonly name: string;
  /** Absent where the hash of the source decides. */
  readonly split?: Split;
  /** Paths it reads; none for a generated source. */
  readonly paths: readonly string[];
  readonly scan: () => AsyncIterable<ScannedLine>;
  readonly pictures: PictureSource;
}

/** Files made for one split come first, test before dev, so that their sources are known when others are read. */
export function dataInputs(config: DataConfig): readonly DataInput[] {
  const made = (["test", "dev"] as const).flatMap((split) =>
    filesOf(config[split]).map((file) => ({ ...fileInput(file, config), split })),
  );
  return [...made, ...ownTestInput(config), ...trainingInputs(config)];
}

/** The test rows that a source brings along, unless the recipe names other ones. */
function ownTestInput({ train, test, source = DEFAULT_SOURCE }: DataConfig): readonly DataInput[] {
  const file = train === undefined && test === undefined ? testFileOf(source) : undefined;
  if (file === undefined) return [];
  return [
    { name: file, split: "test", paths: [file], scan: () => scanRows(file), pictures: imageFiles(undefined) },
  ];
}

/** A file or folder that a setting names, with the setting's dotted name inside the section. */
export interface NamedFile {
  readonly setting: string;
  readonly path: string;
}

/** Every file and folder that a section names. */
export function namedFiles({ unlabelled, images, ...config }: DataConfig): readonly NamedFile[] {
  return [
    ...(["train", "dev", "test"] as const).flatMap((split) => settingsOf(split, config[split])),
    ...settingsOf("images", images),
    ...settingsOf("unlabelled.path", unlabelled?.kind === "file" ? unlabelled.path : undefined),
  ];
}

/** Bytes of all files, as they lie on disk. Missing ones count nothing: reading names them. */
export async function inputBytes(inputs: readonly DataInput[]): Promise<number> {
  const sizes = inputs
    .flatMap(({ paths }) => paths)
    .map((path) =>
      stat(path).then(
        ({ size }) => size * (path.endsWith(".parquet") ? COMPRESSION : 1),
        () => 0,
      ),
    );
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

/** Text grows about so much when Parquet's compression is undone. */
const COMPRESSION = 4;

function trainingInputs(config: DataConfig): readonly DataInput[] {
  const { train, source = DEFAULT_SOURCE } = config;
  if (train !== undefined) return filesOf(train).map((file) => fileInput(file, config));
  const { scan, pictures } = openSource(source);
  return [{ name: source.kind, paths: [], scan, pictures: pictures ?? imageFiles(undefined) }];
}

function fileInput(file: DataFile, config: DataConfig): DataInput {
  const paths = typeof file === "string" ? [file] : [file.source, file.target];
  const pictures = imageFiles(config.images);
  return { name: paths.join(" | "), paths, scan: () => scanFile(file, config), pictures };
}

type DataFiles = DataConfig["train"];

function filesOf(files: DataFiles): readonly DataFile[] {
  if (files === undefined) return [];
  return Array.isArray(files) ? files : [files];
}

/** Paths by the dotted names of their settings: `train`, `train.source`, `train.0`. */
function settingsOf(setting: string, files: DataFiles): readonly NamedFile[] {
  if (files === undefined) return [];
  if (typeof files === "string") return [{ setting, path: files }];
  const entries: readonly (readonly [string, DataFile])[] = Object.entries(files);
  return entries.flatMap(([key, file]) => settingsOf(`${setting}.${key}`, file));
}
