import { Args, Flags } from "@oclif/core";
import { SlmError } from "@slm/core/errors";
import { parseThreshold } from "@slm/pipeline/models/abstain";
import { errorLines, toSlmError } from "../ui/errors.js";
import { deviceFlags } from "../flags/device-flags.js";
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
    "POST /v1/completions, /v1/chat/completions and /generate; GET /v1/models, /health, /metrics and /openapi.json. " +
    "SIGHUP, or POST /admin/reload with SLM_ADMIN_KEY, reloads the bundle without dropping requests; SIGTERM and SIGINT " +
    "wait for answers in progress. With SLM_API_KEYS (comma separated) clients need a key.";
  static override args = {
    bundle: Args.string({ required: true, description: "A bundle, or any MODEL; a .slm file is unpacked." }),
  };
  static override flags = {
    host: Flags.string({ helpValue: "<address>", summary: "Address to listen on. Default: 127.0.0.1." }),
    port: Flags.integer({
      min: 0,
      max: 65_535,
      helpValue: "<n>",
      summary: "Port; 0 takes a free one. Default: 8000.",
    }),
    "max-rows": Flags.integer({
      min: 1,
      max: 1024,
      helpValue: "<n>",
      summary: "Largest batch: requests decoded together. Default: 64.",
    }),
    "max-waiting": Flags.integer({
      min: 1,
      helpValue: "<n>",
      summary: "Length of the queue; further requests get 429. Default: 512.",
    }),
    "max-connections": Flags.integer({
      min: 1,
      max: 65_535,
      helpValue: "<n>",
      summary:
        "Largest number of connections; beyond it the one that has waited longest is closed. Default: 1024.",
    }),
    "allow-host": Flags.string({
      multiple: true,
      helpValue: "<name>",
      summary:
        "A name that requests may address in Host, besides those of this machine; repeatable. Default: none on a loopback address, all on others.",
    }),
    timeout: Flags.integer({
      min: 1,
      max: 3600,
      helpValue: "<s>",
      summary: "Longest time for one request [s]. Default: 60.",
    }),
    drain: Flags.integer({
      min: 0,
      max: 3600,
      helpValue: "<s>",
      summary: "Time that a stopping server waits for answers in progress [s]. Default: 30.",
    }),
    abstain: Flags.string({
      helpValue: "<x|off>",
      summary:
        "Withhold answers with a lower confidence (0 to 1). Default: the threshold that 'slm deploy --abstain' put into the bundle, if any; off: none.",
    }),
    key: Flags.string({ helpValue: "<key.pub.pem>", summary: "Serve only a bundle signed with this key." }),
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
    const { host, port, key, device, fallback, threads, timeout, drain } = flags;
    const tell = (error: unknown): void => {
      this.note(errorLines(toSlmError(error, "serve"), false).join("\n"));
    };
    const server = await serve(args.bundle, {
      host,
      port,
      key,
      device,
      fallback,
      threads,
      maxRows: flags["max-rows"],
      maxWaiting: flags["max-waiting"],
      maxConnections: flags["max-connections"],
      allowedHosts: flags["allow-host"],
      timeoutSeconds: timeout,
      drainSeconds: drain,
      abstain: abstainOf(flags.abstain),
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
    // Work that nothing can stop, such as a graph that a runtime computes, does not keep the process alive: all answers are sent.
    if (this.#hasServed) setTimeout(() => process.exit(), EXIT_MS).unref();
    return super.finally();
  }

  protected override lines({ url }: ServeReport): readonly string[] {
    return [url];
  }
}

/** Time from the end of the server to that of the process, if something still runs [ms]. */
const EXIT_MS = 300;

/** @throws SlmError USAGE for a value that is neither a number nor off */
function abstainOf(flag: string | undefined): number | "off" | undefined {
  const threshold = flag === undefined ? undefined : parseThreshold(flag);
  if (flag === undefined || threshold !== undefined) return threshold;
  throw new SlmError("USAGE", `--abstain: expected a confidence from 0 to 1, or off, got ${flag}`);
}

/** Comma separated keys of an environment variable. */
function keysOf(text = ""): readonly string[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}
