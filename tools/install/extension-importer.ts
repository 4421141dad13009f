/** An extension with an importer for models in one JSON file with Hugging Face's names. */
import { readFile } from "node:fs/promises";
import { SlmError, defineExtension, type ExternalModel, type Importer } from "@encdec/slm";

interface JsonModel {
  readonly config: Record<string, unknown>;
  readonly tensors: Record<string, { readonly shape: number[]; readonly values: number[] }>;
  readonly tokenizer: ExternalModel["tokenizer"];
}

const jsonModel: Importer = {
  fits: (source, status) => status.isFile() && source.endsWith(".model.json"),
  async open(source) {
    const { config, tensors, tokenizer } = JSON.parse(await readFile(source, "utf8")) as Partial<JsonModel>;
    if (config === undefined || tensors === undefined || tokenizer === undefined)
      throw new SlmError("DATA_INVALID", `${source}: expected config, tensors and tokenizer`);
    return {
      tokenizer,
      checkpoint: {
        where: source,
        config,
        tensors: Object.entries(tensors).map(([name, { shape, values }]) => ({
          name,
          shape,
          dtype: "F32",
          read: () => Promise.resolve(Float32Array.from(values)),
        })),
      },
    };
  },
};

export default defineExtension({ name: "json-model", importers: { jsonModel } });
