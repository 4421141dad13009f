/** Kinds of labellers that extensions add: code that returns targets for sources. A recipe uses one with `teacher.kind: extension`. */
import { ExtensionTable } from "@slm/core";
import type { Labeller } from "../labeller/labeller.js";

/** An open labeller. Its name and its identity come from the recipe. */
export interface OpenedLabeller extends Pick<Labeller, "answer" | "refuses"> {
  /** Frees the labeller's resources. Default: does nothing. */
  readonly close?: (() => Promise<void>) | undefined;
}

export interface LabellerKind<Settings = unknown> {
  /** Display name of the labeller. */
  readonly description: string;
  /**
   * Checks `teacher.settings` of a recipe and adds defaults: a zod schema, or any object with this method. It throws for invalid settings.
   * Paths are as written in the recipe.
   */
  readonly settings: { readonly parse: (given: unknown) => Settings };
  readonly open: (settings: Settings) => Promise<OpenedLabeller>;
}

/** Defines a kind of labeller, with a typed settings object. */
export function defineLabeller<Settings>(kind: LabellerKind<Settings>): LabellerKind {
  return { ...kind, open: (settings) => kind.open(kind.settings.parse(settings)) };
}

/** Labellers by name; extensions add them. */
export const LABELLERS = new ExtensionTable<LabellerKind>("labellers", {});
