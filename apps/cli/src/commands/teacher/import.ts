import { Args, Flags } from "@oclif/core";
import type { ResolvedModel } from "@slm/checkpoints";
import type { ImportedTeacher } from "../../models/import-teacher.js";
import { formatCount } from "../../output/format.js";
import { SlmCommand } from "../../slm-command.js";

export interface TeacherImportResult extends ImportedTeacher {
  /** The repository and commit it was fetched from; absent for what lay on this machine. */
  readonly hub?: NonNullable<ResolvedModel["hub"]> | undefined;
  readonly artifact: string;
}

export class TeacherImportCommand extends SlmCommand<TeacherImportResult> {
  static override summary =
    "Make a published decoder-only model a checkpoint: a teacher, or a model like any other.";
  static override description =
    "SOURCE is a directory with config.json, safetensors (one file or shards) and tokenizer.json, a GGUF file, or a hub id: " +
    "org/name, org/name@revision, hf:org/name/file.gguf, fetched into the hub's cache. Llama and SmolLM2, " +
    "Mistral, Qwen 2, 2.5 and 3, Phi-3, Gemma 2 and 3 (text). What is not known is rejected. The result is read by " +
    "generate, eval, export and quantize, and as teacher: { kind: checkpoint, path: DIR }.";
  static override args = {
    source: Args.string({ required: true, description: "Directory, GGUF file or hub id." }),
  };
  static override flags = {
    output: Flags.string({ char: "o", required: true, helpValue: "<dir>", summary: "Directory to write." }),
    dtype: Flags.option({
      options: ["float32", "float16", "bfloat16"] as const,
      default: "float32" as const,
      summary: "How matrices are stored; norms and biases are always float32.",
    })(),
    "max-source": Flags.integer({
      min: 1,
      helpValue: "<tokens>",
      summary: "Longest source, the text around it included. Default: 1024.",
    }),
    "max-target": Flags.integer({ min: 1, helpValue: "<tokens>", summary: "Longest target. Default: 256." }),
    before: Flags.string({
      helpValue: "<text>",
      summary: "Text in front of every source; it may spell special tokens, as chat templates do.",
    }),
    after: Flags.string({ helpValue: "<text>", summary: "Text behind every source. Default: a line break." }),
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
