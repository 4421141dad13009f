import { withCode } from "@slm/core/testing";
import { createChatTemplate, type ChatTemplate } from "@slm/tokenizer";
import { describe, expect, test } from "vitest";
import { chatPromptText } from "./chat-prompt.js";
import { promptConfig, type ChatPromptConfig } from "../config/prompt-config.js";

const template = (source: string): ChatTemplate =>
  createChatTemplate({ source, where: "the template", tokens: { eos_token: "</s>" }, special: ["</s>"] });

const settings = (given: object = {}): ChatPromptConfig =>
  promptConfig.parse({ chat: true, ...given }) as ChatPromptConfig;

/** Turns between marks, as in ChatML. */
const TURNS =
  "{% for message in messages %}<{{ message.role }}>{{ message.content }}</turn>\n{% endfor %}" +
  "{% if add_generation_prompt %}<assistant>{% if thinking is false %}<none>{% endif %}{% endif %}";

describe(chatPromptText, () => {
  test("puts the source into the user's message and the target at the start of the answer", () => {
    expect(chatPromptText(template(TURNS), settings({ before: "Say: ", after: "!" }), [])).toEqual({
      before: "<user>Say: ",
      after: "!</turn>\n<assistant>",
      end: "</turn>\n",
      isWhole: true,
    });
  });

  test("starts with the system's message and adds examples as turns", () => {
    const rows = [{ source: "a", target: "A" }];
    const prompt = chatPromptText(template(TURNS), settings({ instruction: "Spell.", examples: 1 }), rows);
    expect(prompt.before).toBe("<system>Spell.</turn>\n<user>a</turn>\n<assistant>A</turn>\n<user>");
  });

  test("passes more variables to the template", () => {
    const { after } = chatPromptText(template(TURNS), settings({ variables: { thinking: false } }), []);
    expect(after).toBe("</turn>\n<assistant><none>");
  });

  test("ends targets with the mark after an answer, not with the space before the mark", () => {
    const spaced =
      "{% for message in messages %}{% if message.role == 'user' %}[Q] {{ message.content }} [/Q]" +
      "{% else %} {{ message.content }} {{ eos_token }}{% endif %}{% endfor %}";
    expect(chatPromptText(template(spaced), settings(), [])).toMatchObject({
      before: "[Q] ",
      after: " [/Q]",
      end: "</s>",
    });
  });

  test("keeps the teacher's EOS token if the template adds nothing after an answer", () => {
    const open = "{% for message in messages %}{{ message.role }}: {{ message.content }}{% endfor %}";
    const asks = `${open}{% if add_generation_prompt %}\nanswer: {% endif %}`;
    expect(chatPromptText(template(asks), settings(), [])).not.toHaveProperty("end");
  });

  test.each([
    [
      "shows the source twice",
      "{{ messages[-1].content }} {{ messages[-1].content }}>",
      "occurs in the prompt 2 times",
    ],
    ["does not show it", "hello", "occurs in the prompt 0 times"],
    [
      "has no text before the answer",
      "{{ messages[-1].content }}",
      "expected text between the user's message and the answer",
    ],
    ["has no place for an answer", "{{ messages[0].content }} >", "the answer occurs in the prompt 0 times"],
  ])("rejects a template that %s", (_name, source, message) => {
    expect(() => chatPromptText(template(source), settings(), [])).toThrow(message);
  });

  test("rejects examples with special tokens", () => {
    const rows = [{ source: "a</s>", target: "A" }];
    expect(() => chatPromptText(template(TURNS), settings({ examples: 1 }), rows)).toThrow(
      withCode("DATA_INVALID"),
    );
  });
});
