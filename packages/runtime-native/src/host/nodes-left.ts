/** Lists the nodes of a graph that a provider leaves to the CPU. */
import type { SessionSettings } from "@slm/runtime/host";
import type { NativeEnvironment } from "./environment.js";
import { textAt, type Pointer } from "../ort/api.js";
import { withSessionOptions, type SessionOptions } from "./sessions.js";

/** Records which provider got which node. Source: onnxruntime_session_options_config_keys.h. */
const RECORD_ASSIGNMENT: SessionSettings = { "session.record_ep_graph_assignment_info": "1" };

/** ONNX Runtime's name of its CPU provider. */
const CPU_PROVIDER = "CPUExecutionProvider";

/**
 * Loads the graph again, with the CPU for the nodes that the provider does not support.
 *
 * @returns each node as "Gemm '/decoder/head/Gemm'", in ONNX Runtime's order
 * @throws Error with ONNX Runtime's message if the graph cannot be loaded this way either
 */
export async function nodesLeftToCpu(
  environment: NativeEnvironment,
  source: string,
  options: Omit<SessionOptions, "settings">,
): Promise<readonly string[]> {
  const { api } = environment;
  return withSessionOptions(environment, { ...options, settings: RECORD_ASSIGNMENT }, async (prepared) => {
    const out: (Pointer | null)[] = [null];
    await api.callInThread("CreateSession", environment.address, source, prepared, out);
    return api
      .list("Session_GetEpGraphAssignmentInfo", out[0]!)
      .filter((part) => textAt(api.pointer("EpAssignedSubgraph_GetEpName", part)) === CPU_PROVIDER)
      .flatMap((part) => api.list("EpAssignedSubgraph_GetNodes", part))
      .map((node) => {
        const operator = textAt(api.pointer("EpAssignedNode_GetOperatorType", node));
        return `${operator} '${textAt(api.pointer("EpAssignedNode_GetName", node))}'`;
      });
  });
}
