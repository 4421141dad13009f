/**
 * The process of one model: started by `forkModel`, it loads the model and answers its parent's requests, one at a
 * time, until the parent closes it or ends. `forkRates` uses it to measure the machine. It ignores signals: a Ctrl-C reaches the parent too.
 */
import { SlmError } from "@slm/core";
import { openTimedModel } from "./local-model.js";
import { measureRates, type MachineRates } from "../machine/rates.js";
import { requestSchema, type Reply, type Request } from "./protocol.js";
import { importRuntime, type RuntimeModule } from "./runtime-module.js";
import type { TimedModel } from "./timed-model.js";

let model: TimedModel | undefined;

function opened(): TimedModel {
  if (model === undefined) throw new Error("a request came before the model was opened");
  return model;
}

async function handle(request: Request): Promise<Reply> {
  switch (request.kind) {
    case "open":
      model = await openTimedModel(request);
      return { kind: "opened", opened: model.opened };
    case "run":
      return { kind: "ran", sample: await opened().run(request.prompt, request.maxTokens ?? undefined) };
    case "memory":
      return { kind: "memory", peakRssBytes: await opened().peakRssBytes() };
    case "rates":
      return { kind: "rates", rates: await ratesOf(request.runtime) };
    case "close":
      await opened().close();
      return { kind: "closed" };
  }
}

async function ratesOf(module: RuntimeModule): Promise<MachineRates> {
  const runtime = await importRuntime(module);
  try {
    return await measureRates(runtime);
  } finally {
    await runtime.close();
  }
}

async function answer(message: unknown): Promise<Reply> {
  try {
    return await handle(requestSchema.parse(message));
  } catch (error) {
    if (error instanceof SlmError) {
      const { code, message: text, suggestions } = error;
      return { kind: "failed", code, message: text, suggestions: [...suggestions] };
    }
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { kind: "failed", code: "UNEXPECTED", message: text, suggestions: [] };
  }
}

if (process.send === undefined) {
  throw new SlmError("USAGE", "bench: this file runs as a child process of a benchmark, not by itself", {
    suggestions: ["slm bench MODEL"],
  });
}
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => undefined);
process.on("disconnect", () => process.exit());
let queue = Promise.resolve();
process.on("message", (message: unknown) => {
  queue = queue.then(async () => {
    const reply = await answer(message);
    if (process.connected) process.send?.(reply);
  });
});
