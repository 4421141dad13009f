import type { Setting } from "../setting.js";

export const PRIVACY: readonly Setting[] = [
  {
    name: "location",
    group: "privacy",
    control: { kind: "toggle", app: true },
    nouns: ["location", "location services", "my location", "gps"],
    says: {
      off: ["stop tracking where i am", "hide my location"],
      on: ["let apps see where i am", "share my location"],
    },
  },
  {
    name: "camera",
    group: "privacy",
    control: { kind: "toggle", app: true },
    nouns: ["the camera", "my camera", "the webcam", "camera access"],
    says: { off: ["nobody should see me", "block the camera"], on: ["allow the camera", "let me be seen"] },
  },
  {
    name: "lock_timeout",
    group: "privacy",
    control: { kind: "duration", units: ["seconds", "minutes"], never: true },
    nouns: ["the lock timer", "the screen lock delay", "the auto lock"],
    says: {
      last: [
        "lock the screen after {duration}",
        "lock my laptop after {duration}",
        "ask for my password after {duration}",
      ],
      never: ["never lock the screen", "don't lock the computer by itself"],
    },
  },
  {
    name: "find_my_device",
    group: "privacy",
    control: { kind: "toggle" },
    nouns: ["find my device", "device tracking", "the lost device search"],
    says: { on: ["make sure i can find this laptop if i lose it"] },
  },
  {
    name: "clipboard_history",
    group: "privacy",
    control: { kind: "toggle" },
    nouns: ["clipboard history", "the clipboard history"],
    says: {
      on: ["remember what i copy", "keep what i copied"],
      off: ["forget what i copy", "don't keep what i copied"],
    },
  },
  {
    name: "diagnostics",
    group: "privacy",
    control: { kind: "toggle" },
    nouns: ["diagnostics", "the diagnostic data", "usage reports", "telemetry"],
    says: { off: ["stop sending my usage data", "don't report anything about me"] },
  },
];
