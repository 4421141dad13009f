import type { Setting } from "../setting.js";

export const DISPLAY: readonly Setting[] = [
  {
    name: "brightness",
    group: "display",
    control: { kind: "level" },
    nouns: [
      "the brightness",
      "brightness",
      "the screen brightness",
      "my screen",
      "the screen",
      "the display brightness",
    ],
    says: {
      up: [
        "make the screen {amount} brighter",
        "the screen is too dark",
        "brighten the display {amount}",
        "i can hardly see the screen",
      ],
      down: [
        "dim the screen {amount}",
        "make the display {amount} dimmer",
        "the screen is too bright",
        "the screen hurts my eyes",
      ],
    },
  },
  {
    name: "night_light",
    group: "display",
    control: { kind: "toggle" },
    nouns: ["night light", "the night light", "the blue light filter", "the warm screen colours"],
    says: {
      on: ["make the screen colours warmer", "filter the blue light", "less blue light please"],
      off: ["the screen looks too yellow", "bring back the normal screen colours"],
    },
  },
  {
    name: "night_light_schedule",
    group: "display",
    control: { kind: "period" },
    nouns: ["the night light", "the blue light filter", "night light"],
    says: {
      between: ["warm screen colours from {from} to {to}", "filter blue light between {from} and {to}"],
    },
  },
  {
    name: "theme",
    group: "display",
    control: {
      kind: "choice",
      options: [
        { value: "dark", called: ["dark", "dark mode", "the dark theme"] },
        { value: "light", called: ["light", "light mode", "the light theme"] },
      ],
    },
    nouns: ["the theme", "the app theme", "the colour theme", "my theme"],
    says: {
      "choose:dark": [
        "turn on dark mode",
        "dark mode on",
        "make everything dark",
        "i prefer a dark background",
      ],
      "choose:light": [
        "turn off dark mode",
        "no more dark mode",
        "back to a light background",
        "i don't want dark mode any more",
      ],
    },
  },
  {
    name: "resolution",
    group: "display",
    control: {
      kind: "choice",
      options: [
        { value: "1280x720", called: ["1280x720", "1280 by 720", "720p"] },
        { value: "1920x1080", called: ["1920x1080", "1920 by 1080", "full hd", "1080p"] },
        { value: "2560x1440", called: ["2560x1440", "2560 by 1440", "1440p"] },
        { value: "3840x2160", called: ["3840x2160", "3840 by 2160", "4k"] },
      ],
    },
    nouns: ["the resolution", "the screen resolution", "my display resolution"],
    says: { choose: ["run the screen in {value}", "i want the monitor in {value}"] },
  },
  {
    name: "refresh_rate",
    group: "display",
    control: {
      kind: "choice",
      options: [
        { value: 60, called: ["60 hertz", "60 hz", "60hz", "sixty hertz"] },
        { value: 90, called: ["90 hertz", "90 hz", "90hz"] },
        { value: 120, called: ["120 hertz", "120 hz", "120hz"] },
        { value: 144, called: ["144 hertz", "144 hz", "144hz"] },
      ],
    },
    nouns: ["the refresh rate", "the screen refresh rate", "refresh rate"],
    says: { choose: ["run the display at {value}", "refresh the screen at {value}"] },
  },
  {
    name: "text_size",
    group: "display",
    control: { kind: "level" },
    nouns: ["the text size", "the font size", "my text size"],
    says: {
      up: [
        "make the text {amount} bigger",
        "the letters are too small",
        "larger text please",
        "i can't read this small text",
      ],
      down: [
        "make the text {amount} smaller",
        "the letters are too big",
        "smaller text please",
        "shrink the text {amount}",
      ],
    },
  },
  {
    name: "orientation",
    group: "display",
    control: {
      kind: "choice",
      options: [
        { value: "landscape", called: ["landscape", "landscape mode", "horizontal"] },
        { value: "portrait", called: ["portrait", "portrait mode", "vertical", "upright"] },
      ],
    },
    nouns: ["the screen orientation", "the orientation", "the display orientation"],
    says: { choose: ["rotate the screen to {value}", "turn the display to {value}"] },
  },
  {
    name: "screen_timeout",
    group: "display",
    control: { kind: "duration", units: ["seconds", "minutes"], never: true },
    nouns: ["the screen timeout", "the display timeout", "screen timeout"],
    says: {
      last: [
        "turn the screen off after {duration}",
        "switch off the display after {duration}",
        "keep the screen on for {duration}",
      ],
      never: [
        "never turn the screen off",
        "don't let the screen go dark",
        "keep the display on all the time",
      ],
    },
  },
];
