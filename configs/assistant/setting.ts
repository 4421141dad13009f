/** Defines a device setting: its control, its names, and phrases for its actions. */

export const GROUPS = [
  "display",
  "sound",
  "network",
  "devices",
  "power",
  "privacy",
  "focus",
  "accessibility",
] as const;
type Group = (typeof GROUPS)[number];

/** The actions on settings; each has its arguments in a call. */
export type Action = "on" | "off" | "set" | "up" | "down" | "choose" | "last" | "never" | "between" | "name";

export const DURATION_UNITS = ["seconds", "minutes", "hours"] as const;
export type DurationUnit = (typeof DURATION_UNITS)[number];

/** A value of a choice, and its names. */
interface Option {
  readonly value: string | number;
  readonly called: readonly [string, ...string[]];
}

/** The control of a setting, which decides the arguments of its calls. */
export type Control =
  /** `{"state": "on" | "off"}`; with `app` also `"app"`, with `timed` also `"duration"` and `"unit"`. */
  | { readonly kind: "toggle"; readonly app?: true; readonly timed?: true }
  /** `{"level": 0-100}` in percent, `{"by": -100-100}`, or `{"direction": "up" | "down", "amount"?: "little" | "lot"}`. */
  | { readonly kind: "level" }
  /** `{"value": one of the options}` */
  | { readonly kind: "choice"; readonly options: readonly [Option, ...Option[]] }
  /** `{"duration": n, "unit": one of the units}`, or `{"never": true}` if the setting supports it. */
  | { readonly kind: "duration"; readonly units: readonly DurationUnit[]; readonly never?: true }
  /** `{"from": "HH:MM", "to": "HH:MM"}` */
  | { readonly kind: "period" }
  /** `{[slot]: name}`, with the name as in the request. */
  | { readonly kind: "name"; readonly slot: string; readonly names: readonly [string, ...string[]] };

export interface Setting {
  /** Name of its calls. */
  readonly name: string;
  readonly group: Group;
  readonly control: Control;
  /** Names of the setting, with article. */
  readonly nouns: readonly [string, ...string[]];
  /**
   * Whole phrases for an action, in addition to the usual ones, with the placeholders of `phrasings.ts`. For a choice also by
   * `choose:value`.
   */
  readonly says?: Readonly<Record<string, readonly [string, ...string[]]>>;
}
