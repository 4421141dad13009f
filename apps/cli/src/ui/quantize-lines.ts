/** The text output of `slm quantize`. */
import type { QuantizeFileReport, QuantizeTransformersReport } from "@slm/quantization";
import type { RuntimeDevice } from "@slm/runtime";
import type { GatedQuantization } from "@slm/slm/functions/quantize";

/** Number of weights named on one line. */
const SHOWN_NAMES = 4;

type Found = Partial<GatedQuantization> &
  Partial<
    Pick<QuantizeFileReport, "outputs" | "int8" | "skipped"> & Pick<QuantizeTransformersReport, "dtypes">
  > & {
    readonly device?: RuntimeDevice | undefined;
  };

const short = (value: number): string => value.toPrecision(3);

/** Weights that stay float32, one line per reason. */
function keptLines(
  skipped: readonly { readonly name: string; readonly reason: string }[],
): readonly string[] {
  const reasons = new Set(skipped.map(({ reason }) => reason));
  return [...reasons].map((reason) => {
    const names = skipped.filter((weight) => weight.reason === reason).map(({ name }) => name);
    const more = names.length > SHOWN_NAMES ? ` and ${names.length - SHOWN_NAMES} more` : "";
    return `stays float32  ${names.slice(0, SHOWN_NAMES).join(", ")}${more}: ${reason}`;
  });
}

/** Gate, speed, divergence, and for third-party models the change of outputs. */
export function quantizeLines(found: Found): readonly string[] {
  const { gate, speed, divergence, outputs = [], skipped = [] } = found;
  const { dtypes, int8, device } = found;
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
    ...keptLines(skipped),
    ...(int8 === undefined ? [] : [`int8 weights  ${int8.bits} bits: ${int8.reason}`]),
    ...(device?.int8 === undefined ? [] : [`this CPU  ${device.int8.meaning}`]),
    ...(dtypes === undefined ? [] : [`transformers.js  dtype: ${JSON.stringify(dtypes)}`]),
    ...outputs.map(
      ({ name, relativeError, divergence: moved }) =>
        `${name}  error ${short(relativeError)}, divergence ${short(moved)} nats`,
    ),
  ];
}
