/** Adds the noise of real requests: fillers, politeness, typing errors, capital letters and punctuation. */
import type { Draw } from "../shared/draw.js";
import { mistyped } from "../shared/typing.js";
import type { Part } from "./request.js";

/** First words of imperative phrases. "can you" is correct English only before these. */
const IMPERATIVES = new Set([
  ...[
    "activate",
    "add",
    "adjust",
    "allow",
    "always",
    "block",
    "brighten",
    "bring",
    "bump",
    "change",
    "charge",
    "connect",
  ],
  ...[
    "crank",
    "cut",
    "deactivate",
    "decrease",
    "dial",
    "dim",
    "disable",
    "disconnect",
    "display",
    "drop",
    "enable",
    "enlarge",
  ],
  ...[
    "filter",
    "forget",
    "get",
    "give",
    "go",
    "hide",
    "hold",
    "hook",
    "increase",
    "invert",
    "join",
    "keep",
    "kill",
    "leave",
  ],
  ...[
    "let",
    "light",
    "lock",
    "log",
    "lower",
    "make",
    "move",
    "mute",
    "pair",
    "play",
    "print",
    "push",
    "put",
    "raise",
    "read",
  ],
  ...[
    "reduce",
    "refresh",
    "remember",
    "rotate",
    "run",
    "save",
    "schedule",
    "select",
    "send",
    "set",
    "share",
    "show",
    "shrink",
  ],
  ...["shut", "silence", "start", "stop", "switch", "take", "talk", "turn", "unmute", "use", "write", "zoom"],
]);

const REQUESTS = [
  "please ",
  "can you ",
  "could you ",
  "could you please ",
  "would you ",
  "i'd like you to ",
  "you need to ",
  "just ",
  "go ahead and ",
  "i want you to ",
];
const OPENINGS = [
  "hey ",
  "ok ",
  "okay ",
  "um ",
  "uh ",
  "hi ",
  "so ",
  "well ",
  "hey there ",
  "right, ",
  "oh ",
  "and now ",
  "listen, ",
  "hm ",
  "sorry, ",
];
const ENDINGS = [
  " please",
  " thanks",
  " thank you",
  " for me",
  " now",
  " right now",
  " would you",
  " if you can",
  " ok?",
  ", please",
  ", thanks",
  " real quick",
  " again",
];

/** Shares of requests with each kind of noise [%]. */
const SHARES = {
  opening: 14,
  asking: 28,
  ending: 18,
  typing: 16,
  capital: 45,
  point: 35,
} as const;

/** A text that may start with words that are copied to the call. */
export interface Dressed {
  readonly text: string;
  readonly startsFixed: boolean;
}

/** A clause with random politeness and typing errors. */
export function dress(draw: Draw, parts: readonly Part[]): Dressed {
  const first = /^[a-z]+/.exec(parts[0]?.text ?? "")?.[0] ?? "";
  const asking = IMPERATIVES.has(first) && draw.chance(SHARES.asking) ? draw.pick(REQUESTS) : "";
  const opening = draw.chance(SHARES.opening) ? draw.pick(OPENINGS) : "";
  const ending = draw.chance(SHARES.ending) ? draw.pick(ENDINGS) : "";
  const free = (text: string): Part => ({ text, fixed: false });
  const text = typed(draw, [free(opening), free(asking), ...parts, free(ending)]);
  return { text, startsFixed: opening + asking === "" && parts[0]?.fixed === true };
}

/** Adds capitals, punctuation and single spaces. Applied once to a whole request. */
export function finish(draw: Draw, { text, startsFixed }: Dressed): string {
  const spaced = text
    .replace(/\s+/g, " ")
    .replace(/ ([,.?!])/g, "$1")
    .trim();
  const started =
    !startsFixed && draw.chance(SHARES.capital)
      ? spaced.replace(/^[a-z]/, (letter) => letter.toUpperCase())
      : spaced;
  if (/[?!]$/.test(started) || !draw.chance(SHARES.point)) return started;
  return started + draw.pick([".", ".", ".", "!", "?"]);
}

/** Adds typing errors to some parts, but never to words that are copied to the call. */
function typed(draw: Draw, parts: readonly Part[]): string {
  if (!draw.chance(SHARES.typing)) return parts.map(({ text }) => text).join("");
  const errors = draw.chance(75) ? 1 : 2;
  let result = parts;
  for (let error = 0; error < errors; error++) result = withError(draw, result);
  return result.map(({ text }) => text).join("");
}

function withError(draw: Draw, parts: readonly Part[]): readonly Part[] {
  const places = parts.flatMap(({ text, fixed }, part) =>
    fixed
      ? []
      : Array.from(text.matchAll(/[a-z]{4,}/g), (match) => ({ part, at: match.index, word: match[0] })),
  );
  if (places.length === 0) return parts;
  const { part, at, word } = draw.pick(places);
  return parts.map((old, index) =>
    index === part
      ? { ...old, text: old.text.slice(0, at) + mistyped(draw, word) + old.text.slice(at + word.length) }
      : old,
  );
}
