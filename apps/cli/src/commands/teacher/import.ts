import { Args, Flags } from "@oclif/core";
import type { ResolvedModel } from "@slm/checkpoints";
import type { ImportedTeacher } from "../../models/import-teacher.js";
import { formatCount } from "../../ui/format.js";
import { SlmCommand } from "../../slm-command.js";

export interface TeacherImportResult extends ImportedTeacher {
  /** The repository and commit it was fetched from; absent for a local model. */
  readonly hub?: NonNullable<ResolvedModel["hub"]> | undefined;
  readonly artifact: string;
}

export class TeacherImportCommand extends SlmCommand<TeacherImportResult> {
  static override summary = "Import a published decoder-only model as a checkpoint.";
  static override description =
    "SOURCE is a directory with config.json, safetensors (one file or shards) and tokenizer.json, a GGUF file, or a hub id: " +
    "org/name, org/name@revision, hf:org/name/file.gguf, fetched into the hub's cache. Supported: Llama and SmolLM2, " +
    "Mistral, Qwen 2, 2.5 and 3, Phi-3, Gemma 2 and 3 (text). Other models are rejected. The result is a MODEL for " +
    "generate, eval, export and quantize, and a teacher: { kind: checkpoint, path: DIR }.";
  static override args = {
    source: Args.string({ required: true, description: "Directory, GGUF file or hub id." }),
  };
  static override flags = {
    output: Flags.string({ char: "o", required: true, helpValue: "<dir>", summary: "Directory to write." }),
    dtype: Flags.option({
      options: ["float32", "float16", "bfloat16"] as const,
      default: "float32" as const,
      summary: "Type of the stored matrices; norms and biases are always float32.",
    })(),
    "max-source": Flags.integer({
      min: 1,
      helpValue: "<tokens>",
      summary: "Longest source, including the text around it [tokens]. Default: 1024.",
    }),
    "max-target": Flags.integer({
      min: 1,
      helpValue: "<tokens>",
      summary: "Longest target [tokens]. Default: 256.",
    }),
    before: Flags.string({
      helpValue: "<text>",
      summary: "Text before every source. It may contain special tokens, as in chat templates.",
    }),
    after: Flags.string({ helpValue: "<text>", summary: "Text after every source. Default: a line break." }),
  };
  static override examples = [
    "<%= config.bin %> teacher import Qwen2.5-0.5B-Instruct -o qwen --dtype bfloat16",
    "<%= config.bin %> teacher import SmolLM2-135M-Instruct.Q4_1.gguf -o smol",
    "<%= config.bin %> teacher import HuggingFaceTB/SmolLM2-135M-Instruct -o smol",
    "<%= config.bin %> teacher import SmolLM2-135M -o smol --before \"Word: \" --after $'\\nPhonemes:\\n'",
  ];

  protected override async execute(): Promise<TeacherImportResult> {
    const { args, flags } = await this.parse(TeacherImportCommand);
    const { importTeacher } = await import("../../models/import-teacher.js");
    const { writeStandalone } = await import("../../models/standalone-artifact.js");
    const { resolveModel } = await import("@slm/checkpoints");
    const { output, dtype, before, after } = flags;
    const { path, hub } = await resolveModel(args.source, this.context(1));
    const options = { dtype, maxSource: flags["max-source"], maxTarget: flags["max-target"], before, after };
    const settings = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
    const made = await writeStandalone(
      { directory: output, kind: "checkpoint", sources: { model: path }, settings },
      async (work) => ({
        ...(await importTeacher(path, work, options)),
        hub,
      }),
    );
    return { ...made, artifact: output };
  }

  protected override lines({
    architecture,
    parameters,
    vocab,
    dtype,
    artifact,
  }: TeacherImportResult): readonly string[] {
    return [
      `${architecture}: ${formatCount(parameters)} parameters, ${String(vocab)} tokens, ${dtype}`,
      artifact,
    ];
  }
}
