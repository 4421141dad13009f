/** The text that a chat template puts around a source: what it makes of a conversation whose last word is the source. */
import type { Row } from "@slm/data";
import { SlmError } from "@slm/core";
import type { ChatMessage, ChatTemplate, SourcePrompt } from "@slm/tokenizer";
import type { ChatPromptConfig } from "./prompt-config.js";

/** Stand for a source and a target while the template is filled; no template has a reason to change them. */
const SOURCE = "slmSourceOfOneRow";
const TARGET = "slmTargetOfOneRow";

/**
 * The prompt of a chat: examples are turns before the last one. A target ends with the first token of what the template
 * writes behind an answer; where it writes nothing, with the teacher's EOS token. Spaces around a source stay, even
 * where the template would remove them from a message.
 *
 * @throws SlmError DATA_INVALID if the template rejects the conversation, an example holds a special token, or the source
 * does not stand in the prompt once, with something behind it.
 */
export function chatPromptText(
  template: ChatTemplate,
  { system, before, after, variables }: ChatPromptConfig,
  rows: readonly Pick<Row, "source" | "target">[],
): SourcePrompt {
  const asks = (source: string): ChatMessage => ({ role: "user", content: `${before}${source}${after}` });
  const answers = (content: string): ChatMessage => ({ role: "assistant", content });
  const asked = [
    ...(system === undefined ? [] : [{ role: "system", content: system }]),
    ...rows.flatMap(({ source, target }) => [asks(source), answers(target)]),
    asks(SOURCE),
  ];
  const [front, behind] = around(template.render(asked, { variables }), SOURCE, "the source");
  if (behind.trim() === "") {
    throw new SlmError(
      "DATA_INVALID",
      "chat template: nothing stands behind the user's message that an answer could follow",
    );
  }
  const closed = template.render([...asked, answers(TARGET)], { addGenerationPrompt: false, variables });
  const [, rest] = around(closed, TARGET, "the answer");
  const end = rest.trimStart() === "" ? rest : rest.trimStart();
  return { before: front, after: behind, isWhole: true, ...(end === "" ? {} : { end }) };
}

/** What stands before and behind a text that must be there once. */
function around(rendered: string, text: string, what: string): readonly [string, string] {
  const [front, behind, ...more] = rendered.split(text);
  if (behind !== undefined && more.length === 0) return [front!, behind];
  throw new SlmError(
    "DATA_INVALID",
    `chat template: ${what} stands in the prompt ${rendered.split(text).length - 1} times, expected once`,
    { suggestions: ["use a plain prompt: remove teacher.prompt.chat"] },
  );
}
