/** Writes a static site that runs the bundle in the browser: the built page, the bundle, and the list of files to cache. */
import { createReadStream, createWriteStream } from "node:fs";
import { copyFile, readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createBrotliDecompress } from "node:zlib";
import {
  makeFolder,
  hashJson,
  MANIFEST_FILE,
  readJsonFile,
  readManifest,
  writeJsonAtomic,
  SlmError,
  REINSTALL,
} from "@slm/core";
import { chooseEngine, filesOfEngine, readDeviceModel, type EngineName } from "@slm/exported-model";
import { CARD_FILE } from "../model-card.js";
import { TARGETS, deviceOf } from "@slm/devices";
import { z } from "zod";
import { bundleEntries } from "../bundle/pack.js";

/** The file that the page reads first: files to load, their size, and the version of the cache. */
const SITE_FILE = "site.json";

export interface WebSiteOptions {
  /** Directory of the built page. */
  readonly page: string;
  /** Heading of the page. */
  readonly title: string;
  /** What runs the model. Default: see `chooseEngine`. */
  readonly engine?: EngineName | undefined;
}

const FOR_BROWSERS = TARGETS.filter((target) => deviceOf("deploy", target).runtimes.includes("web"));

/**
 * Writes the site. Serve it from any static host; Working offline requires `https` or `localhost`.
 *
 * @throws SlmError INPUT_MISSING if the page has not been built; OP_UNSUPPORTED for a model of another target; USAGE for an engine that cannot run it.
 */
export async function writeWebSite(
  bundle: string,
  output: string,
  { page, title, engine: asked }: WebSiteOptions,
): Promise<readonly string[]> {
  const model = await readDeviceModel(bundle);
  if (model.static !== undefined || !FOR_BROWSERS.includes(model.target)) {
    throw new SlmError(
      "OP_UNSUPPORTED",
      `deploy: a browser runs models for target ${FOR_BROWSERS.join(" and ")}; this model is for ${model.target}`,
      {
        suggestions: ["slm export CHECKPOINT --target web"],
      },
    );
  }
  const { engine } = chooseEngine(model, { engine: asked, inBrowser: true });
  const entries = await bundleEntries(bundle);
  const worker = await workerOf(bundle, engine);
  const shell = await copyPage(page, output, worker);
  const paths = entries.map(({ path }) => path);
  const read = new Set([...filesOfEngine(model, paths, engine), MANIFEST_FILE, CARD_FILE]);
  for (const path of paths.filter((entry) => read.has(entry))) {
    const target = join(output, "model", path);
    await makeFolder(dirname(target));
    await copyFile(join(bundle, path), target);
  }
  const { outputs } = await readManifest(bundle);
  const files = outputs
    .filter(({ path }) => read.has(path))
    .map(({ path, bytes, sha256 }) => ({ path: `model/${path}`, bytes, sha256 }));
  await writeJsonAtomic(join(output, SITE_FILE), {
    schemaVersion: 1,
    title,
    summary: model.summary,
    examples: model.examples,
    engine,
    worker,
    version: hashJson({ shell, files }),
    shell,
    files,
  });
  return [...shell, ...files.map(({ path }) => path), SITE_FILE];
}

/** Files and folders of the page that only some sites need, by worker. All other files are in every site. */
const NEEDED: Readonly<Record<string, readonly string[]>> = {
  "model-worker.js": ["ort/", "gpu/"],
  "portable-worker.js": ["kernels.wasm"],
  "symbols-worker.js": ["kernels.wasm"],
};

/** The worker for an engine and the bundle's tokenizer. */
async function workerOf(bundle: string, engine: EngineName): Promise<string> {
  if (engine === "onnxruntime") return "model-worker.js";
  const { source } = await readJsonFile(join(bundle, "tokenizer_config.json"), tokenizerSource);
  return source?.symbols === undefined ? "portable-worker.js" : "symbols-worker.js";
}

/** The part of a tokenizer's configuration that says whether its source is split into symbols. */
const tokenizerSource = z.looseObject({
  source: z.looseObject({ symbols: z.unknown() }).partial().optional(),
});

function isNeeded(path: string, worker: string): boolean {
  const only = Object.entries(NEEDED).flatMap(([name, files]) => [name, ...files]);
  const own = [worker, ...(NEEDED[worker] ?? [])];
  const starts = (start: string): boolean => path.startsWith(start);
  return own.some(starts) || !only.some(starts);
}

/** Extension of files that are compressed in the built page and decompressed in a site: WebAssembly shrinks to a fifth. */
const COMPRESSED = ".br";

/** Copies the built page. @returns the files of the site. @throws SlmError INPUT_MISSING if there is no page */
async function copyPage(page: string, output: string, worker: string): Promise<readonly string[]> {
  const entries = await readdir(page, { recursive: true, withFileTypes: true }).catch((cause: unknown) => {
    throw new SlmError("INPUT_MISSING", `deploy: the page has not been built: no ${page}`, {
      suggestions: [REINSTALL],
      cause,
    });
  });
  const written: string[] = [];
  for (const entry of entries.filter((found) => found.isFile())) {
    const source = join(entry.parentPath, entry.name);
    const path = source.slice(page.length + 1).replaceAll("\\", "/");
    if (!isNeeded(path, worker)) continue;
    const isCompressed = path.endsWith(COMPRESSED);
    const name = isCompressed ? path.slice(0, -COMPRESSED.length) : path;
    const target = join(output, name);
    await makeFolder(dirname(target));
    if (isCompressed)
      await pipeline(createReadStream(source), createBrotliDecompress(), createWriteStream(target));
    else await copyFile(source, target);
    written.push(name);
  }
  return written.sort();
}
