import { Args, Flags } from "@oclif/core";
import type { ImportedCheckpoint } from "@slm/slm/functions/import-model";
import { formatCount } from "@slm/core/format";
import { SlmCommand } from "../ui/slm-command.js";

export class ImportCommand extends SlmCommand<ImportedCheckpoint> {
  static override aliases = ["teacher:import"];
  static override summary = "Import a published model as a checkpoint.";
  static override description =
    "SOURCE is a directory, a GGUF file or a hub id. A directory contains config.json, weights (safetensors or pytorch_model.bin, one file or shards) " +
    "and the tokenizer's files. A directory in Marian's own format, which Firefox uses, contains model.bin, a vocabulary (.spm) and optionally a lexical " +
    "shortlist. Hub ids are org/name, org/name@revision or hf:org/name/file.gguf; slm downloads them into the hub's cache.\n" +
    "Decoder-only models: Llama and SmolLM2, Mistral, Qwen 2, 2.5 and 3, Phi-3, Gemma 2 and 3 (text). Encoder-decoders, with their " +
    "generation settings: T5 and FLAN-T5, mT5, umT5, BART, mBART, Pegasus, Marian (OPUS-MT), M2M-100 (NLLB), Blenderbot small, T5Gemma. " +
    "T5, FLAN-T5, mT5 and umT5 can also be GGUF files. Other models are rejected.\n" +
    "You can use the result as MODEL for generate, eval, export and quantize. A decoder-only model can also be a teacher: " +
    "{ kind: checkpoint, path: DIR }.";
  static override args = {
    source: Args.string({ required: true, description: "Directory, GGUF file or hub id." }),
  };
  static override flags = {
    output: Flags.string({
      char: "o",
      required: true,
      helpValue: "<dir>",
      summary: "Write to this directory.",
    }),
    dtype: Flags.option({
      options: ["float32", "float16", "bfloat16"] as const,
      default: "float32" as const,
      summary: "Store matrices in this type; norms and biases are always float32.",
    })(),
    "max-source": Flags.integer({
      min: 1,
      helpValue: "<tokens>",
      summary: "Limit sources to this length, including the text around them [tokens]. Default: 1024.",
    }),
    "max-target": Flags.integer({
      min: 1,
      helpValue: "<tokens>",
      summary: "Limit targets to this length [tokens]. Default: 256.",
    }),
    before: Flags.string({
      helpValue: "<text>",
      summary: "Put this text before every source. It can contain special tokens, as in chat templates.",
    }),
    after: Flags.string({
      helpValue: "<text>",
      summary: "Put this text after every source. Default: a line break.",
    }),
  };
  static override examples = [
    "<%= config.bin %> import google/flan-t5-small -o flan-t5",
    "<%= config.bin %> import ./opus-mt-en-de -o en-de --dtype float16",
    "<%= config.bin %> import ./firefox-en-pt -o en-pt",
    "<%= config.bin %> import HuggingFaceTB/SmolLM2-135M-Instruct -o smol",
  ];

  protected override async execute(): Promise<ImportedCheckpoint> {
    const { args, flags } = await this.parse(ImportCommand);
    const { importPublished } = await import("@slm/slm/functions/import-model");
    const { output, dtype, before, after, "max-source": maxSource, "max-target": maxTarget } = flags;
    return importPublished(args.source, { output, dtype, maxSource, maxTarget, before, after, ...this.work });
  }

  protected override lines({
    architecture,
    parameters,
    vocab,
    dtype,
    artifact,
  }: ImportedCheckpoint): readonly string[] {
    return [
      `${architecture}: ${formatCount(parameters)} parameters, ${String(vocab)} tokens, ${dtype}`,
      artifact,
    ];
  }
}
