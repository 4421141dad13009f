/**
 * `model.json`: the description of an exported, quantized or bundled model. The exporter writes it, quantization and deploy copy it, and
 * all code that runs a model reads it.
 */
import { SlmError } from "@slm/core/errors";
import { BLOCK_SIZES, PRECISIONS, PROFILE_NAMES, TABLE_FORMATS, TARGETS } from "@slm/devices";
import { PRESENT_KV } from "@slm/runtime";
import { patchReading } from "@slm/vision";
import { z } from "zod";

/**
 * Folder of the graphs that vendors' compilers compiled ahead of time: `compiled/<chip>/<graph>`. Only devices with that chip can run them.
 */
export const COMPILED_FOLDER = "compiled";

const graphFile = z.strictObject({
  file: z.string().describe("Path of the .onnx file, relative to the model directory."),
  bytes: z.int().nonnegative().describe("Size of the graph with its external data [bytes]."),
  scheme: z.string().describe("Weight format: float32, int8-dynamic, int4-block, int2-block."),
});

/** Types of the weights of portable forms: float32, or int8 with int16 activations. */
export const PORTABLE_WEIGHTS = ["float32", "int8"] as const;

const portableForm = z.strictObject({
  file: z.string().min(1).describe("Path of the file, relative to the model directory."),
  bytes: z.int().nonnegative().describe("Size of the file [bytes]."),
  weights: z.enum(PORTABLE_WEIGHTS).describe("Type of the weights."),
});

export const deviceModelSchema = z.strictObject({
  schemaVersion: z.literal(1),
  name: z.string().min(1).describe("Id of the model, for servers and packages."),
  title: z.string().min(1).optional().describe("Display name. Absent: the id."),
  summary: z.string().min(1).optional().describe("One sentence: what the model does."),
  examples: z.array(z.string().min(1)).optional().describe("Inputs to try."),
  architecture: z.enum(["encoder-decoder", "decoder-only"]),
  target: z.enum(TARGETS).describe("Kind of device that the graphs were exported for."),
  profile: z
    .enum(PROFILE_NAMES)
    .optional()
    .describe("Execution provider on the target, such as qnn or cuda."),
  precision: z
    .enum(PRECISIONS)
    .optional()
    .describe(
      "Type of activations, self-attention caches, and cross-attention keys and values; logits and biases are float32. Absent: float32.",
    ),
  scheme: z
    .string()
    .describe("Quantization scheme of the whole model: float32, int8, cpu, int8-dynamic, int4-block."),
  blocks: z
    .strictObject({
      blockSize: z.literal(BLOCK_SIZES).optional().describe("Weights that share a scale."),
      symmetric: z.boolean().optional().describe("Whether blocks have no zero points."),
      embedding: z.enum(TABLE_FORMATS).optional().describe("Format of the embedding."),
    })
    .optional()
    .describe("What was chosen in place of the scheme's defaults. Absent: the defaults."),
  /**
   * An encoder-decoder has an encoder, a decoder and, with vision, a vision graph; a decoder-only model has a decoder. Static graphs of
   * a decoder-only model have a second decoder, which reads several tokens per run. Without a decoder there are no graphs, and the portable
   * form runs.
   */
  graphs: z.strictObject({
    vision: graphFile.optional(),
    encoder: graphFile.optional(),
    chunk: graphFile.optional(),
    decoder: graphFile.optional(),
  }),
  /** Present if and only if there is a vision graph. The model then needs one image with every text. */
  vision: patchReading
    .extend({
      tokens: z.int().positive().describe("Number of image tokens before the text."),
      width: z.int().positive().describe("Elements per token."),
      prompt: z.string().min(1).optional().describe("Prompt for an image without a text."),
      flopsPerImage: z
        .number()
        .positive()
        .describe("Multiply-adds counted as two, attention scores excluded."),
    })
    .optional(),
  /** Static graphs (target npu), shortest source first. `graphs` has the graphs of the longest source. */
  static: z
    .strictObject({
      window: z.int().min(2).describe("Longest target. The caches have room for one token less [tokens]."),
      maskedBias: z.number().negative().describe("Added to the scores of masked keys."),
      chunk: z
        .int()
        .min(2)
        .optional()
        .describe("Tokens per run of the chunk graphs, which every bucket then has, for prompts."),
      lexicalShortlist: z
        .string()
        .min(1)
        .optional()
        .describe(
          "File with the tokens that can answer each source token. The host sets all other logits to -1e9. Absent: all tokens are allowed.",
        ),
      buckets: z
        .array(
          z.strictObject({
            source: z.int().positive(),
            encoder: graphFile.optional(),
            chunk: graphFile.optional(),
            decoder: graphFile,
          }),
        )
        .min(1),
    })
    .optional(),
  /** Graphs that a vendor's compiler compiled ahead of time (`slm compile`), in addition to the portable ones. One entry per chip. */
  compiled: z
    .array(
      z.strictObject({
        soc: z.string().min(1).describe("The chip, as in `--soc`."),
        plugin: z
          .string()
          .min(1)
          .describe("The plug-in that compiled the graphs, with its version: qnn 2.7.0."),
        graphs: z
          .record(
            z.string().min(1),
            z.strictObject({
              file: z.string().min(1),
              binaries: z.array(z.string().min(1)).describe("The vendor's files that the graph refers to."),
              bytes: z.int().nonnegative().describe("Size of all compiled graphs [bytes]."),
            }),
          )
          .describe("Compiled graphs, by the file of the portable graph."),
      }),
    )
    .optional(),
  portable: z
    .array(portableForm)
    .min(1)
    .optional()
    .describe(
      "The model as calls of kernels, which run in WebAssembly without ONNX Runtime. The first form is used. Scheme int8 has the int8 form and no graphs.",
    ),
  noPortable: z.string().min(1).optional().describe("Why the model has no portable form."),
  caches: z
    .enum(PRESENT_KV)
    .optional()
    .describe(
      "What a dynamic decoder returns: the whole updated caches (full), or only the new positions, which the host " +
        "appends to its caches (delta). Absent: full.",
    ),
  shortlist: z
    .int()
    .positive()
    .optional()
    .describe(
      "Size of the decoder's pruned vocabulary; the logits of all other tokens are -1e9. Absent: all.",
    ),
  lexicalShortlist: z
    .boolean()
    .optional()
    .describe(
      "Whether the encoder also returns which tokens can answer its source. The logits of all other tokens are -1e9 lower. Absent: false.",
    ),
  rows: z
    .record(z.string(), z.unknown())
    .optional()
    .describe(
      "How the files of training rows were read, from the `data` section of the recipe. Absent: as rows of {source, target}.",
    ),
  generation: z
    .record(z.string(), z.unknown())
    .optional()
    .describe(
      "The model's own generation settings, with the keys of Hugging Face's generation_config.json. Absent: greedy decoding without rules.",
    ),
  parameters: z.int().positive(),
  vocabularySize: z.int().positive(),
  decoderLayers: z.int().positive(),
  kvHeads: z.int().positive(),
  headDim: z.int().positive(),
  stateWidth: z
    .int()
    .positive()
    .optional()
    .describe(
      "Width of the state that each decoder layer keeps per position instead of keys and values [elements]. Absent: keys and values.",
    ),
  pooledGroup: z
    .int()
    .min(2)
    .optional()
    .describe("Source tokens per position of the encoder's outputs [tokens]. Absent: 1."),
  maxSource: z
    .int()
    .positive()
    .describe("Longest source, special tokens and image tokens included [tokens]."),
  maxTarget: z.int().positive().describe("Capacity of the self-attention cache [tokens]."),
  tokens: z.strictObject({
    pad: z.int().nonnegative(),
    bos: z.int().nonnegative(),
    eos: z.int().nonnegative(),
    unknown: z.int().nonnegative(),
  }),
  abstention: z
    .strictObject({
      threshold: z.number().min(0).max(1).describe("Answers with a lower confidence are withheld."),
      rows: z.int().positive().describe("Number of held-out rows on which it was chosen."),
      coverage: z.number().min(0).max(1).describe("Fraction of these rows that are answered."),
      errorRate: z.number().min(0).max(1).describe("Fraction of wrong answers among the answered rows."),
    })
    .optional()
    .describe("Confidence threshold of an answer. Absent: no answer is withheld."),
  flops: z
    .strictObject({
      encoderPerSourceToken: z.number().nonnegative(),
      decoderPerTargetToken: z.number().positive(),
    })
    .describe("Multiply-adds counted as two, attention scores excluded."),
});

export type DeviceModel = z.infer<typeof deviceModelSchema>;

/** A graph of a model: its file, size and weight format. */
export type GraphFile = z.infer<typeof graphFile>;

/** A portable form of a model. */
export type PortableForm = z.infer<typeof portableForm>;

/** File of a portable form. */
export const portableFile = (weights: PortableForm["weights"]): string => `portable.${weights}.bin`;

/** Image input of a model. */
export type DeviceVision = NonNullable<DeviceModel["vision"]>;

/** A graph of a model by its role. */
export type GraphName = keyof DeviceModel["graphs"];

/** In the order in which a model runs them. */
export const GRAPH_NAMES = ["vision", "encoder", "chunk", "decoder"] as const satisfies readonly GraphName[];

/** The graphs of a model, in the order in which it runs them. */
export function graphsOf({ graphs }: Pick<DeviceModel, "graphs">): readonly {
  readonly name: GraphName;
  readonly graph: GraphFile;
}[] {
  return GRAPH_NAMES.flatMap((name) => {
    const graph = graphs[name];
    return graph === undefined ? [] : [{ name, graph }];
  });
}

/** The decoder's graph. @throws SlmError OP_UNSUPPORTED for a model without graphs */
export function decoderGraph({ name, graphs }: Pick<DeviceModel, "name" | "graphs">): GraphFile {
  if (graphs.decoder !== undefined) return graphs.decoder;
  throw new SlmError("OP_UNSUPPORTED", `${name} has scheme int8 and therefore no graphs for ONNX Runtime`, {
    suggestions: ["--scheme cpu, when the export is quantized, makes quantized graphs"],
  });
}

/** Files of all graphs of every size, each once. */
export function graphFilesOf(model: Pick<DeviceModel, "graphs" | "static">): readonly string[] {
  const sized =
    model.static?.buckets.flatMap(({ encoder, chunk, decoder }) => [encoder, chunk, decoder]) ?? [];
  const graphs = [...graphsOf(model).map(({ graph }) => graph), ...sized];
  return [...new Set(graphs.flatMap((graph) => (graph === undefined ? [] : [graph.file])))];
}

/** Size of what runs: all graphs with their weights, or the portable form of a model without graphs [bytes]. */
export function modelBytes(model: Pick<DeviceModel, "graphs" | "portable">): number {
  const graphs = graphsOf(model);
  return graphs.length === 0
    ? (model.portable?.[0]?.bytes ?? 0)
    : graphs.reduce((sum, { graph }) => sum + graph.bytes, 0);
}

/** File of a checkpoint directory that becomes `rows` of its exports. Absent if rows are not mapped. */
export const ROW_SETTINGS_FILE = "rows.json";

/** Files of a model in addition to its graphs, relative to its directory. */
const COMPANIONS =
  /^(?:(?:tokenizer.*|config|generation_config|special_tokens_map)\.json|lexical_shortlist\.bin)$/;

/** Whether a file belongs to the model independently of its graphs, so that it is copied along with changed graphs. */
export const isCompanionFile = (name: string): boolean => COMPANIONS.test(name);

/** Name of the file of a {@link DeviceModel}. */
export const DEVICE_MODEL_FILE = "model.json";

/** For static graphs and portable forms: file of a lexical shortlist, written by `shortlistBytes` of `@slm/generation`. */
export const LEXICAL_SHORTLIST_FILE = "lexical_shortlist.bin";

/** The lexical shortlist that a host applies itself: for static graphs, and for portable forms. */
export const shortlistFile = ({
  static: fixed,
  portable,
  lexicalShortlist,
}: Pick<DeviceModel, "static" | "portable" | "lexicalShortlist">): string | undefined =>
  fixed?.lexicalShortlist ??
  (portable !== undefined && lexicalShortlist === true ? LEXICAL_SHORTLIST_FILE : undefined);
