/** What `slm quantize` found out, as lines of text. */
import type { QuantizeFileReport } from "@slm/quantization";
import type { GatedQuantization } from "../models/gated-quantization.js";

/** Layers of the ranking that are worth a line. */
const SHOWN_LAYERS = 10;

type Found = Partial<GatedQuantization> | (Pick<QuantizeFileReport, "outputs"> & Partial<GatedQuantization>);

const short = (value: number): string => value.toPrecision(3);

/** Gate, speed, divergence, the worst layers, and for foreign models how outputs changed. */
export function quantizeLines(found: Found): readonly string[] {
  const { gate, speed, divergence, layers = [], excluded = [] } = found;
  const outputs = "outputs" in found ? found.outputs : [];
  return [
    ...(gate === null || gate === undefined
      ? []
      : [
          `gate  ${gate.metric} ${gate.before.toPrecision(4)} -> ${gate.after.toPrecision(4)}, ` +
            `limit ${gate.limit.toPrecision(4)}: ${gate.pass ? "pass" : "FAIL"}`,
        ]),
    ...(speed === null || speed === undefined
      ? []
      : [`speed  ${short(speed.before)} -> ${short(speed.after)} rows/s`]),
    ...(divergence === null || divergence === undefined
      ? []
      : [`divergence  ${short(divergence)} nats per token`]),
    ...layers
      .slice(0, SHOWN_LAYERS)
      .map(({ graph, layer, format, divergence: alone }) => `${short(alone)}  ${graph} ${layer} ${format}`),
    ...(excluded.length === 0 ? [] : [`kept in float32  ${excluded.join(", ")}`]),
    ...outputs.map(
      ({ name, relativeError, divergence: moved }) =>
        `${name}  error ${short(relativeError)}, divergence ${short(moved)} nats`,
    ),
  ];
}
