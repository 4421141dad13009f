import { Args, Flags } from "@oclif/core";
import type { QuantizeReport, SchemeName } from "@slm/quantization";
import { GateFailed } from "../errors.js";
import { formatBytes } from "../output/format.js";
import type { GatedQuantization } from "../models/gated-quantization.js";
import { threadsFlag } from "../recipe-flags.js";
import { SlmCommand } from "../slm-command.js";

/** A list of its own, so that reading flags loads no library. */
const SCHEMES = ["cpu", "int8-dynamic", "int4-block"] as const satisfies readonly SchemeName[];

export interface QuantizeResult extends QuantizeReport, GatedQuantization {
  readonly artifact: string;
}

export class QuantizeCommand extends SlmCommand<QuantizeResult> {
  static override summary = "Shrink an exported model; with --gate, only if it stays good enough.";
  static override description =
    "A gate compares a metric of the float32 and the quantized model on the rows of --data, or of --calibration. " +
    "Exit 3 if it fails; then nothing is written.";
  static override args = {
    model: Args.string({ required: true, description: "Float32 export, or a checkpoint." }),
  };
  static override flags = {
    scheme: Flags.option({ options: SCHEMES })({ required: true, summary: "Weight formats of the graphs." }),
    output: Flags.string({
      char: "o",
      helpValue: "<dir>",
      summary: "Directory to write. Default: MODEL-<scheme>, beside it.",
    }),
    calibration: Flags.string({
      helpValue: "<file>",
      summary: "JSONL file of rows. These schemes need no calibration: it only serves the gate.",
    }),
    gate: Flags.string({ helpValue: "<metric:maxDrop>", summary: "How much worse a metric may become." }),
    data: Flags.string({ helpValue: "<file>", summary: "JSONL file of rows that the gate is measured on." }),
    limit: Flags.integer({
      min: 1,
      helpValue: "<rows>",
      summary: "Measure the gate on the first rows only.",
    }),
    threads: threadsFlag,
  };
  static override examples = [
    "<%= config.bin %> quantize runs/quickstart/export --scheme cpu -o small",
    "<%= config.bin %> quantize exported --scheme int4-block --gate wordError:0.01 --data test.jsonl",
  ];

  protected override async execute(): Promise<QuantizeResult> {
    const { args, flags } = await this.parse(QuantizeCommand);
    const { gateMessage, quantizeWithGate, readGateRequest } =
      await import("../models/gated-quantization.js");
    const { siblingPath, writeStandalone } = await import("../models/standalone-artifact.js");
    const { withModel } = await import("../models/open-model.js");
    const { withRuntime } = await import("../compute/open-engine.js");
    const { scheme, output = siblingPath(args.model, scheme) } = flags;
    const gate = await readGateRequest({ ...flags, data: flags.data ?? flags.calibration });
    if (flags.calibration !== undefined) this.note(`quantize: scheme '${scheme}' needs no calibration`);
    const { progress } = this.context(1);
    const context = { progress, signal: this.signal };
    return withRuntime(flags.threads, (runtime) =>
      withModel(args.model, { runtime, ...context }, async (model) => {
        const report = await writeStandalone(
          {
            directory: output,
            kind: "quantized",
            sources: { model },
            settings: { scheme, gate: flags.gate ?? null },
          },
          async (work) => {
            const result = await quantizeWithGate({ model, work, scheme, gate, runtime, context });
            if (result.gate?.pass !== false) return result;
            throw new GateFailed(gateMessage(scheme, result.gate), { ...result, artifact: args.model }, [
              "slm quantize MODEL --scheme int8-dynamic",
              "accept more: --gate metric:maxDrop",
            ]);
          },
        );
        return { ...report, artifact: output };
      }),
    );
  }

  protected override lines({ bytesBefore, bytesAfter, gate, artifact }: QuantizeResult): readonly string[] {
    const asked =
      gate === null
        ? []
        : [
            `gate  ${gate.metric} ${gate.before.toPrecision(4)} -> ${gate.after.toPrecision(4)}, ` +
              `limit ${gate.limit.toPrecision(4)}: ${gate.pass ? "pass" : "FAIL"}`,
          ];
    return [`${formatBytes(bytesBefore)} -> ${formatBytes(bytesAfter)}`, ...asked, artifact];
  }
}
