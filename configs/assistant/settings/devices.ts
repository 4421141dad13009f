import type { Setting } from "../setting.js";

export const DEVICES: readonly Setting[] = [
  {
    name: "bluetooth",
    group: "devices",
    control: { kind: "toggle" },
    nouns: ["bluetooth", "the bluetooth", "my bluetooth"],
  },
  {
    name: "pair_device",
    group: "devices",
    control: {
      kind: "name",
      slot: "device",
      names: [
        "Aria Buds",
        "Kitchen Speaker",
        "Lumen Keyboard",
        "Mia's Phone",
        "Orbit Mouse",
        "Pulse 3",
        "QuietPods",
        "SoundBar X2",
        "Tablet Pen",
        "Thunder headset",
        "Trackball Pro",
        "game controller",
      ],
    },
    nouns: ["a bluetooth device", "the bluetooth device"],
    says: {
      name: [
        "pair {value}",
        "pair with {value}",
        "connect my {value}",
        "add the bluetooth device {value}",
        "hook up {value}",
      ],
    },
  },
  {
    name: "mouse_speed",
    group: "devices",
    control: { kind: "level" },
    nouns: ["the mouse speed", "the pointer speed", "my mouse speed", "the cursor speed"],
    says: {
      up: ["make the mouse {amount} faster", "the pointer is too slow", "my mouse is too slow"],
      down: ["make the mouse {amount} slower", "the pointer is too fast", "the cursor jumps around too fast"],
    },
  },
  {
    name: "scroll_direction",
    group: "devices",
    control: {
      kind: "choice",
      options: [
        { value: "natural", called: ["natural", "natural scrolling"] },
        { value: "reverse", called: ["reverse", "reverse scrolling", "inverted"] },
      ],
    },
    nouns: ["the scroll direction", "the scrolling direction", "scrolling"],
  },
  {
    name: "keyboard_backlight",
    group: "devices",
    control: { kind: "level" },
    nouns: ["the keyboard backlight", "the keyboard light", "the key lighting"],
    says: {
      up: ["make the keys {amount} brighter", "i can't see the keys", "light up the keyboard {amount}"],
      down: ["make the keys {amount} dimmer", "the keys glow too much", "dim the keyboard {amount}"],
    },
  },
  {
    name: "touchpad",
    group: "devices",
    control: { kind: "toggle" },
    nouns: ["the touchpad", "the trackpad", "my touchpad"],
    says: { off: ["i keep hitting the touchpad", "ignore the trackpad"] },
  },
  {
    name: "default_printer",
    group: "devices",
    control: {
      kind: "name",
      slot: "printer",
      names: [
        "Basement Laser",
        "Copy Room",
        "Color Jet 9",
        "Desk Printer",
        "Front Office",
        "Inkwell 300",
        "Old Faithful",
        "Studio Photo",
      ],
    },
    nouns: ["the default printer", "my printer", "the standard printer"],
    says: { name: ["print on {value} from now on", "always print to {value}", "use the printer {value}"] },
  },
];
