/** Repeats the encoder's outputs of each source for every beam, without copying them to the host. */
import { GraphBuilder, int, type Graph } from "@slm/onnx";
import type { DeviceTensor } from "@slm/runtime";

/** Input: int32 `[rows]`, the source of each row. */
export const SOURCES = "sources";

export interface RepeatedTensor {
  readonly name: string;
  readonly dtype: DeviceTensor["dtype"];
  readonly rank: number;
}

/** Inputs `from.NAME` `[sources, ...]`; outputs NAME `[rows, ...]`. */
export function repeatGraph(tensors: readonly RepeatedTensor[]): Graph {
  const builder = new GraphBuilder("repeated rows");
  builder.input(SOURCES, "int32", ["rows"]);
  for (const { name, dtype, rank } of tensors) {
    const inner = Array.from({ length: rank - 1 }, (_, axis) => `${name}.${axis + 1}`);
    builder.input(`from.${name}`, dtype, ["sources", ...inner]);
    const rows = builder.op("Gather", [`from.${name}`, SOURCES], { attributes: { axis: int(0) } });
    builder.output(name, rows, dtype, ["rows", ...inner]);
  }
  return builder.build();
}
