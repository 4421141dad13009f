/** Tells a runtime how much the runs of a model's graphs compute. */
import { decoderGraph, type DeviceModel } from "@slm/exported-model";
import { type Runtime, withLoad } from "@slm/runtime";

/**
 * Upper bound of the work of one encoder run and one decoder run with `batchSize` texts, by file [FLOP]. It assumes sources of the maximum length.
 * The decoder's run is one step, in which a decoder-only model also reads its prompt.
 */
export function runWork(
  model: Pick<DeviceModel, "name" | "flops" | "graphs" | "maxSource">,
  batchSize: number,
): ReadonlyMap<string, number> {
  const { flops, graphs, maxSource } = model;
  const { encoder } = graphs;
  const decoder = decoderGraph(model);
  const step = batchSize * flops.decoderPerTargetToken;
  if (encoder === undefined) return new Map([[decoder.file, maxSource * step]]);
  return new Map([
    [encoder.file, batchSize * maxSource * flops.encoderPerSourceToken],
    [decoder.file, step],
  ]);
}

/** The same runtime, told the work of these graphs. @param batchSize absent: it is not told */
export function withWork(runtime: Runtime, model: DeviceModel, batchSize: number | undefined): Runtime {
  if (batchSize === undefined) return runtime;
  const works = [...runWork(model, batchSize)];
  return withLoad(runtime, (source, options) => {
    const [, work] = works.find(([file]) => source.kind === "file" && source.path.endsWith(file)) ?? [];
    return runtime.load(source, { work, ...options });
  });
}
