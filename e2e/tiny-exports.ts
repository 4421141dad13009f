/** Exports tiny models with random weights into directories that are removed after the tests. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Checkpoint } from "@slm/checkpoints";
import { exportWeights, type ExportChoice, type ExportReport } from "@slm/onnx-export";
import { type Runtime } from "@slm/runtime";
import { createCpuRuntime } from "@slm/runtime-node";
import { trainSymbolTokenizer, writeTokenizer } from "@slm/tokenizer";
import { randomWeights } from "./random-models.js";

/** Exports tiny models. The caller closes it. */
export interface TinyExporter {
  readonly runtime: Runtime;
  /** Contains one directory per export. */
  readonly workspace: string;
  readonly tokenizerDirectory: string;
  /** Exports a model and compares it with the trained one on the CPU provider. */
  exported(
    config: Checkpoint["config"],
    choice: ExportChoice,
    weights?: Checkpoint["weights"],
  ): Promise<{ readonly report: ExportReport; readonly directory: string }>;
  close(): Promise<void>;
}

export async function openTinyExporter(): Promise<TinyExporter> {
  const runtime = await createCpuRuntime({ inThread: true, threads: 2 });
  const workspace = await mkdtemp(join(tmpdir(), "slm-exports-"));
  const tokenizerDirectory = join(workspace, "tokenizer");
  const files = trainSymbolTokenizer({ sources: ["abc"], targets: ["X Y"], sourceLowercase: false });
  await writeTokenizer(files, tokenizerDirectory);
  return {
    runtime,
    workspace,
    tokenizerDirectory,
    exported: async (config, choice, weights = randomWeights(config)) => {
      const directory = await mkdtemp(join(workspace, "export-"));
      const source = { config, weights, name: "tiny", tokenizerDirectory };
      return {
        report: await exportWeights(source, { outputDirectory: directory, runtime, ...choice }),
        directory,
      };
    },
    close: async () => {
      await runtime.close();
      await rm(workspace, { recursive: true });
    },
  };
}
