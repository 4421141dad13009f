/** Drafts of random models, by their graph and by the functions that train. */
import { join } from "node:path";
import {
  decode,
  draftState,
  outputHead,
  readSource,
  type EncoderDecoderConfig,
  type Weights,
} from "@slm/model";
import { createHostTensor, type Runtime } from "@slm/runtime";
import { createEagerEngine, math } from "@slm/tensor";
import { packWeights, planChunks, unpackParameters, valueInput, valueSpecs } from "@slm/training";

/** Drafts after each prefix of some tokens, by the graph and by the functions that train. */
export async function graphDrafts(
  runtime: Runtime,
  directory: string,
  config: EncoderDecoderConfig,
  weights: Weights,
): Promise<{ readonly graph: readonly number[][]; readonly eager: readonly number[][] }> {
  const source = [5, 9, 7, 12];
  const fed = [1, 20, 23, 21, 25];
  const encoder = await runtime.load({ kind: "file", path: join(directory, "encoder.onnx") });
  const decoder = await runtime.load({ kind: "file", path: join(directory, "decoder.onnx") });
  const ints = (shape: number[], values: number[]) =>
    createHostTensor("int32", shape, Int32Array.from(values));
  const { kept } = await encoder.run({
    feeds: { source_ids: ints([1, source.length], source), source_lengths: ints([1], [source.length]) },
    keep: encoder.outputNames,
  });
  const caches = Object.fromEntries(
    decoder.inputNames
      .filter((name) => name.startsWith("past."))
      .map((name) => [
        name,
        createHostTensor("float32", [1, config.kvHeads, config.maxTarget, config.headDim]),
      ]),
  );
  const graph: number[][] = [];
  for (let length = 1; length <= fed.length; length++) {
    // What follows the first id is wrong for these models, so drafts are of the first position; alone, each is the last.
    const ids = fed.slice(0, length);
    const { fetched } = await decoder.run({
      feeds: { target_ids: ints([1, length], ids), past_length: ints([1], [0]), ...caches, ...kept },
      fetch: ["draft_ids", "best_ids"],
    });
    const best = Array.from(fetched["best_ids"]!.data, Number);
    const wrong = ids.slice(1).findIndex((id, at) => id !== best[at]);
    const held = wrong === -1 ? length - 1 : wrong;
    graph.push([held, ...Array.from(fetched["draft_ids"]!.data, Number)]);
  }
  await runtime.release(Object.values(kept));
  const engine = await createEagerEngine("js");
  const chunks = planChunks(config);
  const stored = Object.fromEntries(chunks.map((chunk) => [valueInput(chunk), packWeights(chunk, weights)]));
  const eager: number[][] = [];
  for (const [held = 0] of graph) {
    const length = held + 1;
    const program = await engine.compile({
      name: "drafts",
      forwardOnly: true,
      inputs: {
        ids: { dtype: "int32", shape: [1, source.length] },
        lengths: { dtype: "int32", shape: [1] },
        target: { dtype: "int32", shape: [1, length] },
        last: { dtype: "int32", shape: [1] },
        ...valueSpecs(chunks),
      },
      build: (x) => {
        const parameters = unpackParameters(chunks, x);
        const { context } = readSource(config, parameters, { ids: x["ids"]!, lengths: x["lengths"]! });
        const states = math.reshape(decode(config, parameters, x["target"]!, { source: context }), [
          length,
          config.width,
        ]);
        const last = math.gatherRows(states, x["last"]!);
        let state = math.reshape(last, [1, 1, config.width]);
        const picks = Array.from({ length: config.draftHeads! }, () => {
          const row = math.reshape(state, [1, config.width]);
          const token = math.reshape(math.top1(outputHead(config, parameters, row)), [1, 1]);
          state = draftState(config, parameters, { state, token, source: context });
          return math.top1(outputHead(config, parameters, math.reshape(state, [1, config.width])));
        });
        return { drafts: math.concat(picks, 0) };
      },
    });
    const { fetched } = await program.run({
      feeds: {
        ids: ints([1, source.length], source),
        lengths: ints([1], [source.length]),
        target: ints([1, length], fed.slice(0, length)),
        last: ints([1], [length - 1]),
        ...stored,
      },
      fetch: ["drafts"],
    });
    eager.push([held, ...Array.from(fetched["drafts"]!.data, Number)]);
  }
  await engine.close();
  return { graph, eager };
}
