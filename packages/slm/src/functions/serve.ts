/** Serves a bundle over HTTP. */
import { SILENT, closing, requireIntact } from "@slm/core";
import { SlmError } from "@slm/core/errors";
import type { PortableParts } from "@slm/inference/portable";
import { deviceNotes, type Runtime } from "@slm/runtime";
import { serveConfig, startServer, type RunningServer } from "@slm/serve";
import { RUNTIMES, engineFor, runtimeRecipe, type DeviceRequest } from "@slm/models/devices";
import { contextOf, type WorkOptions } from "@slm/core/work";
import { requireSigned } from "@slm/models/require-signed";
import { readDeviceModel } from "@slm/exported-model";
import { locateModel, prepareModel } from "@slm/models/open";
import { withRuntime } from "@slm/models/engines";

/** Limits and access control of the server. */
export interface ServeOptions extends WorkOptions, Pick<DeviceRequest, "engine" | "device" | "fallback"> {
  /** Address to listen on. Default: 127.0.0.1. */
  readonly host?: string | undefined;
  /** Port; 0: a free one. Default: 8000. */
  readonly port?: number | undefined;
  /** Maximum number of requests in a batch. Default: 64. */
  readonly maxRows?: number | undefined;
  /** Maximum length of the queue; further requests get 429. Default: 512. */
  readonly maxWaiting?: number | undefined;
  /** Maximum number of connections; beyond that, the one that has waited longest is closed. Default: 1024. */
  readonly maxConnections?: number | undefined;
  /** Names that requests may have in `Host`, besides this machine's own. Default: none on a loopback address, else all. */
  readonly allowedHosts?: readonly string[] | undefined;
  /** Time limit of a request [s]. Default: 60. */
  readonly timeoutSeconds?: number | undefined;
  /** How long a stopping server waits for answers in progress [s]. Default: 30. */
  readonly drainSeconds?: number | undefined;
  /** Answers below this confidence (0 to 1) are withheld; off: none. Default: the bundle's threshold, if it has one. */
  readonly abstain?: number | "off" | undefined;
  /** Public key file (PEM). Only bundles signed with this key are served. Default: all bundles are served. */
  readonly key?: string | undefined;
  /** Intra-op threads. Default: one per CPU core. */
  readonly threads?: number | undefined;
  /** API keys of clients. Default: clients need no key. */
  readonly apiKeys?: readonly string[] | undefined;
  /** API keys that may reload the bundle over HTTP. Default: nobody can. */
  readonly adminKeys?: readonly string[] | undefined;
  /** Called with internal errors of the server, but not with errors of clients. Default: they are dropped. */
  readonly onFailure?: ((error: unknown) => void) | undefined;
}

/** How a server ended. */
export interface Stopped {
  /** Whether every answer in progress was sent before the end. */
  readonly drained: boolean;
}

/** A running server. */
export interface ModelServer extends RunningServer {
  /** Settles when the server has ended, by {@link RunningServer.stop} or by the signal. */
  readonly stopped: Promise<Stopped>;
}

/**
 * Serves a bundle over HTTP, compatible with OpenAI's completions. Aborting `signal` stops it, as `stop` does.
 *
 * @param model a bundle, or any other model; a .slm file is unpacked
 * @throws SlmError as opening the model does; GATE_FAILED if the bundle is not signed with `key`; BUSY if the port is in use;
 * USAGE for an address that does not belong to this machine; OP_UNSUPPORTED for a model whose graphs have one position for all rows, such
 * as NPU graphs; DEVICE_UNAVAILABLE if the device is missing and fallback is not allowed
 * @example
 * const server = await serve("runs/mine/deploy", { port: 0 });
 * await fetch(`${server.url}/generate`, { method: "POST", body: JSON.stringify({ source: "hello" }) });
 * await server.stop();
 */
export async function serve(model: string, options: ServeOptions = {}): Promise<ModelServer> {
  const { key, threads } = options;
  const config = serveConfig.strip().parse(options);
  const { signal, note } = contextOf(options);
  // A packed bundle or a checkpoint is prepared once. A directory is read again for every reload.
  const opened = await openServed(model, threads, signal);
  try {
    const { apiKeys = [], adminKeys = [], onFailure = () => undefined } = options;
    const server = await startServer({
      config,
      apiKeys,
      adminKeys,
      onFailure,
      bundle: opened.directory,
      openEngine: async () => {
        // Checked for every load, because files may have changed before a reload.
        await requireIntact(opened.directory);
        if (key !== undefined) await requireSigned(opened.directory, key);
        return openServing(opened.directory, options, note);
      },
    });
    return stoppable(server, opened.close, signal);
  } catch (error) {
    await opened.close();
    throw error;
  }
}

/** Opens what runs the model: WebAssembly, or the requested device, or the one that it was exported for. A fallback is noted. */
async function openServing(
  directory: string,
  request: DeviceRequest,
  note: (text: string) => void,
): Promise<Runtime | PortableParts> {
  const { engine, device, fallback, threads } = request;
  const model = await readDeviceModel(directory);
  if (engineFor(model, { engine, device, threads }, true).engine === "wasm") {
    // Only this engine needs the kernels.
    const { readModule } = await import("@slm/c-export/portable");
    const { PortableParts } = await import("@slm/inference/portable");
    return PortableParts.open(directory, await readModule());
  }
  const { kind, options } = runtimeRecipe([model], { device, fallback, threads });
  if (kind === "npu")
    throw new SlmError("OP_UNSUPPORTED", "serve: a model for an NPU answers one request at a time", {
      suggestions: ["slm export CHECKPOINT --target cpu", "slm generate MODEL --prompt TEXT"],
    });
  const runtime = await RUNTIMES[kind].open(options);
  for (const text of deviceNotes(runtime.device)) note(text);
  return runtime;
}

/** Ties the server to its resources, which are closed with it. */
function stoppable(server: RunningServer, close: () => Promise<void>, signal: AbortSignal): ModelServer {
  const { promise: stopped, resolve, reject } = withResolvers<Stopped>();
  stopped.catch(() => undefined); // `stop` reports the failure to its caller too.
  let stopping: Promise<Stopped> | undefined;
  const stop = (): Promise<Stopped> => {
    stopping ??= closing({ close }, () => server.stop());
    stopping.then(resolve, reject);
    return stopping;
  };
  if (signal.aborted) void stop();
  else signal.addEventListener("abort", () => void stop(), { once: true });
  return { url: server.url, model: server.model, reload: () => server.reload(), stop, stopped };
}

/** `Promise.withResolvers`, which Node 20 does not have. */
function withResolvers<Value>(): {
  promise: Promise<Value>;
  resolve: (value: Value) => void;
  reject: (error: unknown) => void;
} {
  let resolve: (value: Value) => void = () => undefined;
  let reject: (error: unknown) => void = () => undefined;
  const promise = new Promise<Value>((yes, no) => {
    [resolve, reject] = [yes, no];
  });
  return { promise, resolve, reject };
}

interface Opened {
  readonly directory: string;
  readonly close: () => Promise<void>;
}

/** The directory to serve from; a temporary one for a packed bundle or a checkpoint. */
async function openServed(model: string, threads: number | undefined, signal: AbortSignal): Promise<Opened> {
  const { kind, directory } = await locateModel(model);
  if (kind === "device") return { directory, close: () => Promise.resolve() };
  return withRuntime(threads, (runtime) =>
    prepareModel(model, { runtime: () => Promise.resolve(runtime), progress: SILENT, signal }),
  );
}
