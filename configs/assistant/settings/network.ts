import type { Setting } from "../setting.js";

export const NETWORK: readonly Setting[] = [
  {
    name: "wifi",
    group: "network",
    control: { kind: "toggle" },
    nouns: ["wifi", "the wifi", "wi-fi", "wireless", "the wireless"],
    says: { off: ["disconnect from wifi", "take me off the wifi"], on: ["get me back on wifi"] },
  },
  {
    name: "wifi_network",
    group: "network",
    control: {
      kind: "name",
      slot: "network",
      names: [
        "Blue House",
        "Cafe Luna",
        "Fernweh",
        "Guest 24",
        "Hotel Astoria",
        "Library",
        "Mill Lane 7",
        "Office Guest",
        "Pixel Barn",
        "Reading Room",
        "Sunflower",
        "TrainNet",
        "homebase",
        "netgear42",
        "the_attic",
      ],
    },
    nouns: ["the wifi network", "the network", "wifi"],
    says: {
      name: [
        "connect to {value}",
        "join {value}",
        "log on to {value}",
        "connect me to the wifi {value}",
        "use the network {value}",
      ],
    },
  },
  {
    name: "airplane_mode",
    group: "network",
    control: { kind: "toggle" },
    nouns: ["airplane mode", "flight mode", "aeroplane mode"],
    says: { on: ["we're about to take off", "i'm boarding a plane"], off: ["we have landed"] },
  },
  {
    name: "mobile_data",
    group: "network",
    control: { kind: "toggle" },
    nouns: ["mobile data", "cellular data", "my mobile data", "the mobile internet"],
    says: { off: ["stop using my data plan"], on: ["go online over the mobile network"] },
  },
  {
    name: "hotspot",
    group: "network",
    control: { kind: "toggle" },
    nouns: ["the hotspot", "my hotspot", "the mobile hotspot", "tethering"],
    says: {
      on: ["share my internet connection", "let others use my internet"],
      off: ["stop sharing my internet connection"],
    },
  },
  {
    name: "vpn",
    group: "network",
    control: { kind: "toggle" },
    nouns: ["the vpn", "vpn", "my vpn", "the vpn connection"],
    says: {
      on: ["connect to the vpn", "dial into the office vpn"],
      off: ["disconnect the vpn", "leave the vpn"],
    },
  },
  {
    name: "metered_connection",
    group: "network",
    control: { kind: "toggle" },
    nouns: ["the metered connection", "metered connection", "data saver", "the data saver"],
    says: { on: ["use less data on this network", "save data"] },
  },
];
