import type { Setting } from "../setting.js";

export const SOUND: readonly Setting[] = [
  {
    name: "volume",
    group: "sound",
    control: { kind: "level" },
    nouns: ["the volume", "volume", "the sound", "the speaker volume", "my volume"],
    says: {
      up: [
        "make it {amount} louder",
        "it's too quiet",
        "i can't hear anything",
        "louder please",
        "speak up {amount}",
      ],
      down: [
        "make it {amount} quieter",
        "it's too loud",
        "not so loud",
        "quieter please",
        "it's {amount} too noisy",
      ],
    },
  },
  {
    name: "mute",
    group: "sound",
    control: { kind: "toggle" },
    nouns: ["mute", "the mute"],
    says: {
      on: ["mute the sound", "mute everything", "silence the speakers", "no sound please", "mute my laptop"],
      off: ["unmute", "unmute the sound", "give me the sound back", "bring the sound back"],
    },
  },
  {
    name: "microphone",
    group: "sound",
    control: { kind: "toggle" },
    nouns: ["the microphone", "my microphone", "the mic", "my mic"],
    says: {
      on: ["unmute my mic", "let people hear me", "unmute the microphone"],
      off: ["mute my mic", "mute the microphone", "nobody should hear me now"],
    },
  },
  {
    name: "microphone_volume",
    group: "sound",
    control: { kind: "level" },
    nouns: ["the microphone volume", "the mic level", "my microphone gain", "the microphone level"],
    says: {
      up: ["people can't hear me well", "my voice is too quiet in calls", "make my mic {amount} louder"],
      down: ["my voice is too loud in calls", "make my mic {amount} quieter", "my microphone is too loud"],
    },
  },
  {
    name: "output_device",
    group: "sound",
    control: {
      kind: "choice",
      options: [
        { value: "speakers", called: ["the speakers", "speakers", "the built-in speakers"] },
        { value: "headphones", called: ["my headphones", "headphones", "the headset"] },
        { value: "monitor", called: ["the monitor", "the hdmi output", "the tv"] },
      ],
    },
    nouns: ["the sound output", "the audio output", "the output device"],
    says: {
      choose: [
        "play the sound through {value}",
        "send the audio to {value}",
        "use {value} for sound",
        "i want to hear it on {value}",
      ],
    },
  },
  {
    name: "spatial_sound",
    group: "sound",
    control: { kind: "toggle" },
    nouns: ["spatial sound", "surround sound", "3d audio", "spatial audio"],
  },
  {
    name: "system_sounds",
    group: "sound",
    control: { kind: "toggle" },
    nouns: ["the system sounds", "system sounds", "the click sounds", "the startup sound"],
    says: { off: ["stop beeping at every click", "no more beeps when i click"] },
  },
];
