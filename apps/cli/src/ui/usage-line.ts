/**
 * The usage line of a command. oclif's own line is wrong for a flag that excludes or requires several others: `[--beams <n> | ... | | ]`.
 */
import type { Command } from "@oclif/core";

type Flag = Command.Flag.Cached;

/** Arguments, required flags, optional flags, and the flags of every command, in this order. Flags in one pair of brackets exclude each other. */
export function usageLine({
  args,
  flags,
  strict,
}: Pick<Command.Loadable, "args" | "flags" | "strict">): string {
  const argument = (arg: Command.Arg.Cached): string => argumentText(arg, strict === false);
  const shown = Object.values(flags).filter(({ hidden }) => hidden !== true);
  const required = shown.filter((flag) => flag.required === true);
  const optional = shown.filter((flag) => flag.required !== true);
  const isGlobal = ({ helpGroup }: Flag): boolean => helpGroup === "GLOBAL";
  const alternatives = [
    ...groups(optional.filter((flag) => !isGlobal(flag))),
    ...groups(optional.filter(isGlobal)),
  ];
  return [
    ...Object.values(args)
      .filter(({ hidden }) => hidden !== true)
      .map(argument),
    ...required.map(flagText),
    ...alternatives.map((group) => `[${group.map(flagText).join(" | ")}]`),
  ].join(" ");
}

/** Groups flags that all exclude one another; other flags are groups of one. Groups are ordered by their first flag. */
function groups(flags: readonly Flag[]): readonly (readonly Flag[])[] {
  const found: Flag[][] = [];
  for (const flag of flags) {
    const group = found.find((members) => members.every((member) => excludes(member, flag)));
    if (group === undefined) found.push([flag]);
    else group.push(flag);
  }
  return found;
}

const excludes = (one: Flag, other: Flag): boolean =>
  one.exclusive?.includes(other.name) === true || other.exclusive?.includes(one.name) === true;

/** @param takesMore whether the command accepts more words than its named arguments */
function argumentText({ name, required, multiple }: Command.Arg.Cached, takesMore: boolean): string {
  const text = `${name.toUpperCase()}${multiple === true || takesMore ? "..." : ""}`;
  return required === true ? text : `[${text}]`;
}

function flagText(flag: Flag): string {
  if (flag.type === "boolean" && flag.allowNo) return `--[no-]${flag.name}`;
  const name = flag.char === undefined ? `--${flag.name}` : `-${flag.char}`;
  if (flag.type === "boolean") return name;
  const values = [flag.helpValue ?? flag.options?.join("|") ?? "<value>"].flat();
  return `${name} ${values.join(" ")}${flag.multiple === true ? "..." : ""}`;
}
