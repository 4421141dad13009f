/** Runs the server until a signal ends it; SIGHUP loads the bundle anew. */
import { SILENT, verifyDirectory, type Progress } from "@slm/core";
import { checkSignature } from "@slm/deploy";
import { SlmError } from "@slm/core/errors";
import { createCpuRuntime } from "@slm/runtime-node";
import { serveConfig, startServer } from "@slm/serve";
import { withRuntime } from "../compute/open-engine.js";
import type { ServeReport } from "../commands/serve.js";
import { errorLines, toSlmError } from "../errors.js";
import { locateModel } from "../models/locate-model.js";
import { openModel } from "../models/open-model.js";

export interface ServeRequest {
  readonly model: string;
  /** Public key that the bundle must be signed with, checked at every load. */
  readonly key: string | undefined;
  readonly threads: number | undefined;
  readonly settings: Readonly<Record<string, string | number>>;
  readonly environment: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
  readonly progress: Progress;
  readonly note: (text: string) => void;
}

/** @throws SlmError what opening the model and starting the server throw */
export async function runServer(request: ServeRequest): Promise<ServeReport> {
  const { model, key, threads, environment, signal, note } = request;
  const config = serveConfig.parse(request.settings);
  const tell = (error: unknown): void => {
    note(errorLines(toSlmError(error, "serve"), false).join("\n"));
  };
  // A packed bundle or a checkpoint is opened once; a directory is read again by every reload.
  const opened = await openServed(request);
  try {
    const server = await startServer({
      config,
      bundle: opened.directory,
      openRuntime: async () => {
        await checkServed(opened.directory, key);
        return createCpuRuntime(threads === undefined ? {} : { threads });
      },
      apiKeys: keysOf(environment["SLM_API_KEYS"]),
      adminKeys: keysOf(environment["SLM_ADMIN_KEY"]),
      onFailure: tell,
    });
    note(`serve  ${model}  ${server.url}`);
    let reloads = 0;
    const onHangUp = (): void => {
      server.reload().then(() => {
        reloads++;
        note("serve  the bundle was loaded anew");
      }, tell);
    };
    process.on("SIGHUP", onHangUp);
    try {
      await stopAsked(signal);
    } finally {
      process.off("SIGHUP", onHangUp);
    }
    const { drained } = await server.stop();
    return { url: server.url, model: server.model, drained, reloads };
  } finally {
    await opened.close();
  }
}

/** The directory to serve from: for a packed bundle or a checkpoint a temporary one. */
async function openServed(
  request: ServeRequest,
): Promise<{ readonly directory: string; readonly close: () => Promise<void> }> {
  const { model, signal, threads } = request;
  const { kind, directory } = await locateModel(model);
  if (kind === "device") return { directory, close: () => Promise.resolve() };
  return withRuntime(threads, (runtime) => openModel(model, { runtime, progress: SILENT, signal }));
}

/** A bundle that was changed, or is not from who it should be, is not served. */
async function checkServed(directory: string, key: string | undefined): Promise<void> {
  if (key === undefined) return;
  const { problem } = await checkSignature(directory, key);
  const { problems } = await verifyDirectory(directory);
  const why =
    problem ?? (problems[0] === undefined ? undefined : `${problems[0].path} ${problems[0].message}`);
  if (why !== undefined)
    throw new SlmError("GATE_FAILED", `${directory}: ${why}`, { suggestions: [`slm verify ${directory}`] });
}

function keysOf(text: string | undefined): readonly string[] {
  return (text ?? "")
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

function stopAsked(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => {
      resolve();
    });
  });
}
