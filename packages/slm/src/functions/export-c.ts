/** Checkpoints as C99 without a runtime. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { compileModel, writeCFiles, type TextSupport, type WeightForm } from "@slm/c-export";
import { SlmError } from "@slm/core/errors";
import type { ParityReport } from "@slm/onnx-export/parity";
import { parameterCount } from "@slm/model";
import { contextOf, givenSettings, type WorkOptions } from "@slm/core/work";
import { requireIntact } from "@slm/core";
import { readCheckpoint } from "@slm/checkpoints";
import { TOKENIZER_FILE, readTokenizerFiles } from "@slm/tokenizer";
import { withRuntime } from "@slm/models/engines";
import { siblingPath, writeStandalone } from "@slm/models/artifacts";
import { comparePortable } from "@slm/models/quality";

export interface ExportCOptions extends WorkOptions {
  /** Type of the weights. int8 and int4 weights are multiplied by int16 activations. Default: `float32`. */
  readonly weights?: WeightForm | undefined;
  /** Prefix of the C names and of the files. Default: `student`. */
  readonly name?: string | undefined;
  /** Directory to write. Default: `CHECKPOINT-c`, next to the checkpoint. */
  readonly output?: string | undefined;
  /** Threads of the model that the logits are compared with. Default: one per CPU core. */
  readonly threads?: number | undefined;
}

export interface ExportedC {
  readonly target: "c";
  readonly weights: WeightForm;
  /** Directory that was written. */
  readonly artifact: string;
  readonly files: readonly { readonly path: string; readonly bytes: number }[];
  readonly parameters: number;
  /** Working memory of one text [bytes]. */
  readonly arenaBytes: number;
  /** The kind of tokenizer that the C functions for text have, or why there are none. */
  readonly text: TextSupport;
  /** There are no ONNX operators in it. */
  readonly opset: null;
  readonly parity: Pick<ParityReport, "maxAbs" | "cases" | "basis">;
}

/** Public names have a suffix, so a reserved word of C is a valid prefix. */
const NAME = /^[A-Za-z][A-Za-z0-9_]{0,30}$/u;

/**
 * Exports a text model as one C file, its header and a file of weights, and compares the logits of the same kernels, compiled to WebAssembly, with the
 * checkpoint's. The C functions read and write text with most tokenizers (see `text` of the result), and otherwise only token ids.
 *
 * @param checkpoint directory with config.json and model.safetensors, and with the tokenizer if there is one
 * @throws SlmError USAGE for a name that C does not allow, INPUT_MISSING, DATA_INVALID, OP_UNSUPPORTED for an operation without a kernel, GATE_FAILED if float32
 * logits differ by more than 0.001
 * @example
 * const { artifact, arenaBytes } = await exportC("runs/mine/distill", { weights: "int8", name: "mine" });
 */
export async function exportC(checkpoint: string, options: ExportCOptions = {}): Promise<ExportedC> {
  const { weights: form = "float32", name = "student", threads } = options;
  if (!NAME.test(name))
    throw new SlmError("USAGE", `export: the name '${name}' is not a C identifier of at most 31 characters`, {
      suggestions: ["--name student"],
    });
  await requireIntact(checkpoint);
  const { output = siblingPath(checkpoint, "c") } = options;
  const { progress, signal } = contextOf(options);
  const read = await readCheckpoint(checkpoint);
  const hasTokenizer = existsSync(join(checkpoint, TOKENIZER_FILE));
  const tokenizer = hasTokenizer ? await readTokenizerFiles(checkpoint) : undefined;
  const model = compileModel(read, form);
  const parity = await withRuntime(threads, (runtime) =>
    comparePortable(read, model, { runtime, progress, signal }),
  );
  const settings = givenSettings({ target: "c", weights: form, name });
  const written = await writeStandalone(
    { directory: output, kind: "export", sources: { checkpoint }, settings },
    (work) => writeCFiles(work, name, read.config, model, tokenizer),
  );
  return {
    target: "c",
    weights: form,
    artifact: output,
    ...written,
    parameters: parameterCount(read.config),
    opset: null,
    parity,
  };
}
