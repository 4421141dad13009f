/**
 * Computes the text that a chat template adds around a source, by rendering a conversation that ends with the source as the user's message.
 */
import type { Row } from "@slm/data";
import { SlmError } from "@slm/core";
import type { ChatMessage, ChatTemplate, SourcePrompt } from "@slm/tokenizer";
import type { ChatPromptConfig } from "../config/prompt-config.js";

/** Placeholders for source and target while the template is rendered. */
const SOURCE = "slmSourceOfOneRow";
const TARGET = "slmTargetOfOneRow";

/**
 * The prompt of a chat template, with examples as earlier turns. The first token that the template writes after an answer ends a target;
 * if there is none, the teacher's EOS ends it. Spaces around a source are kept, even if the template would strip them.
 *
 * @throws SlmError DATA_INVALID if the template rejects the conversation, an example contains a special token, or the source is not in the
 * prompt exactly once with text after it.
 */
export function chatPromptText(
  template: ChatTemplate,
  { instruction, before, after, variables }: ChatPromptConfig,
  rows: readonly Pick<Row, "source" | "target">[],
): SourcePrompt {
  const asks = (source: string): ChatMessage => ({ role: "user", content: `${before}${source}${after}` });
  const answers = (content: string): ChatMessage => ({ role: "assistant", content });
  const asked = [
    ...(instruction === "" ? [] : [{ role: "system", content: instruction }]),
    ...rows.flatMap(({ source, target }) => [asks(source), answers(target)]),
    asks(SOURCE),
  ];
  const [front, behind] = around(template.render(asked, { variables }), SOURCE, "the source");
  if (behind.trim() === "") {
    throw new SlmError(
      "DATA_INVALID",
      "chat template: expected text between the user's message and the answer, got none",
    );
  }
  const closed = template.render([...asked, answers(TARGET)], { addGenerationPrompt: false, variables });
  const [, rest] = around(closed, TARGET, "the answer");
  const end = rest.trimStart() === "" ? rest : rest.trimStart();
  return { before: front, after: behind, isWhole: true, ...(end === "" ? {} : { end }) };
}

/** Splits at a text that must occur exactly once. */
function around(rendered: string, text: string, what: string): readonly [string, string] {
  const [front, behind, ...more] = rendered.split(text);
  if (behind !== undefined && more.length === 0) return [front!, behind];
  throw new SlmError(
    "DATA_INVALID",
    `chat template: ${what} occurs in the prompt ${rendered.split(text).length - 1} times, expected once`,
    { suggestions: ["use a plain prompt: remove teacher.prompt.chat"] },
  );
}
