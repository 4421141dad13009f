import { Args, Flags } from "@oclif/core";
import { SlmError } from "@slm/core/errors";
import { ENGINES, FASTEST_IN_BATCHES } from "@slm/exported-model/engine";
import { parseThreshold } from "@slm/slm/command-line";
import { errorLines, toSlmError } from "../ui/errors.js";
import { deviceFlags } from "../flags/device-flags.js";
import { optionsOf } from "../flags/options-of.js";
import { SlmCommand } from "../ui/slm-command.js";

export interface ServeReport {
  readonly url: string;
  readonly model: string;
  /** Whether every answer in progress was sent before the server ended. */
  readonly drained: boolean;
  /** Bundles loaded after the first. */
  readonly reloads: number;
}

export class ServeCommand extends SlmCommand<ServeReport> {
  static override summary = "Serve a bundle over HTTP, compatible with OpenAI's completions.";
  static override description =
    "Endpoints: POST /v1/completions, /v1/chat/completions and /generate; GET /v1/models, /health, /metrics and /openapi.json. " +
    "SIGHUP, or POST /admin/reload with SLM_ADMIN_KEY, reloads the bundle without dropping requests. On SIGTERM and SIGINT, the " +
    "server finishes the answers in progress and stops. If SLM_API_KEYS (comma-separated) is set, clients need one of these keys.";
  static override args = {
    bundle: Args.string({
      required: true,
      description: "Bundle or any other model. A .slm file is unpacked.",
    }),
  };
  static override flags = {
    host: Flags.string({ helpValue: "<address>", summary: "Listen on this address. Default: 127.0.0.1." }),
    port: Flags.integer({
      min: 0,
      max: 65_535,
      helpValue: "<n>",
      summary: "Listen on this port; 0: a free one. Default: 8000.",
    }),
    "max-rows": Flags.integer({
      min: 1,
      max: 1024,
      helpValue: "<n>",
      summary: "Decode at most this many requests in one batch. Default: 64.",
    }),
    "max-waiting": Flags.integer({
      min: 1,
      helpValue: "<n>",
      summary: "Queue at most this many requests; further requests get 429. Default: 512.",
    }),
    "max-connections": Flags.integer({
      min: 1,
      max: 65_535,
      helpValue: "<n>",
      summary:
        "Keep at most this many connections; beyond that, close the one that has waited longest. Default: 1024.",
    }),
    "allow-host": Flags.string({
      multiple: true,
      helpValue: "<name>",
      summary:
        "Accept requests to this host name, besides this machine's own; repeatable. Default: none on a loopback address, else all.",
    }),
    timeout: Flags.integer({
      min: 1,
      max: 3600,
      helpValue: "<s>",
      summary: "Limit each request to this time [s]. Default: 60.",
    }),
    drain: Flags.integer({
      min: 0,
      max: 3600,
      helpValue: "<s>",
      summary: "When stopping, wait this long for answers in progress [s]. Default: 30.",
    }),
    abstain: Flags.string({
      helpValue: "<x|off>",
      summary:
        "Withhold answers below this confidence (0 to 1); off: none. Default: the bundle's threshold, if it has one.",
    }),
    key: Flags.string({ helpValue: "<key.pub.pem>", summary: "Serve only a bundle signed with this key." }),
    engine: Flags.option({ options: ENGINES })({
      summary: `Run the model with this engine. Default: wasm for models of up to ${FASTEST_IN_BATCHES / 1e6}M parameters, else onnxruntime.`,
    }),
    device: deviceFlags.device,
    fallback: deviceFlags.fallback,
    threads: deviceFlags.threads,
  };
  static override examples = [
    "<%= config.bin %> serve runs/quickstart/deploy --port 8000",
    "<%= config.bin %> serve exported-for-gpu --device gpu:cuda --no-fallback",
  ];

  #hasServed = false;

  protected override readonly stopping = "taking no new requests, finishing the answers in progress";

  protected override async execute(): Promise<ServeReport> {
    const { args, flags } = await this.parse(ServeCommand);
    const { serve } = await import("@slm/slm/functions/serve");
    const { allowHost: allowedHosts, timeout, drain, abstain, ...given } = optionsOf(flags);
    const tell = (error: unknown): void => {
      this.note(errorLines(toSlmError(error, "serve"), false).join("\n"));
    };
    const server = await serve(args.bundle, {
      ...given,
      allowedHosts,
      timeoutSeconds: timeout,
      drainSeconds: drain,
      abstain: abstainOf(abstain),
      apiKeys: keysOf(process.env["SLM_API_KEYS"]),
      adminKeys: keysOf(process.env["SLM_ADMIN_KEY"]),
      onFailure: tell,
      ...this.work,
    });
    this.#hasServed = true;
    this.note(`serve  ${args.bundle}  ${server.url}`);
    let reloads = 0;
    const onHangUp = (): void => {
      server.reload().then(() => {
        reloads++;
        this.note("serve  the bundle was reloaded");
      }, tell);
    };
    process.on("SIGHUP", onHangUp);
    try {
      const { drained } = await server.stopped;
      return { url: server.url, model: server.model, drained, reloads };
    } finally {
      process.off("SIGHUP", onHangUp);
    }
  }

  protected override finally(): Promise<void> {
    // All answers are sent. Work that cannot be stopped, such as a graph that a runtime computes, must not keep the process alive.
    if (this.#hasServed) setTimeout(() => process.exit(), EXIT_MS).unref();
    return super.finally();
  }

  protected override lines({ url }: ServeReport): readonly string[] {
    return [url];
  }
}

/** If something still runs after the server has stopped, the process ends after this time [ms]. */
const EXIT_MS = 300;

/** @throws SlmError USAGE for a value that is neither a number nor off */
function abstainOf(flag: string | undefined): number | "off" | undefined {
  const threshold = flag === undefined ? undefined : parseThreshold(flag);
  if (flag === undefined || threshold !== undefined) return threshold;
  throw new SlmError("USAGE", `--abstain: expected a confidence from 0 to 1, or off, got ${flag}`);
}

/** The comma-separated keys in an environment variable. */
function keysOf(text = ""): readonly string[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}
