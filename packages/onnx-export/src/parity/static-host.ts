/** Runs static graphs like the host of an NPU, with the same inputs and caches as generation. */
import { GRAPH_IO, openTextCache, staticSourceInputs, staticTokenInputs } from "@slm/exported-model";
import { stateWidthOf } from "@slm/model";
import { STATIC_MASKED } from "../lowerings/context.js";
import { imageTokensOf } from "./parity-cases.js";
import { floats } from "./reference-logits.js";
import { columns, seeImages, type GraphHost } from "./run-host.js";

export const runStatic: GraphHost = async (
  { config, precision, runtime },
  { vision, encoder, chunk, decoder },
  { sizes, inputs },
) => {
  const { source, window, chunk: several = 1 } = sizes.graph!;
  const model = { ...config, precision, stateWidth: stateWidthOf(config) };
  const layout = { source, window, maskedBias: STATIC_MASKED };
  const image = await seeImages(vision, inputs);
  const ids = inputs.sourceIds.data as Int32Array;
  const read = staticSourceInputs(ids, model, layout, imageTokensOf(config));
  const bias = { [GRAPH_IO.sourceBias]: read[GRAPH_IO.sourceBias]! };
  const encoded =
    encoder && (await encoder.run({ feeds: { ...read, ...image }, keep: encoder.outputNames })).kept;
  const cache = openTextCache(model, window);
  const run = async (position: number, count: number): Promise<Float32Array> => {
    const [session, size] = count === 1 ? [decoder, 1] : [chunk!, several];
    const { data } = columns(inputs.targetIds, position, count);
    const { fetched } = await session.run({
      feeds: {
        ...staticTokenInputs(data as Int32Array, model, layout, { position, size }),
        ...(encoded && { ...bias, ...encoded }),
        ...cache.feedsAt(position),
      },
      fetch: session.outputNames,
    });
    cache.write({ slot: position, count }, fetched);
    const logits = floats(fetched[GRAPH_IO.logits]);
    const vocabulary = logits.length / size;
    return logits.slice((count - 1) * vocabulary, count * vocabulary);
  };
  try {
    const results: Float32Array[] = [];
    for (let position = 0; position < sizes.target;) {
      const left = Math.max(1, sizes.prefill - position);
      const count = Math.min(left, several);
      const logits = await run(position, count);
      position += count;
      if (position >= sizes.prefill) results.push(logits);
    }
    return results;
  } finally {
    await runtime.release([...Object.values(image), ...Object.values(encoded ?? {})]);
  }
};
