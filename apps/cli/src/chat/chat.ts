/** A conversation with a model, line by line: each line is a prompt of its own, because the models have no memory of earlier ones. */
import { SlmError } from "@slm/core/errors";
import type { Generation } from "@slm/inference";
import { readImageBytes } from "@slm/vision";
import { rowAnswer } from "../answers/answer-rows.js";
import type { GenerateOptions, LoadedModel, Prompt } from "../library/load-model.js";

/** One prompt and its answer. */
export interface ChatTurn {
  readonly prompt: string;
  /** File of the image that the prompt was about. */
  readonly image?: string | undefined;
  /** Empty if it was withheld. */
  readonly text: string;
  readonly confidence: number;
  /** Whether the answer was withheld; only with a threshold. */
  readonly abstained?: boolean | undefined;
  readonly tokens: number;
  readonly firstTokenMs: number;
  readonly tokensPerSecond: number;
}

export interface ChatOptions {
  readonly model: Pick<LoadedModel, "generate" | "description">;
  readonly generate: Omit<GenerateOptions, "onToken" | "signal">;
  /** Confidence below which an answer is withheld. */
  readonly threshold: number | undefined;
  /** Gets the text of answers while it is made. */
  readonly print: (text: string) => void;
  /** Gets everything else: timing, errors, help. */
  readonly tell: (text: string) => void;
}

/** What a line of the user leads to. */
type Outcome = "next" | "end";

interface ChatCommand {
  readonly help: string;
  readonly run: (chat: Chat, argument: string) => Outcome | Promise<Outcome>;
}

const COMMANDS: Readonly<Record<string, ChatCommand>> = {
  "/image": {
    help: "/image FILE: the following prompts are about this image; /image alone: about none",
    run: (chat, file) => chat.look(file),
  },
  "/help": {
    help: "/help: this list",
    run: (chat) => {
      chat.tell([...Object.values(COMMANDS).map(({ help }) => help), ENDINGS].join("\n"));
      return "next";
    },
  },
  "/quit": { help: "/quit: the end", run: () => "end" },
};

const ENDINGS = "Ctrl-C stops an answer, or ends the chat between two; Ctrl-D ends it.";

/** Names of the commands, for completion. */
export const CHAT_COMMANDS: readonly string[] = Object.keys(COMMANDS);

export class Chat {
  readonly #options: ChatOptions;
  readonly turns: ChatTurn[] = [];
  #image: string | undefined;
  #answering: AbortController | undefined;

  constructor(options: ChatOptions) {
    this.#options = options;
  }

  get tell(): (text: string) => void {
    return this.#options.tell;
  }

  /** Stops the answer in progress. @returns false if there is none */
  stop(): boolean {
    this.#answering?.abort(new SlmError("INTERRUPTED", "stopped"));
    return this.#answering !== undefined;
  }

  /**
   * Answers a line, or does what it commands. A prompt that the model cannot take is an error in the conversation, not its end.
   *
   * @throws SlmError what is not the fault of the line, such as a lost device
   */
  async take(line: string): Promise<Outcome> {
    const text = line.trim();
    if (text === "" && this.#image === undefined) return "next";
    const [name = "", ...rest] = text.split(/\s+/u);
    const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
    try {
      if (command !== undefined) return await command.run(this, rest.join(" "));
      if (/^\/[a-z]+$/u.test(name)) this.tell(`no such command: ${name}; /help lists them`);
      else await this.#answer(text);
    } catch (error) {
      if (!(error instanceof SlmError) || !LINE_ERRORS.has(error.code)) throw error;
      this.tell([error.message, ...error.suggestions.map((suggestion) => `  ${suggestion}`)].join("\n"));
    }
    return "next";
  }

  /** Makes the following prompts be about an image file; an empty name: about none. @throws SlmError INPUT_MISSING, DATA_INVALID */
  async look(file: string): Promise<Outcome> {
    if (file === "") {
      this.#image = undefined;
      this.tell("no image");
    } else if (this.#options.model.description.vision === undefined) {
      this.tell("this model reads text only");
    } else {
      await readImageBytes(file);
      this.#image = file;
      this.tell(`image ${file}`);
    }
    return "next";
  }

  async #answer(text: string): Promise<void> {
    const { model, generate, threshold, print } = this.#options;
    const image = this.#image;
    const prompt: Prompt = image === undefined ? text : { text: text === "" ? undefined : text, image };
    // Whether an answer is withheld is known at its end.
    const onToken =
      threshold === undefined
        ? (_row: number, piece: string): void => {
            print(piece);
          }
        : undefined;
    this.#answering = new AbortController();
    const { signal } = this.#answering;
    try {
      const generation = await model.generate(prompt, { ...generate, onToken, signal });
      const turn = turnOf(text, image, generation, threshold);
      this.turns.push(turn);
      print(`${onToken === undefined ? turn.text : ""}\n`);
      this.tell(timing(turn, generation));
    } catch (error) {
      if (!signal.aborted) throw error;
      print("\n");
      this.tell("stopped");
    } finally {
      this.#answering = undefined;
    }
  }
}

/** Errors of one line; others end the chat. */
const LINE_ERRORS: ReadonlySet<string> = new Set(["DATA_INVALID", "INPUT_MISSING", "USAGE"]);

function turnOf(
  prompt: string,
  image: string | undefined,
  generation: Generation,
  threshold: number | undefined,
): ChatTurn {
  const { prediction: text, confidence, abstained, tokens } = rowAnswer(generation, threshold);
  const { firstTokenMs, tokensPerSecond } = generation;
  return { prompt, image, text, confidence, abstained, tokens, firstTokenMs, tokensPerSecond };
}

function timing(
  { confidence, abstained, tokens, firstTokenMs, tokensPerSecond }: ChatTurn,
  { totalMs, imageMs }: Generation,
): string {
  const parts = [
    abstained === true ? "withheld: not sure enough" : undefined,
    `${tokens} tokens in ${totalMs.toFixed(0)} ms`,
    `first ${firstTokenMs.toFixed(0)} ms${imageMs === undefined ? "" : ` (image ${imageMs.toFixed(0)} ms)`}`,
    `${tokensPerSecond.toFixed(0)} tokens/s`,
    `confidence ${confidence.toPrecision(3)}`,
  ];
  return parts.filter((part) => part !== undefined).join(", ");
}
