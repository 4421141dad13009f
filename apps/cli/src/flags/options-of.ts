/** Flags of every command, which are not options of the library. */
const GLOBAL = ["json", "quiet", "events", "debug"] as const;

type OptionName<Flag> = Flag extends `${infer Head}-${infer Tail}`
  ? `${Head}${Capitalize<OptionName<Tail>>}`
  : Flag & string;

type OptionsOf<Flags> = {
  readonly [
    Flag in keyof Flags as Flag extends (typeof GLOBAL)[number] ? never : OptionName<Flag>
  ]: Flags[Flag];
};

/** The flags of a command under the names of the library's options: `--block-size` is `blockSize`. */
export function optionsOf<Flags extends object>(flags: Flags): OptionsOf<Flags> {
  const own = Object.entries(flags).filter(([flag]) => !(GLOBAL as readonly string[]).includes(flag));
  return Object.fromEntries(
    own.map(([flag, value]) => [
      flag.replace(/-(.)/gu, (_, letter: string) => letter.toUpperCase()),
      value as unknown,
    ]),
  ) as OptionsOf<Flags>;
}
