/** The inputs of a recipe's `data:` section: files, each with its fixed split if any, and the dataset module. */
import { stat } from "node:fs/promises";
import { basename } from "node:path";
import type { DataConfig } from "../config/data-config.js";
import { loadDataset, type LoadedDataset } from "./load-dataset.js";
import { moduleFiles } from "../dataset/module-files.js";
import { datasetPictures, scanExamples } from "./scan-dataset.js";
import { imageFiles } from "../images/image-files.js";
import type { PictureSource } from "../images/picture.js";
import { scanFile } from "../formats/scan-file.js";
import type { ScannedLine } from "../formats/read-rows.js";
import type { Split } from "../sampling/split.js";

/** One file of input, or one part of a dataset module. */
export interface DataInput {
  /** Name in messages. */
  readonly name: string;
  /** Fixed split; if undefined, the hash of the source decides. */
  readonly split?: Split;
  /** Paths that it reads; empty for a dataset module. */
  readonly paths: readonly string[];
  readonly scan: () => AsyncIterable<ScannedLine>;
  readonly pictures: PictureSource;
}

/** All inputs, in reading order. */
export interface OpenInputs {
  readonly inputs: readonly DataInput[];
  /** The module with the training examples, if the recipe names no training files. */
  readonly dataset?: LoadedDataset | undefined;
}

/**
 * Opens the inputs of a section and executes the dataset module. Files with a fixed split come first, test before dev, so that their
 * sources are known when other files are read.
 *
 * @throws SlmError as `loadDataset`.
 */
export async function openInputs(config: DataConfig, signal: AbortSignal): Promise<OpenInputs> {
  const { source, train } = config;
  const made = (["test", "dev"] as const).flatMap((split) =>
    filesOf(config[split]).map((file) => ({ ...fileInput(file, config), split })),
  );
  if (source === undefined)
    return { inputs: [...made, ...filesOf(train).map((file) => fileInput(file, config))] };
  const dataset = await loadDataset(source, signal);
  return { inputs: [...made, ...datasetInputs(dataset, config)], dataset };
}

/** A module's examples, and its test examples unless the recipe overrides them. */
function datasetInputs(dataset: LoadedDataset, { test, images }: DataConfig): readonly DataInput[] {
  const pictures = datasetPictures(dataset, images);
  // Only the file name: rejections are part of the artifact, which must not depend on the recipe's location.
  const name = basename(dataset.path);
  const examples = { name, paths: [], scan: () => scanExamples(dataset, "examples"), pictures };
  if (test !== undefined || dataset.test === undefined) return [examples];
  return [
    { ...examples, name: `${name}: test`, split: "test", scan: () => scanExamples(dataset, "test") },
    examples,
  ];
}

/** A file or folder of a setting, with the setting's dotted name in the section. */
export interface NamedFile {
  readonly setting: string;
  readonly path: string;
}

/** Every file and folder that a section names, and the files of its dataset module. */
export async function namedFiles({
  unlabelled,
  images,
  source,
  ...config
}: DataConfig): Promise<readonly NamedFile[]> {
  const module = source === undefined ? [] : await moduleFiles(source.module);
  return [
    ...module.map(({ name, path }) => ({ setting: `source.module/${name}`, path })),
    ...(["train", "dev", "test"] as const).flatMap((split) => settingsOf(split, config[split])),
    ...settingsOf("images", images),
    ...settingsOf("unlabelled.path", unlabelled?.kind === "file" ? unlabelled.path : undefined),
  ];
}

/** Size of all files on disk [bytes]. Missing files are ignored, because reading reports them. */
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

/** Approximate expansion of text in compressed Parquet. */
const COMPRESSION = 4;

function fileInput(file: string, config: DataConfig): DataInput {
  const pictures = imageFiles(config.images);
  return { name: file, paths: [file], scan: () => scanFile(file, config), pictures };
}

type DataFiles = DataConfig["train"];

function filesOf(files: DataFiles): readonly string[] {
  if (files === undefined) return [];
  return typeof files === "string" ? [files] : files;
}

/** Paths by the dotted names of their settings: `train`, `train.0`. */
function settingsOf(setting: string, files: DataFiles): readonly NamedFile[] {
  if (files === undefined) return [];
  if (typeof files === "string") return [{ setting, path: files }];
  return files.map((path, index) => ({ setting: `${setting}.${index}`, path }));
}
