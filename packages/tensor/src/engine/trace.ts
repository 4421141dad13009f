import { SlmError } from "@slm/core";
import { assertInPlaceSafe, checkGraph, optimizeGraph, type Graph } from "@slm/onnx";
import { registerRecordingBackend } from "../recording/kernels.js";
import { Recorder, onnxDType, withRecorder } from "../recording/recorder.js";
import type { Tensor } from "../recording/tf.js";
import type { ProgramDefinition } from "./program.js";
import { checkpointLayers } from "./gradient-checkpointing.js";
import { requirePrecision, withMixedPrecision } from "./mixed-precision.js";

/**
 * Records a program as an ONNX graph with the program's input and output names, simplified and checked.
 *
 * @param provider ONNX Runtime provider of the graph; see `dialectOf`
 * @throws SlmError OP_UNSUPPORTED if the program uses a kernel or dtype without an ONNX form, CONFIG_INVALID for a precision that the provider
 * does not support, UNEXPECTED if an in-place output could overwrite an input that is still to be read.
 */
export function traceProgram(definition: ProgramDefinition, provider = "cpu"): Graph {
  registerRecordingBackend();
  const { precision = "float32" } = definition;
  requirePrecision(precision, provider);
  const recorder = new Recorder(definition.name, { forwardOnly: definition.forwardOnly ?? false, provider });
  const { builder } = recorder;
  withRecorder(recorder, () => {
    const inputs: Record<string, Tensor> = {};
    for (const [name, { dtype, shape }] of Object.entries(definition.inputs)) {
      inputs[name] = recorder.tensor(builder.input(name, dtype, shape), shape, dtype);
    }
    for (const [name, tensor] of Object.entries(definition.build(inputs))) {
      builder.output(name, recorder.nameOf(tensor), onnxDType(tensor.dtype), tensor.shape);
    }
  });
  const once = optimizeGraph(builder.build());
  checkGraph(once);
  const whole = definition.gradientCheckpointing === true ? checkpointLayers(once, recorder.dialect) : once;
  const graph = precision === "float32" ? whole : withMixedPrecision(whole, recorder.products, precision);
  const pairs = Object.entries(definition.inPlace ?? {}).map(([output, input]) => ({ input, output }));
  for (const { input, output } of pairs) {
    const fed = graph.inputs.find((value) => value.name === input);
    const made = graph.outputs.find((value) => value.name === output);
    if (
      fed === undefined ||
      made === undefined ||
      fed.shape.join() !== made.shape?.join() ||
      fed.dtype !== made.dtype
    ) {
      throw new SlmError(
        "SHAPE_MISMATCH",
        `${definition.name}: output '${output}' cannot be stored in input '${input}'`,
      );
    }
  }
  assertInPlaceSafe(graph, pairs);
  return graph;
}
