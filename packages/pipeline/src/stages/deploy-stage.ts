/** Stage `deploy`: the bundle, with a model card. Every run of a recipe on one machine gives the same bytes. */
import { MANIFEST_FILE, artifactInput, readManifest } from "@slm/core";
import { DATA_FILES } from "@slm/data";
import {
  deployConfig,
  deployToDirectory,
  type CardInput,
  type DeployConfig,
  type Deployment,
} from "@slm/deploy";
import { existsSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { z } from "zod";
import { abstentionFor } from "@slm/models/abstain";
import { HELD_OUT_SPLITS } from "@slm/models/rows";
import { locateModel } from "@slm/models/open";
import { defineStage } from "../stage/stage.js";
import { leafPaths, valueAt } from "../recipe/mapping.js";
import { requireInput } from "./require-input.js";

/** Report of a deployment: the files of the bundle, and the model's metrics if they were measured. */
export interface DeployReport extends Omit<Deployment, "bundle"> {
  readonly metrics: NonNullable<CardInput["metrics"]>;
}

export const deployStage = defineStage<DeployConfig>({
  name: "deploy",
  summary: "the bundle, with a model card",
  section: deployConfig,
  kind: "bundle",
  revision: 1,
  isResumable: false,
  inputs: [
    { stage: "distill", required: true },
    { stage: "export", required: true },
    { stage: "quantize", required: false },
    { stage: "compile", required: false },
    // The dev rows, if a confidence threshold is chosen on them.
    {
      stage: "data",
      required: false,
      isRead: ({ abstain }) => abstain !== undefined,
    },
  ],
  run: async ({ settings, inputs, compute, work, signal }): Promise<DeployReport> => {
    const { directory: model } = await locateModel(
      inputs.compile ?? inputs.quantize ?? requireInput(inputs, "export"),
    );
    const distilled = requireInput(inputs, "distill");
    const card: CardInput = {
      ...cardTexts(settings),
      training: await trainingSettings(distilled),
      provenance: await provenanceOf(distilled),
      ...(inputs.quantize === undefined ? {} : await qualityOf(inputs.quantize)),
      compiled: inputs.compile === undefined ? undefined : await verifiedOf(inputs.compile),
    };
    const { abstain } = settings;
    const abstention =
      abstain &&
      (await abstentionFor(
        model,
        { ...abstain, data: join(requireInput(inputs, "data"), DATA_FILES.dev) },
        { threads: compute.threads, signal },
      ));
    const { files } = await deployToDirectory({ model, outputDirectory: work, card, abstention });
    return { files, metrics: card.metrics ?? [] };
  },
});

/**
 * Name, texts and figures of a model in a run's directory (RUN/export, RUN/quantize/SCHEME, RUN/distill), for a bundle that is made later.
 *
 * @param directory of the model
 * @returns nothing for a model that is not part of a run
 */
export async function cardOfRun(directory: string): Promise<CardInput> {
  const parent = dirname(resolve(directory));
  const isScheme = basename(parent) === "quantize";
  const run = isScheme ? dirname(parent) : parent;
  const [distilled, quantized] = [join(run, "distill"), join(run, "quantize")];
  if (!existsSync(join(distilled, MANIFEST_FILE))) return {};
  const deployed = await readManifest(join(run, "deploy")).catch(() => undefined);
  const settings = deployConfig.safeParse(deployed?.settings ?? {}).data;
  const name = settings?.name ?? basename(run);
  const card: CardInput = {
    ...(settings === undefined ? {} : cardTexts(settings)),
    name,
    training: await trainingSettings(distilled),
    provenance: await provenanceOf(distilled),
  };
  if (!existsSync(join(quantized, MANIFEST_FILE))) return card;
  return { ...card, ...(await qualityOf(quantized, isScheme ? basename(directory) : "float32")) };
}

/** The texts of a model card that come from the recipe or flags. */
function cardTexts({ name, summary, examples, intendedUse, limits, licences }: DeployConfig): CardInput {
  return { name, summary, examples, intendedUse, limits, licences };
}

/** Settings of the distillation that differ from the defaults, by dotted key. */
async function trainingSettings(distilled: string): Promise<NonNullable<CardInput["training"]>> {
  const { settings, seed, origins } = await readManifest(distilled);
  const scalar = z.union([z.string(), z.number(), z.boolean()]);
  const entries = leafPaths(settings).flatMap((path) => {
    const value = scalar.safeParse(valueAt(settings, path)).data;
    const key = path.join(".");
    return value === undefined || origins[key] === "default" ? [] : [[key, value] as const];
  });
  return { seed, ...Object.fromEntries(entries) };
}

/** The student, and the models and data that it was made from. */
async function provenanceOf(distilled: string): Promise<NonNullable<CardInput["provenance"]>> {
  const { inputs } = await readManifest(distilled);
  return [...inputs, await artifactInput("checkpoint", distilled)].map(({ name, sha256 }) => ({
    name,
    sha256,
  }));
}

/** The fields that a card shows from the report of stage `quantize`. */
const quantizeDetails = z.looseObject({
  n: z.number(),
  split: z.enum(HELD_OUT_SPLITS),
  scheme: z.string(),
  bytesBefore: z.number(),
  gate: z.looseObject({ metric: z.string() }),
  models: z.array(
    z.looseObject({
      name: z.string(),
      metrics: z.record(z.string(), z.number()),
      intervals: z.record(z.string(), z.object({ low: z.number(), high: z.number() })).optional(),
    }),
  ),
});

/**
 * @param named the model whose figures are meant. Default: the deployed scheme
 * @returns nothing if the folder is not from a run's stage but from `slm quantize`, which measures no held-out rows
 */
async function qualityOf(
  quantized: string,
  named?: string,
): Promise<Pick<CardInput, "metrics" | "bytesBefore">> {
  const details = quantizeDetails.safeParse((await readManifest(quantized)).details).data;
  if (details === undefined) return {};
  const { n, split, scheme: deployed, bytesBefore, models, gate } = details;
  const scheme = named ?? deployed;
  const modelOf = (name: string): (typeof models)[number] | undefined =>
    models.find((model) => model.name === name);
  const [before, after] = [modelOf("float32"), modelOf(scheme)];
  const metrics = Object.entries(after?.metrics ?? {})
    .sort(([a], [b]) => Number(b === gate.metric) - Number(a === gate.metric))
    .map(([metric, value]) => ({
      metric,
      dataset: `${split} split`,
      n,
      after: value,
      before: before?.metrics[metric],
      interval: after?.intervals?.[metric],
    }));
  return { metrics, bytesBefore };
}

/** The fields that a card shows from the report of stage `compile`. */
const compileDetails = z.looseObject({
  verification: z
    .looseObject({
      split: z.enum(HELD_OUT_SPLITS),
      chips: z.array(
        z.looseObject({
          soc: z.string(),
          device: z.looseObject({ simulated: z.boolean() }),
          rows: z.number(),
          equalAnswers: z.number(),
          metrics: z.record(z.string(), z.object({ cpu: z.number(), device: z.number() })),
        }),
      ),
    })
    .nullable(),
});

async function verifiedOf(compiled: string): Promise<CardInput["compiled"]> {
  const { verification } = compileDetails.parse((await readManifest(compiled)).details);
  return verification?.chips.map(({ soc, device, rows, equalAnswers, metrics }) => ({
    soc,
    simulated: device.simulated,
    dataset: `${verification.split} split`,
    rows,
    equalAnswers,
    metrics,
  }));
}
