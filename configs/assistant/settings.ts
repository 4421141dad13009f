/** All settings, in groups. To add a setting, add a row to the table of its group. */
import { ACCESSIBILITY } from "./settings/accessibility.js";
import { DEVICES } from "./settings/devices.js";
import { DISPLAY } from "./settings/display.js";
import { FOCUS } from "./settings/focus.js";
import { NETWORK } from "./settings/network.js";
import { POWER } from "./settings/power.js";
import { PRIVACY } from "./settings/privacy.js";
import { SOUND } from "./settings/sound.js";
import type { Action, Control, Setting } from "./setting.js";

export const SETTINGS: readonly Setting[] = [
  ...DISPLAY,
  ...SOUND,
  ...NETWORK,
  ...DEVICES,
  ...POWER,
  ...PRIVACY,
  ...FOCUS,
  ...ACCESSIBILITY,
];

const BY_NAME: ReadonlyMap<string, Setting> = new Map(SETTINGS.map((setting) => [setting.name, setting]));

/** The setting with a name; undefined for an unknown name. */
export function settingNamed(name: string): Setting | undefined {
  return BY_NAME.get(name);
}

const ACTIONS_OF: Readonly<Record<Control["kind"], readonly Action[]>> = {
  toggle: ["on", "off"],
  level: ["set", "up", "down"],
  choice: ["choose"],
  duration: ["last"],
  period: ["between"],
  name: ["name"],
};

/** The actions of a setting. */
export function actionsOf({ control }: Setting): readonly Action[] {
  const actions = ACTIONS_OF[control.kind];
  return control.kind === "duration" && control.never === true ? [...actions, "never"] : actions;
}
