/** The page of plug-ins: where they come from, what is in them, what they were tried with. */
import {
  KNOWN_NAMES,
  knownPlugin,
  obtainCommand,
} from "../../../packages/runtime-native/dist/plugins/index.js";
import { GENERATED, cell, code, list } from "./markdown.mjs";
import { table } from "../../lib/markdown.mjs";

/** A table with a row for each known plug-in. */
const pluginTable = (
  /** @type {string[]} */ headings,
  /** @type {(plugin: ReturnType<typeof knownPlugin>, name: (typeof KNOWN_NAMES)[number]) => readonly unknown[]} */
  cells,
) =>
  table(
    ["plug-in", ...headings],
    KNOWN_NAMES.map((name) => [code(name), ...cells(knownPlugin(name), name)]),
  );

export const pluginsPage = () => [
  GENERATED,
  "# Plug-ins",
  "A plug-in is an execution provider of ONNX Runtime in a separate library, from the vendor of a device. `slm device add` unpacks a package that you " +
    "downloaded ([how-to](../how-to/plug-ins.md)). This page is printed from `packages/runtime-native/src/plugins/known.ts`; other plug-ins are added by path.",
  "## Packages",
  pluginTable(["device", "for", "download command", "platforms"], (plugin, name) => [
    cell(plugin.title),
    list(plugin.serves),
    code(obtainCommand(name)),
    cell(plugin.platforms.join(", ")),
  ]),
  "## What is in them",
  pluginTable(["provider library", "registered as", "options", "licence", "needs"], (plugin) => [
    code(plugin.library),
    code(plugin.registrationName),
    Object.entries(plugin.libraryOptions)
      .map(([key, library]) => code(`${key}=${library}`))
      .join(", "),
    `${cell(plugin.licence.covers)}${plugin.licence.terms === null ? "" : ` (<${plugin.licence.terms}>)`}`,
    cell(plugin.needs),
  ]),
  "## What this release was tried with",
  table(
    ["plug-in", "version", "platform", "result", "SHA-256 of the file"],
    KNOWN_NAMES.flatMap((name) =>
      knownPlugin(name).tried.map(({ version, platform, result, sha256 }) => [
        code(name),
        version,
        platform,
        cell(result),
        code(sha256),
      ]),
    ),
  ),
];
