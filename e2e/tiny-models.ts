/** Tiny models with random weights: exports, quantizes and opens them, and removes everything after the tests of a file. */
import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import type { Checkpoint } from "@slm/checkpoints";
import { temporaryFolder } from "@slm/core/testing";
import { openGraphModel, type Model, type GraphModelOptions } from "@slm/inference";
import { exportWeights, type ExportChoice, type ExportReport, type ExportSettings } from "@slm/onnx-export";
import { quantizeDirectory, type QuantizeDirectoryOptions } from "@slm/quantization";
import type { Runtime } from "@slm/runtime";
import { createCpuRuntime } from "@slm/runtime-node";
import { trainSymbolTokenizer, writeTokenizer } from "@slm/tokenizer";
import { afterAll, beforeAll } from "vitest";
import { randomWeights } from "./random-models.js";

type Choice = ExportChoice & Partial<Pick<ExportSettings, "runtime" | "engine" | "shortlist">>;

export class TinyModels {
  /** Contains one directory per model. */
  readonly workspace = temporaryFolder();
  readonly tokenizerDirectory = join(this.workspace, "tokenizer");
  readonly #isCompared: boolean;
  #runtime: Runtime | undefined;
  readonly #opened: Model[] = [];

  /**
   * Call it at the top of a test file, or in a block of tests.
   *
   * @param letters the source symbols of the tokenizer
   * @param words the target symbols, separated by spaces
   * @param lowercase whether sources are read in lower case
   * @param isCompared whether exports are compared with the trained model, which takes most of their time
   */
  constructor({ threads = 2, letters = "abc", words = "X Y", lowercase = false, isCompared = true } = {}) {
    this.#isCompared = isCompared;
    beforeAll(async () => {
      this.#runtime = await createCpuRuntime({ inThread: true, threads });
      const symbols = { sources: [letters], targets: [words], sourceLowercase: lowercase };
      await writeTokenizer(trainSymbolTokenizer(symbols), this.tokenizerDirectory);
    });
    afterAll(async () => {
      for (const model of this.#opened) await model.close();
      await this.#runtime?.close();
    });
  }

  /** The CPU provider, while tests run. */
  get runtime(): Runtime {
    return this.#runtime!;
  }

  newDirectory(): Promise<string> {
    return mkdtemp(join(this.workspace, "model-"));
  }

  /** Exports a model, and compares it on the CPU provider unless the choice names another runtime. */
  async exported(
    config: Checkpoint["config"],
    choice: Choice,
    weights: Checkpoint["weights"] = randomWeights(config),
  ): Promise<{ readonly report: ExportReport; readonly directory: string }> {
    const directory = await this.newDirectory();
    const source = { config, weights, name: "tiny", tokenizerDirectory: this.tokenizerDirectory };
    const runtime = this.#isCompared ? this.runtime : undefined;
    const settings = { outputDirectory: directory, runtime, ...choice };
    return { report: await exportWeights(source, settings), directory };
  }

  /** @returns the directory of the quantized model */
  async quantized(
    modelDirectory: string,
    scheme: QuantizeDirectoryOptions["scheme"],
    more: Partial<QuantizeDirectoryOptions> = {},
  ): Promise<string> {
    const outputDirectory = await this.newDirectory();
    await quantizeDirectory({ modelDirectory, outputDirectory, scheme, ...more });
    return outputDirectory;
  }

  async open(directory: string, options?: GraphModelOptions): Promise<Model> {
    const model = await openGraphModel(directory, this.runtime, options);
    this.#opened.push(model);
    return model;
  }
}
