import { SlmError } from "@slm/core/errors";
import type { Generation } from "@slm/inference";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { GenerateOptions, LoadedModel, Prompt } from "../library/load-model.js";
import { Chat } from "./chat.js";
import { runChat } from "./chat-lines.js";

const generation: Generation = {
  text: "",
  logProbability: Math.log(0.5),
  tokens: [1, 2],
  firstTokenMs: 3,
  totalMs: 8,
  stepsMs: [3, 8],
  tokensPerSecond: 200,
  finished: true,
  reason: "eos",
};

/** Upper case, in two pieces. It waits for ever at "slow", and does not know "?". */
async function generate(prompt: Prompt, options: GenerateOptions = {}): Promise<Generation> {
  const { text = "" } = typeof prompt === "string" ? { text: prompt } : prompt;
  if (text.includes("?"))
    throw new SlmError("DATA_INVALID", "no symbol '?'", { suggestions: ["write words"] });
  if (text === "lost") throw new SlmError("DEVICE_UNAVAILABLE", "the device is gone");
  if (text === "slow") {
    await new Promise((_resolve, reject) => {
      options.signal?.addEventListener("abort", () => {
        reject(new SlmError("INTERRUPTED", "stopped"));
      });
    });
  }
  const answer = text.toUpperCase();
  options.onToken?.(0, answer.slice(0, 1));
  options.onToken?.(0, answer.slice(1));
  return { ...generation, text: answer };
}

let printed = "";
let told: string[] = [];
beforeEach(() => {
  printed = "";
  told = [];
});

function open(threshold?: number): Chat {
  return new Chat({
    model: { generate: generate as LoadedModel["generate"], description: {} as LoadedModel["description"] },
    generate: {},
    threshold,
    print: (text) => (printed += text),
    tell: (text) => told.push(text),
  });
}

describe(Chat, () => {
  test("prints an answer while it is made, and tells its timing and confidence", async () => {
    const chat = open();
    expect(await chat.take("  abc ")).toBe("next");
    expect(printed).toBe("ABC\n");
    expect(told).toEqual(["2 tokens in 8 ms, first 3 ms, 200 tokens/s, confidence 0.500"]);
    expect(chat.turns).toMatchObject([{ prompt: "abc", text: "ABC", confidence: 0.5, tokens: 2 }]);
  });

  test("prints nothing of an answer that it withholds", async () => {
    const chat = open(0.9);
    await chat.take("abc");
    expect(printed).toBe("\n");
    expect(told[0]).toMatch(/^withheld: not sure enough, 2 tokens/);
    expect(chat.turns).toMatchObject([{ text: "", abstained: true }]);
  });

  test("goes on after a prompt that the model cannot take, an unknown command and an empty line", async () => {
    const chat = open();
    for (const line of ["a?", "/imgae x", "", "ok"]) expect(await chat.take(line)).toBe("next");
    expect(told.slice(0, 2)).toEqual([
      "no symbol '?'\n  write words",
      "no such command: /imgae; /help lists them",
    ]);
    expect(printed).toBe("OK\n");
  });

  test("takes no image for a model that reads text only", async () => {
    const chat = open();
    await chat.take("/image scene.png");
    expect(told).toEqual(["this model reads text only"]);
  });

  test("ends when it is told to, and when the device is lost", async () => {
    expect(await open().take("/quit")).toBe("end");
    await expect(open().take("lost")).rejects.toMatchObject({ code: "DEVICE_UNAVAILABLE" });
  });

  test("stops an answer in progress, and goes on", async () => {
    const chat = open();
    expect(chat.stop()).toBe(false);
    const answering = chat.take("slow");
    expect(chat.stop()).toBe(true);
    expect(await answering).toBe("next");
    expect(told).toEqual(["stopped"]);
    await chat.take("more");
    expect(printed).toBe("\nMORE\n");
  });
});

describe(runChat, () => {
  let cache = "";
  beforeEach(async () => {
    cache = await mkdtemp(join(tmpdir(), "slm-chat-"));
    vi.stubEnv("XDG_CACHE_HOME", cache);
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await rm(cache, { recursive: true, force: true });
  });

  const { signal } = new AbortController();

  test("answers the lines of a pipe, without signs and without a history", async () => {
    const output = new PassThrough();
    const input = Readable.from(["ab\ncd\n/quit\nef\n"]);
    await runChat(open(), { input, output, signal, keepsHistory: true });
    expect(printed).toBe("AB\nCD\n");
    expect(output.read()).toBeNull();
    await expect(readFile(join(cache, "slm", "chat-history"))).rejects.toThrow(/ENOENT/);
  });

  test("shows a sign in a terminal, and keeps the lines for the next time", async () => {
    const screen: string[] = [];
    const output = new PassThrough();
    output.on("data", (chunk) => screen.push(String(chunk)));
    for (const text of ["first\r", "second\r"]) {
      const input = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => undefined });
      const running = runChat(open(), { input, output, signal, keepsHistory: true });
      await vi.waitFor(() => {
        expect(screen.join("")).toContain("> ");
      });
      input.write(text);
      await vi.waitFor(() => {
        expect(printed).toContain(text.trim().toUpperCase());
      });
      input.end();
      await running;
    }
    expect(await readFile(join(cache, "slm", "chat-history"), "utf8")).toBe("first\nsecond\n");
  });

  test("ends when the command is interrupted", async () => {
    const controller = new AbortController();
    const input = new PassThrough();
    const running = runChat(open(), {
      input,
      output: new PassThrough(),
      signal: controller.signal,
      keepsHistory: false,
    });
    controller.abort();
    await expect(running).resolves.toBeUndefined();
  });
});
