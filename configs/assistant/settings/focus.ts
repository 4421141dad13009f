import type { Setting } from "../setting.js";

export const FOCUS: readonly Setting[] = [
  {
    name: "do_not_disturb",
    group: "focus",
    control: { kind: "toggle", timed: true },
    nouns: ["do not disturb", "quiet mode", "don't disturb mode"],
    says: {
      on: ["leave me alone", "i don't want to be disturbed", "hold all notifications"],
      off: ["you may disturb me again", "let notifications through again"],
    },
  },
  {
    name: "focus_session",
    group: "focus",
    control: { kind: "duration", units: ["minutes", "hours"] },
    nouns: ["a focus session", "a focus timer", "focus time"],
    says: {
      last: [
        "start a focus session of {duration}",
        "let me focus for {duration}",
        "give me {duration} of focus",
        "i need to concentrate for {duration}",
      ],
    },
  },
  {
    name: "app_notifications",
    group: "focus",
    control: { kind: "toggle", app: true },
    nouns: ["notifications", "the notifications", "alerts", "push messages"],
  },
  {
    name: "notification_previews",
    group: "focus",
    control: { kind: "toggle" },
    nouns: ["notification previews", "message previews", "the notification preview"],
    says: {
      off: ["hide what my messages say", "don't show message texts on the lock screen"],
      on: ["show what my messages say"],
    },
  },
  {
    name: "app_badges",
    group: "focus",
    control: { kind: "toggle" },
    nouns: ["app badges", "the badges", "the red dots on apps", "unread counts"],
  },
  {
    name: "quiet_hours",
    group: "focus",
    control: { kind: "period" },
    nouns: ["quiet hours", "the quiet hours", "do not disturb"],
    says: {
      between: [
        "no notifications from {from} to {to}",
        "be quiet between {from} and {to}",
        "don't disturb me between {from} and {to}",
      ],
    },
  },
];
