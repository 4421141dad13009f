/** A decoder that verifies draft tokens: it has the top-1 token of every position as output. */
import type { DeviceModel } from "@slm/exported-model";
import type { Graph } from "@slm/onnx";
import { checkDrafts } from "../options/draft-tokens.js";
import { everyPosition, withArgmaxOutput } from "../graph-edits/argmax-output.js";

/**
 * A decoder with the top-1 token of every position as output, so that one run verifies several draft tokens.
 *
 * @throws SlmError OP_UNSUPPORTED for a decoder whose answers draft tokens would change.
 */
export function verifyingDecoder(graph: Graph, model: DeviceModel): Graph {
  checkDrafts(model);
  return withArgmaxOutput(everyPosition(graph));
}
