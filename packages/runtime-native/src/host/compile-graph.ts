/** Compiles a graph ahead of time to an ONNX file with a single node that contains the vendor's binary (EPContext). */
import { stat } from "node:fs/promises";
import { basename } from "node:path";
import { SlmError } from "@slm/core";
import { WHOLE_GRAPH } from "@slm/runtime/host";
import { NativeEnvironment } from "./environment.js";
import type { Pointer } from "../ort/api.js";
import type { NativeProvider } from "./provider.js";
import { nodesLeftToCpu } from "./nodes-left.js";
import { withSessionOptions } from "./sessions.js";

export interface CompileRequest {
  readonly provider: NativeProvider;
  /** Absolute path of the ONNX file. */
  readonly source: string;
  /** Absolute path of the ONNX file to write. The vendor's binary is written next to it. */
  readonly output: string;
  readonly threads: number;
}

export interface CompiledGraph {
  /** Time of the vendor's compiler [ms]. */
  readonly milliseconds: number;
}

/** @throws SlmError OP_UNSUPPORTED with the compiler's message; DEVICE_UNAVAILABLE if the plug-in cannot be loaded */
export async function compileGraph({
  provider,
  source,
  output,
  threads,
}: CompileRequest): Promise<CompiledGraph> {
  const environment = new NativeEnvironment(provider);
  const { api } = environment;
  const started = performance.now();
  const settings = {
    ...WHOLE_GRAPH,
    "ep.context_enable": "1",
    "ep.context_file_path": output,
    "ep.context_embed_mode": "0",
  };
  const how = { threads, optimization: "all", planMemory: true } as const;
  try {
    await withSessionOptions(environment, { ...how, settings }, async (options) => {
      const out: (Pointer | null)[] = [null];
      // Not released, because the process ends with this job.
      await api.callInThread("CreateSession", environment.address, source, options, out);
    });
  } catch (cause) {
    if (cause instanceof SlmError) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    const left = await nodesLeftToCpu(environment, source, how).catch(() => []);
    throw new SlmError(
      "OP_UNSUPPORTED",
      `${provider.registrationName} cannot compile ${basename(source)}: ${refusal(why, left)}`,
      {
        cause,
        context: { left },
        suggestions: ["slm analyze MODEL --target npu"],
      },
    );
  }
  const milliseconds = performance.now() - started;
  await stat(output).catch((cause: unknown) => {
    throw new SlmError(
      "OP_UNSUPPORTED",
      `${provider.registrationName} wrote no compiled graph for ${source}`,
      {
        cause,
      },
    );
  });
  return { milliseconds };
}

/** Number of nodes named in a message. */
const NAMED_NODES = 3;

/** The nodes that the compiler does not support, or its own message if it gave another reason. */
function refusal(message: string, left: readonly string[]): string {
  if (left.length === 0) return message;
  const named = left.slice(0, NAMED_NODES).join(", ");
  const more = left.length > NAMED_NODES ? ` and ${String(left.length - NAMED_NODES)} more` : "";
  return `it does not support ${named}${more}`;
}
