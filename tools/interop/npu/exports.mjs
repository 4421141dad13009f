/** The exports of a model for profile qnn, in every precision and scheme that it takes. */
import { DEVICES } from "@slm/devices";
import { execa } from "execa";
import { createHash } from "node:crypto";
import { mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { slm } from "../slm.mjs";
import { calibrationRows } from "./calibration-rows.mjs";

const { schemes, precisions } = DEVICES.npu.qnn;
const PRECISIONS = Object.entries(precisions).flatMap(([name, verdict]) => (verdict === true ? [name] : []));
const FEEDS = join(import.meta.dirname, "realistic_feeds.py");

/** Runs a command of slm, unless its directory is there. */
async function once(directory, args) {
  if ((await stat(directory).catch(() => undefined)) !== undefined) return;
  const { error } = await slm([...args, "-o", directory, "--json"]);
  if (error !== undefined) throw new Error(`slm ${args.join(" ")}: ${error.code}: ${error.message}`);
}

/** Graphs of every size that an export names in its model.json. */
async function graphsIn(directory) {
  const { graphs, static: layout } = JSON.parse(await readFile(join(directory, "model.json"), "utf8"));
  const sets = [...layout.buckets, { vision: graphs.vision }];
  return sets.flatMap((set) => Object.values(set).flatMap((graph) => graph?.file ?? []));
}

/**
 * Yields `{form, directory, feeds, graphs}` for each precision and scheme. `form` is the name of either.
 *
 * A model and its exports are kept under a hash of its shape and of the version of slm's own code.
 */
export async function* exportsOf(model, { cache, trained, isWanted, python }) {
  const shape = await model.shape();
  const run = trained[model.name];
  const key = createHash("sha256").update(
    JSON.stringify([shape, run, model.sizesOf(shape), await codeVersion()]),
  );
  const root = join(cache, `${model.name}-${key.digest("hex").slice(0, 12)}`);
  const wanted = [...PRECISIONS, ...schemes.takes].filter((form) => isWanted(model.name, form));
  if (wanted.length === 0) return;
  await mkdir(root, { recursive: true });
  const checkpoint = run === undefined ? join(root, "checkpoint") : join(run, model.stage);
  const config = join(root, "shape.json");
  await writeFile(config, JSON.stringify(shape));
  if (run === undefined) await once(checkpoint, ["model", "init", config]);
  for (const form of wanted) {
    const directory = join(root, form);
    const isPrecision = PRECISIONS.includes(form);
    await exportFloat(model, shape, checkpoint, { root, precision: isPrecision ? form : "float32" });
    if (!isPrecision) {
      const rows = run === undefined ? await calibrationRows(shape, root) : join(run, "data/train.jsonl");
      await once(directory, ["quantize", join(root, "float32"), "--scheme", form, "--calibration", rows]);
    }
    const feeds = join(root, `${form}-feeds`);
    await rm(feeds, { recursive: true, force: true });
    await execa(python, [FEEDS, directory, feeds], { stdio: ["ignore", "ignore", "inherit"] });
    yield { form, directory, feeds, graphs: await graphsIn(directory) };
  }
}

async function exportFloat(model, shape, checkpoint, { root, precision }) {
  const args = ["export", checkpoint, "--target", "npu", "--profile", "qnn", "--precision", precision];
  const sizes = Object.entries(model.sizesOf(shape)).flatMap(([flag, size]) => [`--${flag}`, String(size)]);
  await once(join(root, precision), [...args, ...sizes]);
}

/** Changes when a built file of the packages that write graphs does. */
async function codeVersion() {
  const packages = ["onnx-export", "quantization", "model", "tensor", "onnx"];
  const built = await Promise.all(
    packages.map((name) =>
      readFile(join(import.meta.dirname, `../../../packages/${name}/dist/.tsbuildinfo`), "utf8"),
    ),
  );
  return createHash("sha256").update(built.join("")).digest("hex");
}
