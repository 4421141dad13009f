/** The models of a run by name, the float32 export first. Missing schemes are quantized on this machine. */
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { SCHEME_NAMES } from "@slm/devices";
import { learnsFromData } from "@slm/quantization";
import { execute } from "./programs.mjs";

/** `models`: names separated by commas, `all`, or undefined for the existing models. `work`: a directory for files. */
export async function findModels(
  /** @type {{ run: string, models?: string | undefined, cli: string }} */ { run, models, cli },
  /** @type {string} */ work,
) {
  const quantized = join(run, "quantize");
  const isModel = (/** @type {string} */ path) => existsSync(join(path, "model.json"));
  const present = existsSync(quantized) ? await readdir(quantized) : [];
  const deployed = isModel(join(run, "deploy")) ? ["deploy"] : [];
  const ready = [...present.filter((name) => isModel(join(quantized, name))), ...deployed];
  const wanted =
    models === undefined ? ready : models === "all" ? [...SCHEME_NAMES, ...deployed] : models.split(",");
  const found = new Map([["export", join(run, "export")]]);
  for (const name of wanted) {
    const path = ["export", "deploy"].includes(name) ? join(run, name) : join(quantized, name);
    if (isModel(path)) found.set(name, path);
    else if (isScheme(name)) found.set(name, await quantize({ run, cli, name }, work));
    else throw new Error(`--models: '${name}' is neither in ${run} nor one of ${SCHEME_NAMES.join(", ")}`);
  }
  return found;
}

const isScheme = (/** @type {string} */ name) => SCHEME_NAMES.some((scheme) => scheme === name);

async function quantize(
  /** @type {{ run: string, cli: string, name: string }} */ { run, cli, name },
  /** @type {string} */ work,
) {
  const output = join(work, name);
  process.stderr.write(`quantizing: ${name}\n`);
  const calibration = SCHEME_NAMES.some((scheme) => scheme === name && learnsFromData(scheme))
    ? ["--calibration", join(run, "data", "train.jsonl")]
    : [];
  const command = [process.execPath, cli, "quantize", join(run, "export"), "--scheme", name, "-o", output];
  await execute([...command, ...calibration, "--quiet"], {});
  return output;
}
