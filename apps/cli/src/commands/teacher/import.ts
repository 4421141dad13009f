import { ImportCommand } from "../import.js";

/** `slm import` by its older name. */
export class TeacherImportCommand extends ImportCommand {
  static override summary = "Import a published decoder-only model as a checkpoint.";
  static override description =
    "SOURCE is a directory with config.json, safetensors (one file or shards) and tokenizer.json, a GGUF file, or a hub id: " +
    "org/name, org/name@revision, hf:org/name/file.gguf, fetched into the hub's cache. Supported: Llama and SmolLM2, " +
    "Mistral, Qwen 2, 2.5 and 3, Phi-3, Gemma 2 and 3 (text). Other models are rejected. The result is a MODEL for " +
    "generate, eval, export and quantize, and a teacher: { kind: checkpoint, path: DIR }.";
  static override examples = [
    "<%= config.bin %> teacher import Qwen2.5-0.5B-Instruct -o qwen --dtype bfloat16",
    "<%= config.bin %> teacher import SmolLM2-135M-Instruct.Q4_1.gguf -o smol",
    "<%= config.bin %> teacher import HuggingFaceTB/SmolLM2-135M-Instruct -o smol",
    "<%= config.bin %> teacher import SmolLM2-135M -o smol --before \"Word: \" --after $'\\nPhonemes:\\n'",
  ];
}
