/** Chat templates, which are third-party programs. */
import { createChatTemplate } from "../../../../packages/tokenizer/src/chat/chat-template.ts";

export const seeds = () => [
  "{% for m in messages %}{{ '<|' ~ m.role ~ '|>' ~ m.content | trim }}{% endfor %}{% if add_generation_prompt %}<|a|>{% endif %}",
  "{%- set ns = namespace(n=0) -%}{% for i in range(3) %}{% set ns.n = ns.n + i %}{% endfor %}{{ ns.n }}{{ messages[0]['content'] | upper }}",
  "{% macro f(a, b=1) %}{{ a * b }}{% endmacro %}{{ f(2) }}{{ messages | tojson }}{{ raise_exception('no') if messages | length > 3 }}",
];

export function open() {
  const messages = [
    { role: "system", content: "be brief" },
    { role: "user", content: "hello" },
  ];
  return (/** @type {Uint8Array} */ bytes) => {
    const source = Buffer.from(bytes).toString("utf8");
    createChatTemplate({ source, where: "fuzz", tokens: { bos_token: "<s>" }, special: ["<s>"] }).render(
      messages,
    );
  };
}
