/** Describes a model by its files, without loading it on a device. */
import { removePath, readManifest, type Manifest } from "@slm/core";
import { SlmError } from "@slm/core/errors";
import { locateWeights, readModelConfig } from "@slm/checkpoints";
import { chooseEngine, graphsOf, modelBytes, readDeviceModel, type DeviceModel, type EngineChoice } from "@slm/exported-model";
import { parameterCount } from "@slm/model";
import { readTokenizerFiles } from "@slm/tokenizer";
import { existsSync } from "node:fs";
import { mkdtemp, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { z } from "zod";
import { locateModel } from "@slm/models/open";

interface ModelGraph {
  readonly name: string;
  readonly file: string;
  readonly bytes: number;
  /** Weight format. */
  readonly scheme: string;
}

export interface ModelInfo {
  readonly path: string;
  /** Kind of the artifact; `export` also for graphs without a manifest. */
  readonly kind: Manifest["kind"];
  readonly name: string;
  readonly architecture: string;
  readonly parameters: number;
  /** Graphs, portable form or weights: what runs [bytes]. */
  readonly bytes: number;
  /** Empty for a checkpoint and for a model with only a portable form. */
  readonly graphs: readonly ModelGraph[];
  /** Target, profile and weight format; null for a checkpoint. */
  readonly target: Pick<DeviceModel, "target" | "profile" | "scheme" | "precision"> | null;
  readonly limits: { readonly maxSource: number; readonly maxTarget: number };
  readonly tokenizer: { readonly kind: string; readonly tokens: number };
  /** Confidence threshold, if the model has one. */
  readonly abstention: NonNullable<DeviceModel["abstention"]> | null;
  /** What runs the model on this machine, and why; null for a checkpoint. */
  readonly engine: EngineChoice | null;
  /** Values by metric, as fractions or points, from when the model was created. Empty if its manifest has none. */
  readonly metrics: Readonly<Record<string, number>>;
  /** The rows that the metrics were measured on, such as "test split, 300 rows"; null if not recorded. */
  readonly measuredOn: string | null;
  /** Null for a directory without a manifest. */
  readonly provenance: Provenance | null;
}

interface Provenance extends Pick<Manifest, "createdAt" | "seed" | "versions"> {
  /** Hashes of the inputs that it was made from. */
  readonly inputs: readonly { readonly name: string; readonly sha256: string }[];
}

/**
 * Describes a checkpoint, an export, a quantized directory, or a bundle, packed or not.
 *
 * @throws SlmError INPUT_MISSING, DATA_INVALID
 */
export async function describeArtifact(path: string): Promise<ModelInfo> {
  const { kind, directory } = await locateModel(path);
  if (kind !== "packed") return { ...(await describe(directory, kind)), path };
  const { unpackBundle } = await import("@slm/deploy");
  const root = await mkdtemp(join(tmpdir(), "slm-bundle-"));
  try {
    await unpackBundle(directory, join(root, "bundle"));
    return { ...(await describe(join(root, "bundle"), "device")), path };
  } finally {
    await removePath(root);
  }
}

async function describe(directory: string, kind: "device" | "checkpoint"): Promise<Omit<ModelInfo, "path">> {
  const manifest = await manifestOf(directory);
  const parts = kind === "device" ? await describeGraphs(directory) : await describeWeights(directory);
  const { tokenizer } = await readTokenizerFiles(directory);
  const { vocab, type } = tokenizer.model;
  const tokens = (Array.isArray(vocab) ? vocab : Object.keys(vocab)).length;
  const measured = manifest === undefined ? undefined : measuredIn(manifest, parts.target?.scheme);
  return {
    kind: manifest?.kind ?? (kind === "device" ? "export" : "checkpoint"),
    ...parts,
    tokenizer: { kind: type ?? "not named", tokens },
    metrics: measured?.metrics ?? {},
    measuredOn: measured?.on ?? null,
    provenance: manifest === undefined ? null : provenanceOf(manifest),
  };
}

type Described = Omit<ModelInfo, "path" | "kind" | "tokenizer" | "metrics" | "measuredOn" | "provenance">;

async function describeGraphs(directory: string): Promise<Described> {
  const model = await readDeviceModel(directory);
  const { name, architecture, parameters, target, profile, scheme, precision, maxSource, maxTarget } = model;
  const graphs = graphsOf(model).map(({ name: role, graph }) => ({ name: role, ...graph }));
  return {
    name,
    architecture,
    parameters,
    bytes: modelBytes(model),
    graphs,
    target: { target, profile, scheme, precision },
    limits: { maxSource, maxTarget },
    abstention: model.abstention ?? null,
    engine: chooseEngine(model),
  };
}

async function describeWeights(directory: string): Promise<Described> {
  const config = await readModelConfig(directory);
  const { architecture, maxSource, maxTarget } = config;
  const { files } = await locateWeights(directory);
  const sizes = await Promise.all(files.map(async (file) => (await stat(file)).size));
  return {
    name: basename(resolve(directory)),
    architecture,
    parameters: parameterCount(config),
    bytes: sizes.reduce((sum, size) => sum + size, 0),
    graphs: [],
    target: null,
    limits: { maxSource, maxTarget },
    abstention: null,
    engine: null,
  };
}

/** The manifest of a directory, or of the quantize stage if the directory is one of its schemes; undefined if there is none. */
async function manifestOf(directory: string): Promise<Manifest | undefined> {
  for (const place of [directory, dirname(resolve(directory))]) {
    if (!existsSync(join(place, "manifest.json"))) continue;
    try {
      const manifest = await readManifest(place);
      if (place === directory || manifest.kind === "quantized") return manifest;
    } catch (error) {
      if (!(error instanceof SlmError) || place === directory) throw error;
    }
  }
  return undefined;
}

function provenanceOf({ createdAt, seed, versions, inputs }: Manifest): Provenance {
  return { createdAt, seed, versions, inputs: inputs.map(({ name, sha256 }) => ({ name, sha256 })) };
}

const metricsSchema = z.record(z.string(), z.number());

/** Fields in the reports of stages that measure the model. */
const measuredDetails = z.looseObject({
  n: z.number().optional(),
  split: z.string().optional(),
  metrics: z
    .union([
      metricsSchema,
      z.array(z.looseObject({ metric: z.string(), dataset: z.string(), n: z.number(), after: z.number() })),
    ])
    .optional(),
  models: z.array(z.looseObject({ name: z.string(), metrics: metricsSchema })).optional(),
});

interface Measured {
  readonly metrics: Readonly<Record<string, number>>;
  readonly on: string | null;
}

/**
 * The metrics in a manifest.
 *
 * @param scheme selects one of several quantized models
 * @returns undefined if the manifest has no metrics
 */
export function measuredIn({ kind, details }: Manifest, scheme?: string): Measured | undefined {
  const parsed = measuredDetails.safeParse(details);
  if (!parsed.success) return undefined;
  const { n, split, metrics, models = [] } = parsed.data;
  const on = n === undefined ? null : `${split ?? "held-out"} split, ${n} rows`;
  const model = models.find(({ name }) => name === scheme) ?? models.at(-1);
  if (model !== undefined) return { metrics: model.metrics, on };
  if (metrics === undefined) return undefined;
  if (!Array.isArray(metrics)) return { metrics, on: on ?? (kind === "bundle" ? null : "dev split") };
  const [first] = metrics;
  return {
    metrics: Object.fromEntries(metrics.map(({ metric, after }) => [metric, after])),
    on: first === undefined ? null : `${first.dataset}, ${first.n} rows`,
  };
}
