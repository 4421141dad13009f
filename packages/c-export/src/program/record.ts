/** Records the programs of a model from the functions that train it. */
import { SlmError } from "@slm/core";
import {
  cacheCapacity,
  cacheParts,
  crossCaches,
  decodeStep,
  encode,
  outputHead,
  parameterSpecs,
  stackHeads,
  stateWidthOf,
  visionOf,
  type EncoderDecoderConfig,
  type ModelConfig,
  type Parameters,
  type SelfCache,
  type SourceContext,
} from "@slm/model";
import {
  lastPosition,
  lengthBias,
  Recorder,
  registerRecordingBackend,
  withLowering,
  withRecorder,
} from "@slm/tensor";
import { loweringTable, ProgramRecorder } from "./lowering.js";
import type { ModelNodes, Node, Store } from "./nodes.js";

/**
 * Records the programs of a text model.
 *
 * @param hasWeight whether the checkpoint has a weight; those that are optional may be missing
 * @throws SlmError OP_UNSUPPORTED for a model with images, or with an op that target c lacks
 */
export function recordModel(config: ModelConfig, hasWeight: (name: string) => boolean): ModelNodes {
  if (visionOf(config) !== undefined)
    throw new SlmError("OP_UNSUPPORTED", "export: target c has no vision encoder", {
      suggestions: ["slm export CHECKPOINT --target cpu"],
    });
  registerRecordingBackend();
  const recorder = new Recorder("model", { forwardOnly: true });
  const program = new ProgramRecorder();
  return withRecorder(recorder, () =>
    withLowering(loweringTable(program), () => {
      const parameters = handlesOf(recorder, config, hasWeight);
      const context = config.architecture === "encoder-decoder" ? encodeNodes(config) : undefined;
      const encoded = context === undefined ? undefined : takeNodes();
      program.start = { of: "past" };
      const ids = program.tensorOf(recorder, { rows: { of: "fresh" }, width: 1 });
      const { hidden } = decodeStep(config, parameters, ids, {
        source: context,
        caches: caches(),
        capacity: cacheCapacity(config),
        pastLength: program.tensorOf(recorder, { rows: { of: "none" }, width: 1 }),
      });
      const logits = outputHead(config, parameters, lastPosition({ x: hidden }, {}));
      return { encode: encoded, step: takeNodes(), logits: program.valueOf(recorder, logits) };

      function encodeNodes(own: EncoderDecoderConfig): SourceContext {
        const source = program.tensorOf(recorder, { rows: { of: "source", group: 1 }, width: 1 });
        const lengths = program.tensorOf(recorder, { rows: { of: "none" }, width: 1 });
        const { states } = encode(own, parameters, source, { lengths });
        return {
          cross: crossCaches(own, parameters, states),
          bias: lengthBias({ lengths, ids: states }, {}),
        };
      }

      function takeNodes(): readonly Node[] {
        const { nodes } = program;
        program.nodes = [];
        return nodes;
      }

      function caches(): readonly SelfCache[] {
        const { kvHeads, headDim } = stackHeads(config, "decoderLayers");
        const width = stateWidthOf(config) ?? kvHeads * headDim;
        return Array.from({ length: config.decoderLayers }, (): SelfCache =>
          Object.fromEntries(
            cacheParts(config).map((part) => {
              const store: Store = {
                kind: part === "key" ? "keys" : "rows",
                width,
                of: "target",
                isKept: true,
              };
              return [part, program.tensorOf(recorder, store)];
            }),
          ),
        );
      }
    }),
  );
}

function handlesOf(
  recorder: Recorder,
  config: ModelConfig,
  hasWeight: (name: string) => boolean,
): Parameters {
  const specs = parameterSpecs(config).filter(({ name }) => hasWeight(name));
  return Object.fromEntries(specs.map(({ name, shape }) => [name, recorder.tensor(name, shape)]));
}
