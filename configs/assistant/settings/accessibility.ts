import type { Setting } from "../setting.js";

export const ACCESSIBILITY: readonly Setting[] = [
  {
    name: "magnifier",
    group: "accessibility",
    control: { kind: "toggle" },
    nouns: ["the magnifier", "magnifier", "the magnifying glass", "the screen zoom"],
    says: { on: ["zoom into the screen"], off: ["stop zooming"] },
  },
  {
    name: "screen_reader",
    group: "accessibility",
    control: { kind: "toggle" },
    nouns: ["the screen reader", "screen reader", "the narrator"],
    says: {
      on: ["read the screen to me", "read out what is on the screen"],
      off: ["stop reading the screen", "stop talking to me"],
    },
  },
  {
    name: "captions",
    group: "accessibility",
    control: { kind: "toggle" },
    nouns: ["captions", "live captions", "subtitles", "the subtitles"],
    says: { on: ["show me what is being said", "write along what people say"] },
  },
  {
    name: "high_contrast",
    group: "accessibility",
    control: { kind: "toggle" },
    nouns: ["high contrast", "high contrast mode", "the contrast mode"],
    says: { on: ["i need more contrast"] },
  },
  {
    name: "color_filter",
    group: "accessibility",
    control: {
      kind: "choice",
      options: [
        { value: "grayscale", called: ["grayscale", "black and white", "shades of gray"] },
        { value: "inverted", called: ["inverted", "inverted colours"] },
        { value: "red_green", called: ["red-green", "the red green filter"] },
        { value: "none", called: ["no filter", "normal colours"] },
      ],
    },
    nouns: ["the color filter", "the colour filter", "the screen colours"],
    says: {
      "choose:grayscale": ["make the screen black and white", "take the colour out of the screen"],
      "choose:inverted": ["invert the colours"],
    },
  },
  {
    name: "sticky_keys",
    group: "accessibility",
    control: { kind: "toggle" },
    nouns: ["sticky keys", "the sticky keys"],
    says: { on: ["let me press key combinations one key at a time"] },
  },
  {
    name: "voice_typing",
    group: "accessibility",
    control: { kind: "toggle" },
    nouns: ["voice typing", "dictation", "speech input"],
    says: { on: ["write down what i say", "let me dictate"], off: ["stop listening to me"] },
  },
  {
    name: "language",
    group: "accessibility",
    control: {
      kind: "choice",
      options: [
        { value: "english", called: ["english"] },
        { value: "german", called: ["german"] },
        { value: "french", called: ["french"] },
        { value: "spanish", called: ["spanish"] },
        { value: "italian", called: ["italian"] },
        { value: "japanese", called: ["japanese"] },
        { value: "polish", called: ["polish"] },
        { value: "turkish", called: ["turkish"] },
      ],
    },
    nouns: ["the language", "the system language", "the display language", "my language"],
    says: { choose: ["talk to me in {value}", "show everything in {value}", "i'd rather read {value}"] },
  },
  {
    name: "pointer_size",
    group: "accessibility",
    control: { kind: "level" },
    nouns: ["the pointer size", "the cursor size", "the mouse pointer size"],
    says: {
      up: [
        "make the mouse pointer {amount} bigger",
        "i keep losing the cursor",
        "enlarge the pointer {amount}",
      ],
      down: ["make the mouse pointer {amount} smaller", "the cursor is too big"],
    },
  },
];
