import { Flags } from "@oclif/core";
import type { RuntimeDevice } from "@slm/runtime";
import { abstainFlag } from "../answers/abstain.js";
import type { ChatTurn } from "../chat/chat.js";
import { deviceFlags, deviceRequest } from "../device-flags.js";
import { keyFlag, modelArgument, modelFlag, modelOf } from "../models/model-argument.js";
import { languageFlags, languageOptions } from "../models/language-flags.js";
import { samplingFlags, samplingOptions } from "../models/sampling-flags.js";
import { SlmCommand } from "../slm-command.js";
import { answerFor } from "../ui/printable.js";

export interface ChatResult {
  /** Prompts that were answered, in order. */
  readonly turns: readonly ChatTurn[];
  /** The device that ran the model. */
  readonly device: RuntimeDevice;
}

export class ChatCommand extends SlmCommand<ChatResult> {
  static override summary = "Ask a model line by line: answers as they are made, with timing and history.";
  static override description =
    "MODEL is a checkpoint, an export, a quantized directory or a bundle. Each line is a prompt of its own. /image FILE makes the following " +
    "prompts be about an image, /help lists the commands. Answers go to standard output, everything else to standard error. Lines that were " +
    "typed are kept on this machine in the user's cache folder.";
  static override args = { model: modelArgument };
  static override flags = {
    ...languageFlags,
    ...samplingFlags,
    abstain: abstainFlag,
    history: Flags.boolean({ allowNo: true, default: true, summary: "Keep the lines that were typed." }),
    model: modelFlag,
    key: keyFlag,
    ...deviceFlags,
  };
  static override examples = [
    "<%= config.bin %> chat runs/quickstart/deploy",
    "<%= config.bin %> chat runs/vqa/deploy --temperature 0.7 --no-history",
  ];

  protected override async execute(): Promise<ChatResult> {
    const { args, flags } = await this.parse(ChatCommand);
    const path = modelOf(args.model, flags.model);
    const { loadModel } = await import("../library/load-model.js");
    const { thresholdOf } = await import("../answers/abstain.js");
    const { readSchema } = await import("../models/read-constraint.js");
    const { Chat } = await import("../chat/chat.js");
    const { runChat } = await import("../chat/chat-lines.js");
    const schema = flags["json-schema"];
    const jsonSchema = schema === undefined ? undefined : await readSchema(schema);
    const model = await loadModel(path, { ...deviceRequest(flags), key: flags.key, ...this.work });
    try {
      const note = (text: string): void => {
        this.note(text);
      };
      const threshold = await thresholdOf(flags.abstain, model, note);
      const isJson = this.jsonEnabled();
      const chat = new Chat({
        model,
        threshold,
        generate: { ...samplingOptions(flags), ...languageOptions(flags), jsonSchema },
        print: (text) => {
          if (!isJson) process.stdout.write(answerFor(process.stdout)(text));
        },
        tell: note,
      });
      if (process.stdin.isTTY) note(`chat  ${path}; /help lists the commands`);
      await runChat(chat, {
        input: process.stdin,
        output: process.stderr,
        signal: this.signal,
        keepsHistory: flags.history,
      });
      return { turns: chat.turns, device: model.device };
    } finally {
      await model.close();
    }
  }

  /** Everything was printed while it was made. */
  protected override lines(): readonly string[] {
    return [];
  }
}
