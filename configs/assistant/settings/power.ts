import type { Setting } from "../setting.js";

export const POWER: readonly Setting[] = [
  {
    name: "battery_saver",
    group: "power",
    control: { kind: "toggle" },
    nouns: ["battery saver", "the battery saver", "power saving", "low power mode", "energy saving"],
    says: {
      on: ["save battery", "make the battery last longer", "my battery is almost empty"],
      off: ["stop saving battery"],
    },
  },
  {
    name: "power_mode",
    group: "power",
    control: {
      kind: "choice",
      options: [
        { value: "efficiency", called: ["efficiency", "best efficiency", "eco"] },
        { value: "balanced", called: ["balanced", "the balanced mode", "normal"] },
        { value: "performance", called: ["performance", "best performance", "high performance"] },
      ],
    },
    nouns: ["the power mode", "the power plan", "the performance mode", "power mode"],
    says: {
      "choose:performance": ["i need all the power you have", "run as fast as possible", "full speed please"],
      "choose:efficiency": ["use as little power as possible", "run cool and quiet"],
    },
  },
  {
    name: "sleep_timeout",
    group: "power",
    control: { kind: "duration", units: ["minutes", "hours"], never: true },
    nouns: ["the sleep timer", "the sleep timeout", "the time until sleep"],
    says: {
      last: [
        "go to sleep after {duration}",
        "put the laptop to sleep after {duration}",
        "stay awake for {duration}",
        "sleep when idle for {duration}",
      ],
      never: ["never go to sleep", "don't go to sleep", "stay awake all the time", "keep the computer awake"],
    },
  },
  {
    name: "lid_action",
    group: "power",
    control: {
      kind: "choice",
      options: [
        { value: "sleep", called: ["sleep", "go to sleep"] },
        { value: "hibernate", called: ["hibernate", "go into hibernation"] },
        { value: "shut_down", called: ["shut down", "power off"] },
        { value: "nothing", called: ["do nothing", "stay on", "keep running"] },
      ],
    },
    nouns: ["the lid action", "what the lid does"],
    says: {
      choose: [
        "{value} when i close the lid",
        "when the lid is closed {value}",
        "closing the lid should make it {value}",
      ],
    },
  },
  {
    name: "charge_limit",
    group: "power",
    control: { kind: "level" },
    nouns: ["the charge limit", "the charging limit", "the maximum charge"],
    says: {
      set: ["stop charging at {level}", "charge the battery only to {level}", "don't charge above {level}"],
    },
  },
  {
    name: "battery_percentage",
    group: "power",
    control: { kind: "toggle" },
    nouns: ["the battery percentage", "battery percentage", "the battery number"],
    says: {
      on: [
        "show how much battery is left in percent",
        "show the battery percentage",
        "display the battery percentage",
      ],
      off: ["hide the battery percentage", "don't show the battery percentage"],
    },
  },
];
