/**
 * The usual phrases for each action, for any setting. Placeholders in braces are filled with a noun of the setting
 * (`bare`: without its article) and words for its values.
 */

export const APPS = [
  ...[
    "Mail",
    "Maps",
    "Calendar",
    "Notes",
    "Photos",
    "Weather",
    "Music",
    "Chess",
    "Bank",
    "News",
    "Podcasts",
    "Recipes",
  ],
  ...[
    "Chatter",
    "Skylark",
    "Podium",
    "Postbox",
    "Runlog",
    "Tripwise",
    "Snapbook",
    "Filmclub",
    "the browser",
    "the calculator",
  ],
] as const;

/** Words for `{amount}`. */
export const AMOUNTS = {
  little: ["a bit", "a little", "slightly", "a tad", "a touch", "a little bit", "just a bit", "somewhat"],
  lot: ["a lot", "way", "much", "a whole lot", "considerably", "far"],
} as const;

export const PHRASINGS = {
  on: [
    ...[
      "turn on {noun}",
      "turn {noun} on",
      "switch on {noun}",
      "switch {noun} on",
      "enable {noun}",
      "activate {noun}",
    ],
    ...[
      "start {noun}",
      "put {noun} on",
      "i want {noun} on",
      "i need {noun}",
      "{bare} on",
      "get {noun} running",
      "use {noun}",
    ],
    ...[
      "make sure {noun} is on",
      "i'd like to have {noun} on",
      "could i have {noun} back on",
      "set {noun} to on",
    ],
    ...["{bare} should be on", "give me {noun}", "turn {noun} back on", "why is {noun} off"],
  ],
  off: [
    ...[
      "turn off {noun}",
      "turn {noun} off",
      "switch off {noun}",
      "switch {noun} off",
      "disable {noun}",
      "deactivate {noun}",
    ],
    ...[
      "stop {noun}",
      "i don't need {noun} any more",
      "i don't want {noun}",
      "no more {bare}",
      "{bare} off",
      "get rid of {noun}",
    ],
    ...[
      "kill {noun}",
      "make sure {noun} is off",
      "i want {noun} off",
      "set {noun} to off",
      "i can do without {noun}",
    ],
    ...["{bare} should be off", "shut {noun} off", "take {noun} off", "why is {noun} on"],
  ],
  "on-app": [
    ...[
      "turn on {noun} for {app}",
      "allow {noun} for {app}",
      "enable {noun} in {app}",
      "let {app} use {noun}",
    ],
    ...[
      "{app} may use {noun}",
      "give {app} access to {noun}",
      "switch {noun} on for {app}",
      "i want {bare} from {app}",
    ],
  ],
  "off-app": [
    ...[
      "turn off {noun} for {app}",
      "block {noun} for {app}",
      "disable {noun} in {app}",
      "don't let {app} use {noun}",
    ],
    ...[
      "{app} must not use {noun}",
      "no {bare} for {app}",
      "switch {noun} off for {app}",
      "no more {bare} from {app}",
    ],
  ],
  "on-timed": [
    ...[
      "turn on {noun} for {duration}",
      "{bare} for {duration}",
      "enable {noun} for {duration}",
      "switch {noun} on for {duration}",
    ],
    ...[
      "put {noun} on for the next {duration}",
      "for {duration} turn on {noun}",
      "i need {noun} for {duration}",
    ],
  ],
  set: [
    ...[
      "set {noun} to {level}",
      "put {noun} at {level}",
      "change {noun} to {level}",
      "{bare} to {level}",
      "{bare} {level}",
    ],
    ...[
      "bring {noun} to {level}",
      "i want {noun} at {level}",
      "{bare} should be at {level}",
      "turn {noun} to {level}",
    ],
    ...[
      "make {noun} {level}",
      "adjust {noun} to {level}",
      "{level} {bare}",
      "go to {level} on {noun}",
      "move {noun} to {level}",
    ],
  ],
  up: [
    ...[
      "turn up {noun} {amount}",
      "turn {noun} up {amount}",
      "raise {noun} {amount}",
      "increase {noun} {amount}",
    ],
    ...[
      "put {noun} up {amount}",
      "bring {noun} up {amount}",
      "{bare} up {amount}",
      "{bare} {amount} higher",
      "make {noun} {amount} higher",
    ],
    ...[
      "crank up {noun} {amount}",
      "push {noun} up {amount}",
      "{noun} is {amount} too low",
      "i need {amount} more {bare}",
      "bump {noun} up {amount}",
    ],
  ],
  down: [
    ...[
      "turn down {noun} {amount}",
      "turn {noun} down {amount}",
      "lower {noun} {amount}",
      "reduce {noun} {amount}",
    ],
    ...[
      "put {noun} down {amount}",
      "bring {noun} down {amount}",
      "{bare} down {amount}",
      "{bare} {amount} lower",
      "make {noun} {amount} lower",
    ],
    ...[
      "decrease {noun} {amount}",
      "{noun} is {amount} too high",
      "cut {noun} {amount}",
      "drop {noun} {amount}",
      "take {noun} down {amount}",
    ],
  ],
  "up-by": [
    ...[
      "turn up {noun} by {step}",
      "turn {noun} up by {step}",
      "raise {noun} by {step}",
      "increase {noun} by {step}",
      "{bare} up {step}",
    ],
    ...["add {step} to {noun}", "{step} more {bare}", "bump {noun} up {step}", "make {noun} {step} higher"],
  ],
  "down-by": [
    ...[
      "turn down {noun} by {step}",
      "turn {noun} down by {step}",
      "lower {noun} by {step}",
      "reduce {noun} by {step}",
      "{bare} down {step}",
    ],
    ...["take {step} off {noun}", "{step} less {bare}", "drop {noun} by {step}", "make {noun} {step} lower"],
  ],
  choose: [
    ...[
      "set {noun} to {value}",
      "change {noun} to {value}",
      "switch {noun} to {value}",
      "{bare} {value}",
      "make {noun} {value}",
    ],
    ...[
      "put {noun} on {value}",
      "i want {noun} to be {value}",
      "use {value} for {noun}",
      "{value} for {noun}",
      "{bare} to {value}",
    ],
    ...[
      "go with {value} for {noun}",
      "{bare} should be {value}",
      "select {value} as {noun}",
      "i'd prefer {value} as {noun}",
    ],
  ],
  last: [
    ...[
      "set {noun} to {duration}",
      "change {noun} to {duration}",
      "make {noun} {duration}",
      "{bare} {duration}",
      "{bare} of {duration}",
    ],
    ...[
      "{duration} for {noun}",
      "i want {noun} at {duration}",
      "{bare} should be {duration}",
      "put {noun} on {duration}",
    ],
  ],
  never: [
    "set {noun} to never",
    "turn off {noun}",
    "disable {noun}",
    "i don't want {noun}",
    "no {bare}",
    "{bare} never",
  ],
  between: [
    ...[
      "turn on {noun} from {from} to {to}",
      "{bare} from {from} to {to}",
      "schedule {noun} from {from} to {to}",
    ],
    ...[
      "{noun} should be on between {from} and {to}",
      "run {noun} from {from} until {to}",
      "from {from} to {to} turn on {noun}",
    ],
    ...["{bare} between {from} and {to}", "i want {noun} from {from} till {to}"],
  ],
  name: [
    "set {noun} to {value}",
    "change {noun} to {value}",
    "switch {noun} to {value}",
    "use {value} as {noun}",
    "make {value} {noun}",
    "{bare} {value}",
  ],
  leave: [
    ...[
      "leave {noun} alone",
      "don't touch {noun}",
      "leave {noun} as it is",
      "don't change {noun}",
      "keep {noun} the way it is",
    ],
    ...[
      "do nothing with {noun}",
      "please don't change {noun}",
      "{noun} is fine as it is",
      "never mind {noun}",
      "no need to change {noun}",
    ],
    ...["don't turn off {noun}", "don't turn on {noun}", "i like {noun} as it is"],
  ],
} as const satisfies Readonly<Record<string, readonly string[]>>;

export type Phrasing = keyof typeof PHRASINGS;
