/** Generates one clause of a request: an action on one setting in words, with its call. */
import { type Call, NO_CALL } from "./call.js";
import type { Draw } from "../shared/draw.js";
import { OUT_OF_SCOPE, OUT_OF_SCOPE_WORDS } from "./out-of-scope.js";
import { AMOUNTS, APPS, PHRASINGS, type Phrasing } from "./phrasings.js";
import type { Action, Control, Setting } from "./setting.js";
import { actionsOf } from "./settings.js";
import { drawDuration, drawLevel, drawName, drawStep, drawTime } from "./values.js";

/** A piece of a request. Words of a value are `fixed`, because a typing error would contradict the call. */
export interface Part {
  readonly text: string;
  readonly fixed: boolean;
}

export interface Clause {
  readonly parts: readonly Part[];
  readonly call: Call;
}

/** An action, before it is put into words. */
interface Meaning {
  readonly phrasing: Phrasing;
  readonly arguments: Call["arguments"];
  /** Values of the phrase's placeholders. */
  readonly words: Readonly<Record<string, string>>;
  /** Key of the setting's own phrases with exactly this meaning. */
  readonly says?: string;
}

/** A request about a setting. */
export function drawClause(draw: Draw, setting: Setting): Clause {
  const meaning = MEANINGS[draw.pick(actionsOf(setting))](draw, setting.control);
  return {
    parts: wordsOf(draw, setting, meaning),
    call: { name: setting.name, arguments: meaning.arguments },
  };
}

/** A request not to change a setting. */
export function drawLeave(draw: Draw, setting: Setting): Clause {
  const parts = wordsOf(draw, setting, { phrasing: "leave", arguments: {}, words: {} });
  return { parts, call: { name: NO_CALL, arguments: {} } };
}

/** A request that is not about settings. */
export function drawOutOfScope(draw: Draw): Clause {
  const words = Object.entries(OUT_OF_SCOPE_WORDS).map(([key, list]) => [key, draw.pick(list)] as const);
  return {
    parts: fill(draw.pick(OUT_OF_SCOPE), Object.fromEntries(words), []),
    call: { name: NO_CALL, arguments: {} },
  };
}

/** Share of requests with a setting's own phrases, if it has any [%]. */
const OWN_WORDS = 35;

function wordsOf(draw: Draw, setting: Setting, meaning: Meaning): readonly Part[] {
  const { phrasing, words, says } = meaning;
  /** Whether the phrase has all placeholders: for example, a phrase without an amount cannot mean "a lot". */
  const isWhole = (phrase: string): boolean => Object.keys(words).every((key) => phrase.includes(`{${key}}`));
  const special = says === undefined ? undefined : setting.says?.[says];
  const own = [...(special ?? []), ...(setting.says?.[phrasing] ?? []).filter(isWhole)];
  const usual = PHRASINGS[phrasing].filter(isWhole);
  const phrase = draw.pick(own.length > 0 && draw.chance(OWN_WORDS) ? own : usual);
  const noun = draw.pick(setting.nouns);
  const bare = noun.replace(/^(?:the|my|a) /, "");
  return fill(phrase, { ...words, noun, bare }, ["noun", "bare", "amount"]);
}

/** Fills in a phrase's placeholders. `loose` placeholders may have typing errors like other words. */
function fill(
  phrase: string,
  words: Readonly<Record<string, string>>,
  loose: readonly string[],
): readonly Part[] {
  return phrase.split(/(\{\w+\})/).flatMap((piece): readonly Part[] => {
    const key = /^\{(\w+)\}$/.exec(piece)?.[1];
    const text = key === undefined ? piece : (words[key] ?? "");
    return text === "" ? [] : [{ text, fixed: key !== undefined && !loose.includes(key) }];
  });
}

type ControlOf<Kind extends Control["kind"]> = Extract<Control, { readonly kind: Kind }>;

/** Generates each action, for a control that supports it. */
const MEANINGS: Readonly<Record<Action, (draw: Draw, control: Control) => Meaning>> = {
  on: (draw, control) => toggled(draw, requireKind(control, "toggle"), "on"),
  off: (draw, control) => toggled(draw, requireKind(control, "toggle"), "off"),
  set: (draw) => {
    const { text, value } = drawLevel(draw);
    return { phrasing: "set", arguments: { level: value }, words: { level: text } };
  },
  up: (draw) => changed(draw, "up"),
  down: (draw) => changed(draw, "down"),
  choose: (draw, control) => {
    const { value, called } = draw.pick(requireKind(control, "choice").options);
    return {
      phrasing: "choose",
      arguments: { value },
      words: { value: draw.pick(called) },
      says: `choose:${value}`,
    };
  },
  last: (draw, control) => {
    const { text, value } = drawDuration(draw, requireKind(control, "duration").units);
    return { phrasing: "last", arguments: value, words: { duration: text } };
  },
  never: () => ({ phrasing: "never", arguments: { never: true }, words: {} }),
  between: (draw) => {
    const [from, to] = [drawTime(draw), drawTime(draw)];
    return {
      phrasing: "between",
      arguments: { from: from.value, to: to.value },
      words: { from: from.text, to: to.text },
    };
  },
  name: (draw, control) => {
    const { slot, names } = requireKind(control, "name");
    const value = drawName(draw, names);
    return { phrasing: "name", arguments: { [slot]: value }, words: { value } };
  },
};

function toggled(draw: Draw, { app, timed }: ControlOf<"toggle">, state: "on" | "off"): Meaning {
  if (app === true && draw.chance(50)) {
    const name = drawName(draw, APPS);
    return { phrasing: `${state}-app`, arguments: { state, app: name }, words: { app: name } };
  }
  if (timed === true && state === "on" && draw.chance(50)) {
    const { text, value } = drawDuration(draw, ["minutes", "hours"]);
    return { phrasing: "on-timed", arguments: { state, ...value }, words: { duration: text } };
  }
  return { phrasing: state, arguments: { state }, words: {} };
}

function changed(draw: Draw, direction: "up" | "down"): Meaning {
  if (draw.chance(30)) {
    const { text, value } = drawStep(draw);
    const by = direction === "up" ? value : -value;
    return { phrasing: `${direction}-by`, arguments: { by }, words: { step: text } };
  }
  const amount = draw.pick([undefined, "little", "lot"] as const);
  if (amount === undefined) return { phrasing: direction, arguments: { direction }, words: {} };
  return {
    phrasing: direction,
    arguments: { direction, amount },
    words: { amount: draw.pick(AMOUNTS[amount]) },
  };
}

function requireKind<Kind extends Control["kind"]>(control: Control, kind: Kind): ControlOf<Kind> {
  if (isKind(control, kind)) return control;
  throw new TypeError(`expected a setting of kind ${kind}, got kind ${control.kind}`);
}

function isKind<Kind extends Control["kind"]>(control: Control, kind: Kind): control is ControlOf<Kind> {
  return control.kind === kind;
}
