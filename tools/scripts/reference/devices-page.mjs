/** The reference page of devices: targets and profiles, precisions, chips, quantization, shapes, operator rules. */
import { OPERATOR_RULES } from "../../../packages/analysis/dist/index.js";
import {
  ALL_DEVICES,
  COMPILING_PROFILES,
  DEFAULT_PROFILE,
  PRECISIONS,
  PROFILE_NAMES,
  RESULTS,
  RUNTIMES,
  SOCS,
  TARGETS,
  profilesOf,
} from "../../../packages/devices/dist/index.js";
import { PROFILES } from "../../../packages/onnx-export/dist/index.js";
import { GENERATED, cell, code, list } from "./markdown.mjs";
import { table } from "../../lib/markdown.mjs";

/** One row per device: its names, then `cells`. */
const deviceTable = (
  /** @type {readonly string[]} */ headings,
  /** @type {(device: (typeof ALL_DEVICES)[number]) => readonly unknown[]} */ cells,
) =>
  table(
    ["target", "profile", ...headings],
    ALL_DEVICES.map((device) => [code(device.target), code(device.profile), ...cells(device)]),
  );

const targetTable = () =>
  table(
    ["target", "profiles", "default", "opened by"],
    TARGETS.map((target) => {
      const runtimes = ALL_DEVICES.find((device) => device.target === target)?.runtimes ?? [];
      const openers = runtimes.map(
        (name) => `${code(RUNTIMES[name].function)} of ${code(RUNTIMES[name].package)}`,
      );
      return [code(target), list(profilesOf(target)), code(DEFAULT_PROFILE[target]), openers.join(", ")];
    }),
  );

const NODES_LEFT = { cpu: "the CPU", wasm: "WebAssembly" };

const CONFIRMED = PROFILE_NAMES.filter((name) => OPERATOR_RULES[name].confirmedBy !== null);

export const devicesPage = () => [
  GENERATED,
  "# Devices",
  "A target is a kind of device. A profile is the software that runs graphs on it: an execution provider of ONNX Runtime. " +
    "Export, quantization, analysis, the runtimes and the flags `--target`, `--profile` and `--device` read one table, " +
    "`packages/devices/src/device-table.ts`. This page is generated from it.",
  "## Targets",
  targetTable(),
  "`--profile` chooses a profile for `slm export` and `slm analyze`. `--device` chooses the device to run on (`cpu`, " +
    "`gpu[:profile]`, `npu[:profile]`).",
  "## Profiles",
  deviceTable(["device", "provider", "needs", "results of this release"], (device) => [
    cell(device.title),
    code(device.provider.name),
    cell(device.needs ?? "nothing"),
    device.results,
  ]),
  Object.entries(RESULTS)
    .map(([name, meaning]) => `- ${name}: ${meaning}.`)
    .join("\n"),
  "## Precisions",
  deviceTable(PRECISIONS, ({ precisions }) =>
    PRECISIONS.map((precision) =>
      precisions[precision] === true ? "yes" : `no: ${cell(precisions[precision])}`,
    ),
  ),
  "## Chips",
  "NPU graphs are compiled ahead of time for these chips (`slm compile --soc CHIP`) by the profile's plug-in. A graph that was " +
    "compiled for one generation does not run on another. The numbers and their sources are in `packages/devices/src/socs.ts`.",
  table(
    ["profile", "chip", "name", "generation", "options of the provider, metadata of its device"],
    COMPILING_PROFILES.flatMap((profile) =>
      SOCS[profile].map(({ name, title, generation, options, device }) => [
        code(profile),
        code(name),
        cell(title),
        cell(generation),
        list(Object.entries({ ...options, ...device }).map(([key, value]) => `${key}=${value}`)),
      ]),
    ),
  ),
  "## Quantization schemes",
  deviceTable(["recommended", "takes", "why not the others"], ({ schemes }) => [
    schemes.default === null ? "" : code(schemes.default),
    list(schemes.takes),
    cell(schemes.reason),
  ]),
  "## Shapes and graphs",
  "Static graphs have a fixed number for every size, so there is one set of graphs per source length (`--buckets`).",
  deviceTable(["graphs", "unsupported nodes", "opset"], ({ target, profile, shapes, rest }) => [
    shapes,
    rest === null ? "an error" : `run on ${NODES_LEFT[rest]}`,
    Object.entries(PROFILES[target]).find(([name]) => name === profile)?.[1].opset,
  ]),
  "## Operator rules",
  "`slm analyze` compares a graph with these rules without running it. Each profile's rules were confirmed by a program. Profiles " +
    "without a row have no rules: `slm analyze` then answers `supported: null` and prints the command that asks the device.",
  table(
    ["profile", "operators", "maximum axes", "control flow", "QDQ form", "confirmed by", "sources"],
    CONFIRMED.map((name) => {
      const { operators, maxRank, controlFlow, quantization, confirmedBy, sources } = OPERATOR_RULES[name];
      return [
        code(name),
        Object.keys(operators).length,
        maxRank.rejected,
        controlFlow,
        quantization === undefined
          ? "none"
          : `activations ${quantization.activations.join(", ")}; weights ${quantization.weights.join(", ")}`,
        cell(confirmedBy ?? ""),
        sources.map(({ document, version }) => cell(`${document} (${version})`)).join("; "),
      ];
    }),
  ),
];
