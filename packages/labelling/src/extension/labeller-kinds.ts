/** Kinds of labellers that extensions add: code that answers sources with targets. A recipe names one: `teacher.kind: extension`. */
import { ExtensionTable } from "@slm/core";
import type { Labeller } from "../labeller/labeller.js";

/** An open labeller. Its name and its identity come from the recipe. */
export interface OpenedLabeller extends Pick<Labeller, "answer" | "refuses"> {
  /** Frees what the labeller holds. Default: nothing. */
  readonly close?: (() => Promise<void>) | undefined;
}

export interface LabellerKind<Settings = unknown> {
  /** Who answers, for people. */
  readonly description: string;
  /**
   * Checks `teacher.settings` of a recipe, and gives them their defaults: a zod schema, or any object with this method. It throws for
   * settings that it does not take. Paths are as the recipe has them.
   */
  readonly settings: { readonly parse: (given: unknown) => Settings };
  readonly open: (settings: Settings) => Promise<OpenedLabeller>;
}

/** A kind of labeller with the type of its settings checked. */
export function defineLabeller<Settings>(kind: LabellerKind<Settings>): LabellerKind {
  return { ...kind, open: (settings) => kind.open(kind.settings.parse(settings)) };
}

/** Labellers by name; extensions add them. */
export const LABELLERS = new ExtensionTable<LabellerKind>("labellers", {});
