/** Loads a decoder that verifies draft tokens: it returns the top-1 token of every position. */
import type { DeviceModel } from "@slm/exported-model";
import type { Graph } from "@slm/onnx";
import { checkDrafts } from "../options/draft-tokens.js";
import { everyPosition, withArgmaxOutput } from "../graph-edits/argmax-output.js";

/**
 * Edits a decoder to return the top-1 token of every position, so that one run verifies several draft tokens.
 *
 * @throws SlmError OP_UNSUPPORTED if draft tokens would change the decoder's answers.
 */
export function verifyingDecoder(graph: Graph, model: DeviceModel): Graph {
  checkDrafts(model);
  return withArgmaxOutput(everyPosition(graph));
}
