import { Args, Flags } from "@oclif/core";
import { threadsFlag } from "../recipe-flags.js";
import { SlmCommand } from "../slm-command.js";

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
    "SIGHUP, or POST /admin/reload with SLM_ADMIN_KEY, loads the bundle anew without dropping requests; SIGTERM and SIGINT " +
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
      summary: "Most requests decoded together. Default: 64.",
    }),
    "max-waiting": Flags.integer({
      min: 1,
      helpValue: "<n>",
      summary: "Most requests that wait; the next gets 429. Default: 512.",
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
      summary: "How long a stopping server waits [s]. Default: 30.",
    }),
    key: Flags.string({ helpValue: "<key.pub.pem>", summary: "Serve only a bundle signed with this key." }),
    threads: threadsFlag,
  };
  static override examples = ["<%= config.bin %> serve runs/quickstart/deploy --port 8000"];

  protected override async execute(): Promise<ServeReport> {
    const { args, flags } = await this.parse(ServeCommand);
    const { runServer } = await import("../serve/run-server.js");
    return runServer({
      model: args.bundle,
      key: flags.key,
      threads: flags.threads,
      settings: {
        ...given("host", flags.host),
        ...given("port", flags.port),
        ...given("maxRows", flags["max-rows"]),
        ...given("maxWaiting", flags["max-waiting"]),
        ...given("timeoutSeconds", flags.timeout),
        ...given("drainSeconds", flags.drain),
      },
      environment: process.env,
      signal: this.signal,
      progress: this.context(1).progress,
      note: (text) => {
        this.note(text);
      },
    });
  }

  protected override lines({ url }: ServeReport): readonly string[] {
    return [url];
  }
}

function given(name: string, value: string | number | undefined): Readonly<Record<string, string | number>> {
  return value === undefined ? {} : { [name]: value };
}
