/** Lines from a terminal, with history and completion, or from a pipe. */
import { systemCode, userCacheFolder, writeTextAtomic } from "@slm/core";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { CHAT_COMMANDS, type Chat } from "./chat.js";

export interface ChatTerminal {
  readonly input: Readable & { readonly isTTY?: boolean };
  /** Shows the prompt sign and what is typed; unused for a pipe. */
  readonly output: Writable;
  /** Ends the chat when it fires. */
  readonly signal: AbortSignal;
  /** Whether earlier lines are kept in the user's cache folder. */
  readonly keepsHistory: boolean;
}

const SIGN = "> ";

/** Lines that are kept. */
const HISTORY_LINES = 1000;

/** The file of lines that were typed, oldest first. */
const historyFile = (): string => join(userCacheFolder(), "chat-history");

/** Feeds a chat until its input ends, a line ends it, or the signal fires. @throws SlmError as `Chat.take` */
export async function runChat(
  chat: Chat,
  { input, output, signal, keepsHistory }: ChatTerminal,
): Promise<void> {
  const isTerminal = input.isTTY === true;
  const remembers = isTerminal && keepsHistory;
  const lines = createInterface({
    input,
    output: isTerminal ? output : undefined,
    terminal: isTerminal,
    prompt: SIGN,
    history: remembers ? await readHistory() : [],
    historySize: HISTORY_LINES,
    removeHistoryDuplicates: true,
    completer: (line: string) => [CHAT_COMMANDS.filter((name) => name.startsWith(line)), line],
  });
  let history: readonly string[] | undefined;
  lines.on("history", (newestFirst: readonly string[]) => (history = [...newestFirst]));
  const end = (): void => {
    chat.stop();
    lines.close();
  };
  // In a terminal Ctrl-C comes here, not as a signal to the process.
  lines.on("SIGINT", () => {
    if (!chat.stop()) lines.close();
  });
  signal.addEventListener("abort", end, { once: true });
  try {
    const sign = (): void => {
      if (isTerminal && !signal.aborted) lines.prompt();
    };
    sign();
    for await (const line of lines) {
      if (signal.aborted || (await chat.take(line)) === "end") break;
      sign();
    }
  } finally {
    signal.removeEventListener("abort", end);
    lines.close();
    if (remembers && history !== undefined)
      await writeTextAtomic(
        historyFile(),
        history
          .toReversed()
          .map((line) => `${line}\n`)
          .join(""),
      );
  }
}

/** Newest first, as readline wants them. */
async function readHistory(): Promise<string[]> {
  try {
    const text = await readFile(historyFile(), "utf8");
    return text
      .split("\n")
      .filter((line) => line !== "")
      .reverse()
      .slice(0, HISTORY_LINES);
  } catch (error) {
    if (systemCode(error) === "ENOENT") return [];
    throw error;
  }
}
