/** Added tokens: they are matched in a text before pre-tokenization. Source: llama.cpp, `llama_vocab::impl::load`. */
import type { TokenizerJson } from "@slm/tokenizer";
import type { GgufFile } from "../file/gguf-file.js";
import type { Vocabulary } from "./vocabulary.js";

type AddedToken = TokenizerJson["added_tokens"][number];
/** special: matched, and left out of decoded text. text: matched, and kept in decoded text. plain: not matched. */
type Role = "special" | "text" | "plain";

/** Tokens that end a turn or are used for fill-in-the-middle; they are special, whatever type a file declares. */
const MARKS: ReadonlySet<string> = new Set([
  "<|eot_id|>",
  "<|eom_id|>",
  "<|im_end|>",
  "<|end|>",
  "<|return|>",
  "<|call|>",
  "<|calls|>",
  "<|flush|>",
  "<end_of_turn>",
  "<turn|>",
  "<|tool_response>",
  "<|endoftext|>",
  "<|end_of_text|>",
  "<end_of_utterance>",
  "</s>",
  "<eos>",
  "<EOT>",
  "_<EOT>",
  "[EOT]",
  "[EOS]",
  "<｜end▁of▁sentence｜>",
  "[e~[",
  "<|fim_prefix|>",
  "<fim-prefix>",
  "<fim_prefix>",
  "<｜fim▁begin｜>",
  "<PRE>",
  "▁<PRE>",
  "<|code_prefix|>",
  "<|fim_suffix|>",
  "<fim-suffix>",
  "<fim_suffix>",
  "<｜fim▁hole｜>",
  "<SUF>",
  "▁<SUF>",
  "<|code_suffix|>",
  "<|fim_middle|>",
  "<fim-middle>",
  "<fim_middle>",
  "<｜fim▁end｜>",
  "<MID>",
  "▁<MID>",
  "<|code_middle|>",
  "<|prefix|>",
  "<|suffix|>",
  "<|middle|>",
  "<|fim_pad|>",
  "<fim-pad>",
  "<fim_pad>",
  "<PAD>",
  "[PAD]",
  "<|fim_repo|>",
  "<|repo_name|>",
  "<fim-repo>",
  "<REPO>",
  "<reponame>",
  "<|file_sep|>",
]);

/** Tokens that are kept in decoded text, whatever type a file declares. */
const VISIBLE: ReadonlySet<string> = new Set(["<|channel|>", "<|message|>", "<|start|>", "<|constrain|>"]);

/** Tokens with another role in vocabularies that contain all of certain other tokens. */
const EXCEPTIONS: readonly {
  readonly text: string;
  readonly role: Role;
  readonly beside: readonly string[];
}[] = [
  { text: "</s>", role: "plain", beside: ["<|tool_response>"] },
  { text: "</s>", role: "plain", beside: ["<|plamo:eos|>"] },
  { text: "<|end|>", role: "text", beside: ["<|return|>", "<|call|>"] },
  { text: "<|end|>", role: "text", beside: ["<|return|>", "<|calls|>"] },
  { text: "<|end|>", role: "text", beside: ["<|flush|>", "<|call|>"] },
  { text: "<|end|>", role: "text", beside: ["<|flush|>", "<|calls|>"] },
];

const ROLES: Readonly<Record<Vocabulary["types"][number], Role>> = {
  undefined: "plain",
  normal: "plain",
  unknown: "special",
  control: "special",
  user: "text",
  unused: "plain",
  byte: "plain",
};

/** `added_tokens` of a `tokenizer.json`. */
export function addedTokens(source: GgufFile, { tokens, types, idOf }: Vocabulary): AddedToken[] {
  const exceptions = new Map(
    EXCEPTIONS.filter(({ beside }) => beside.every((other) => idOf.has(other))).map(({ text, role }) => [
      text,
      role,
    ]),
  );
  const roleOf = (text: string, id: number): Role =>
    exceptions.get(text) ?? (VISIBLE.has(text) ? "text" : MARKS.has(text) ? "special" : ROLES[types[id]!]);
  const strips = stripsOf(source);
  return tokens.flatMap((content, id) => {
    const role = roleOf(content, id);
    if (role === "plain") return [];
    const { lstrip = false, rstrip = false } = strips(content);
    const special = role === "special";
    return [{ id, content, single_word: false, lstrip, rstrip, normalized: false, special }];
  });
}

interface Strips {
  /** Spaces before the token belong to it. */
  readonly lstrip?: boolean;
  /** Spaces after the token belong to it. */
  readonly rstrip?: boolean;
}

interface StripRule {
  /** Metadata keys, one of which must contain one of the names, in lower case. */
  readonly keys: readonly string[];
  readonly names: readonly string[];
  readonly strips: (token: string) => Strips;
}

const maskTakesSpaces =
  (mask: string): StripRule["strips"] =>
  (token) => ({ lstrip: token === mask });
const PHI3_KEEPS = new Set(["<unk>", "<s>", "<|endoftext|>"]);

/** Which tokens strip spaces. Files do not specify it, so it depends on the model's name. The first matching rule wins. */
const STRIP_RULES: readonly StripRule[] = [
  {
    keys: ["tokenizer.ggml.pre"],
    names: ["jina-v2-de", "jina-v2-es", "jina-v2-code"],
    strips: maskTakesSpaces("<mask>"),
  },
  {
    keys: ["general.architecture"],
    names: ["nomic-bert-moe", "jina-bert-v3"],
    strips: maskTakesSpaces("<mask>"),
  },
  {
    keys: ["general.name"],
    names: ["phi-3", "phi3"],
    strips: (token) => ({ rstrip: !PHI3_KEEPS.has(token) }),
  },
  { keys: ["general.name"], names: ["modern-bert"], strips: maskTakesSpaces("[MASK]") },
];

function stripsOf({ metadata }: GgufFile): StripRule["strips"] {
  const holds = (key: string, names: readonly string[]): boolean => {
    const value = metadata.get(key);
    return typeof value === "string" && names.some((name) => value.toLowerCase().includes(name));
  };
  const rule = STRIP_RULES.find(({ keys, names }) => keys.some((key) => holds(key, names)));
  return rule?.strips ?? (() => ({}));
}
