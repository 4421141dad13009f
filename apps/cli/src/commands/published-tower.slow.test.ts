/** Students with a published vision tower: from a directory in the hub's layout to a trained checkpoint. */
import { readCheckpoint } from "@slm/checkpoints";
import { type Weights } from "@slm/model";
import type { HostTensor } from "@slm/runtime";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "@slm/core/testing";
import { beforeAll, describe, expect, test } from "vitest";
import { writeExternalTower, type TowerFamily } from "../testing/external-tower.js";
import { runCommand, type CommandOutcome } from "../testing/run-command.js";

const root = temporaryFolder();
const towers: Partial<Record<TowerFamily, ReadonlyMap<string, HostTensor>>> = {};
beforeAll(async () => {
  for (const family of ["clip", "siglip"] as const)
    towers[family] = await writeExternalTower(join(root, family), family);
});

const training = { steps: 3, batchSize: 4, warmupSteps: 1, buckets: 1, evaluateEvery: 3, evaluateRows: 2 };
const shape = {
  width: 16,
  heads: 2,
  kvHeads: 2,
  headDim: 8,
  feedForward: 32,
  encoderLayers: 1,
  decoderLayers: 1,
  maxSource: 32,
  maxTarget: 16,
};
const module = fileURLToPath(new URL("../../../../configs/ocr/dataset.ts", import.meta.url));
const lines = { module, rows: 24, width: 48, height: 16, maxCharacters: 8, prompt: "read" };

type Section = Readonly<Record<string, unknown>>;

/** Trains a student into `root/name/distill`. All students share data and tokenizer. */
async function distilled(name: string, vision: Section, more: Section = {}): Promise<CommandOutcome> {
  const recipe = join(root, `${name}.yaml`);
  const sections = {
    metrics: ["cer"],
    data: { source: lines, devFraction: 0.2, testFraction: 0.01 },
    tokenizer: { kind: "bpe", vocabularySize: 264 },
    distill: {
      student: { ...shape, vision },
      loss: { forwardKl: 0, crossEntropy: 1 },
      ...training,
      learningRate: 0.01,
      ...more,
    },
  };
  await writeFile(recipe, JSON.stringify(sections)); // JSON is YAML.
  return runCommand("distill", [recipe, "--out", join(root, name), "--threads", "1", "--json"]);
}

async function trained(name: string, vision: Section, more: Section = {}): Promise<Weights> {
  const { exitCode, json } = await distilled(name, vision, more);
  if (exitCode !== 0) throw new Error(JSON.stringify(json));
  return (await readCheckpoint(join(root, name, "distill"))).weights;
}

/** The bytes of the numbers, for a comparison bit by bit. */
const bytesOf = ({ data }: HostTensor): Buffer => Buffer.from(data.buffer, data.byteOffset, data.byteLength);

/** Our tensor names with the published ones: one of each kind, of the first and of the last layer that is read. */
const SAME = {
  "vision.tower.patch.weight": "embeddings.patch_embedding.weight",
  "vision.tower.layers.0.attention.query.weight": "encoder.layers.0.self_attn.q_proj.weight",
  "vision.tower.layers.1.feedForward.down.bias": "encoder.layers.1.mlp.fc2.bias",
  "vision.tower.layers.1.attentionNorm.weight": "encoder.layers.1.layer_norm1.weight",
} as const;

/** Which of those weights still have their published values. */
function kept(weights: Weights, family: TowerFamily): readonly string[] {
  const same = Object.entries(SAME).filter(([ours, theirs]) =>
    bytesOf(weights.get(ours)!).equals(bytesOf(towers[family]!.get(`vision_model.${theirs}`)!)),
  );
  return same.map(([name]) => name);
}

const published = (family: TowerFamily): Section => ({
  published: join(root, family),
});

describe("a student with a published tower", () => {
  test.each(["clip", "siglip"] as const)(
    "trains with the tower frozen, bit for bit as published: %s",
    async (family) => {
      const weights = await trained(`${family}-frozen`, published(family), { frozen: ["tower"] });
      expect(kept(weights, family)).toEqual(Object.keys(SAME));
      const { config } = await readCheckpoint(join(root, `${family}-frozen`, "distill"));
      // CLIP is read before its last layer, SigLIP after the last layer and the norm.
      expect(config).toMatchObject({
        vision: {
          tower:
            family === "clip"
              ? { layers: 2, classToken: "dropped", outputNorm: false, activation: "quickGelu" }
              : { layers: 3, classToken: "none", outputNorm: true, activation: "gelu" },
        },
      });
      expect(config).not.toHaveProperty("vision.published");
    },
    120_000,
  );

  test("trains the tower in full, or only its adapters", async () => {
    const full = await trained("full", published("clip"));
    expect(kept(full, "clip")).toEqual([]);
    const adapted = await trained("adapted", published("clip"), { lora: 2, frozen: ["text"] });
    expect(kept(adapted, "clip")).toEqual(
      Object.keys(SAME).filter((name) => !/\.(?:attention|feedForward|patch)\b.*\.weight$/u.test(name)),
    );
  });

  test("is trained again only if the tower's files change", async () => {
    const parts = { frozen: ["tower"] };
    const vision = published("siglip");
    await trained("again", vision, parts);
    expect((await distilled("again", vision, parts)).json).toMatchObject({ result: { status: "skipped" } });
    const file = join(root, "siglip", "preprocessor_config.json");
    const settings = JSON.parse(await readFile(file, "utf8")) as object;
    await writeFile(file, JSON.stringify({ ...settings, image_mean: [0.4, 0.4, 0.4] }));
    expect((await distilled("again", vision, parts)).json).toMatchObject({ result: { status: "ran" } });
  });
});

describe("a published tower is rejected", () => {
  test("if the student describes its own tower", async () => {
    const tower = {
      image: { resize: { kind: "stretch", height: 16, width: 16 } },
      patch: { height: 8, width: 8 },
      width: 8,
      layers: 1,
      heads: 1,
      feedForward: 8,
    };
    for (const vision of [{ ...published("clip"), tower }, {}]) {
      const { exitCode, json } = await distilled("rejected", vision);
      expect([exitCode, json]).toMatchObject([78, { error: { code: "CONFIG_INVALID" } }]);
    }
  });

  test("if there is none", async () => {
    const none = await distilled("none", { published: join(root, "nothing") });
    expect(none.exitCode).toBe(66);
  });
});
