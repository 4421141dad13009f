/** Sessions of ONNX Runtime: their options and their graphs. */
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { requireIntact, SlmError } from "@slm/core";
import type { LoadOptions } from "@slm/runtime";
import {
  changedBytes,
  WEIGHTS_FOLDER,
  type LoadedSignature,
  type RequestOf,
  type SessionSettings,
} from "@slm/runtime/host";
import { fittingForm } from "./compiled-forms.js";
import { LOG_FATAL_ONLY, type NativeEnvironment } from "./environment.js";
import type { Pointer } from "../ort/api.js";
import { readSignature } from "./signature.js";

/** A loaded graph. */
export interface NativeGraph extends LoadedSignature {
  readonly name: string;
  readonly session: Pointer;
}

/** Source: enum GraphOptimizationLevel. */
const OPTIMIZATION: Readonly<Record<NonNullable<LoadOptions["optimization"]>, number>> = {
  none: 0,
  basic: 1,
  extended: 2,
  all: 99,
};

export interface SessionOptions {
  readonly threads: number;
  readonly optimization: NonNullable<LoadOptions["optimization"]>;
  readonly planMemory: boolean;
  readonly settings: SessionSettings;
}

/** Creates session options with the environment's provider, runs `body`, and releases them. */
export async function withSessionOptions<Result>(
  environment: NativeEnvironment,
  { threads, optimization, planMemory, settings }: SessionOptions,
  body: (options: Pointer) => Promise<Result>,
): Promise<Result> {
  const { api } = environment;
  const options = api.pointer("CreateSessionOptions");
  try {
    api.call("SetSessionLogSeverityLevel", options, LOG_FATAL_ONLY);
    api.call("SetSessionGraphOptimizationLevel", options, OPTIMIZATION[optimization]);
    api.call("SetIntraOpNumThreads", options, threads);
    api.call("SetInterOpNumThreads", options, 1);
    if (!planMemory) api.call("DisableMemPattern", options);
    for (const [key, value] of Object.entries(settings))
      api.call("AddSessionConfigEntry", options, key, value);
    environment.appendProvider(options);
    return await body(options);
  } finally {
    api.plain("ReleaseSessionOptions", options);
  }
}

/** @throws SlmError INPUT_MISSING for a file that does not exist, DATA_INVALID with ONNX Runtime's or the vendor's message */
export async function loadGraph(
  environment: NativeEnvironment,
  { name, source, optimization, planMemory, settings }: RequestOf<"load">,
  own: { readonly threads: number; readonly settings: SessionSettings },
): Promise<NativeGraph> {
  if (source.kind === "file" && !existsSync(source.path)) {
    throw new SlmError("INPUT_MISSING", `runtime-native: no such graph file: ${source.path}`);
  }
  const { api } = environment;
  const compiled = source.kind === "file" ? fittingForm(environment, source.compiled ?? []) : undefined;
  const changed = source.kind === "file" && compiled === undefined ? await changedBytes(source) : undefined;
  const folder =
    source.kind === "file" && changed !== undefined ? { [WEIGHTS_FOLDER]: dirname(source.path) } : {};
  // Corrupt bytes must not reach the vendor's library. So far only the portable graphs were checked.
  if (compiled !== undefined)
    await requireIntact(dirname(compiled.path), { remake: `slm compile MODEL --soc ${compiled.soc}` });
  try {
    return await withSessionOptions(
      environment,
      { ...own, optimization, planMemory, settings: { ...settings, ...own.settings, ...folder } },
      async (options) => {
        const out: (Pointer | null)[] = [null];
        const bytes = source.kind === "bytes" ? source.bytes : changed;
        if (source.kind === "file" && bytes === undefined) {
          const path = compiled?.path ?? source.path;
          await api.callInThread("CreateSession", environment.address, path, options, out);
        } else if (bytes !== undefined) {
          await api.callInThread(
            "CreateSessionFromArray",
            environment.address,
            bytes,
            bytes.byteLength,
            options,
            out,
          );
        }
        const session = out[0]!;
        return { name, session, compiled, ...readSignature(api, session) };
      },
    );
  } catch (cause) {
    if (cause instanceof SlmError) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    const what = compiled === undefined ? `graph '${name}'` : `compiled graph ${compiled.path}`;
    throw new SlmError("DATA_INVALID", `runtime-native: cannot load ${what}: ${why}`, {
      cause,
      suggestions:
        compiled === undefined
          ? ["slm analyze MODEL --target npu"]
          : ["slm verify MODEL", "slm compile MODEL --soc NAME"],
    });
  }
}
