/**
 * The classes: sections of Debian's archive. Small sections are merged with the most similar one.
 *
 * Source: Debian Policy 4.17, section 2.4, and the descriptions on packages.debian.org.
 */

/** Class of each section. Sections that describe a package's form, not its subject, have none (documentation, debugging symbols,
 * translations, headers, metapackages, "misc"). */
const CLASSES: Readonly<Record<string, string>> = {
  admin: "admin",
  kernel: "admin",
  tasks: "admin",
  "cli-mono": "devel",
  comm: "hamradio",
  database: "database",
  devel: "devel",
  editors: "editors",
  education: "science",
  electronics: "electronics",
  embedded: "electronics",
  fonts: "fonts",
  games: "games",
  gnome: "desktop",
  "gnu-r": "gnu-r",
  gnustep: "desktop",
  golang: "golang",
  graphics: "graphics",
  hamradio: "hamradio",
  haskell: "haskell",
  httpd: "web",
  interpreters: "devel",
  java: "java",
  javascript: "javascript",
  kde: "desktop",
  libs: "libs",
  lisp: "lisp",
  mail: "mail",
  math: "math",
  net: "net",
  news: "mail",
  ocaml: "ocaml",
  perl: "perl",
  php: "php",
  python: "python",
  ruby: "ruby",
  rust: "rust",
  science: "science",
  shells: "utils",
  sound: "sound",
  tex: "text",
  text: "text",
  utils: "utils",
  vcs: "vcs",
  video: "video",
  web: "web",
  x11: "x11",
  xfce: "desktop",
  zope: "python",
};

/** The class of a section; undefined if it has none. */
export const classOf = (section: string): string | undefined =>
  Object.hasOwn(CLASSES, section) ? CLASSES[section] : undefined;

/** All classes, in alphabetical order. */
export const CLASS_NAMES: readonly string[] = [...new Set(Object.values(CLASSES))].sort();
