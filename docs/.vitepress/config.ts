/** The documentation site, which `npm run docs` builds. docs/README.md is its first page and the order of its sidebar. */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { cp } from "node:fs/promises";
import { join, normalize, relative } from "node:path";
import { defineConfig, type DefaultTheme, type MarkdownEnv } from "vitepress";

type Item = DefaultTheme.SidebarItem;

const docs = join(import.meta.dirname, "..");
const read = (path: string): string => readFileSync(join(docs, path), "utf8");

/** Where files outside the site are read: the repository that a CI job builds the site from. */
const { GITHUB_SERVER_URL, GITHUB_REPOSITORY, CI_PROJECT_URL } = process.env;
const repository =
  GITHUB_REPOSITORY === undefined ? CI_PROJECT_URL : `${GITHUB_SERVER_URL ?? ""}/${GITHUB_REPOSITORY}`;

const titleOf = (path: string): string => /^# (.+)$/m.exec(read(path))?.[1]?.replaceAll("`", "") ?? path;
const capitalized = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
const addressOf = (path: string): string => `/${path.replace(/(README)?\.md$/, "")}`;

/** A page of the list, with the pages of its folder that it links to, in the order of its links: benchmarks/README.md has g2p.md. */
function itemOf(text: string, path: string): Item {
  const folder = path.replace(/(\/README)?\.md$/, "");
  const others = existsSync(join(docs, folder)) ? readdirSync(join(docs, folder)) : [];
  const index = read(path);
  const place = (name: string): number => index.indexOf(`${name})`);
  const items = others
    .filter((name) => name.endsWith(".md") && place(name) >= 0)
    .sort((a, b) => place(a) - place(b))
    .map((name) => ({ text: titleOf(`${folder}/${name}`), link: addressOf(`${folder}/${name}`) }));
  const item = { text: capitalized(text), link: addressOf(path) };
  return items.length === 0 ? item : { ...item, collapsed: true, items };
}

/** Headings of docs/README.md become groups, its links become pages. */
function sidebarOf(index: string): Item[] {
  const sections: Item[] = [];
  let group: Item = {};
  for (const line of index.split("\n")) {
    const [, marks, heading] = /^(##|###) (.+)$/.exec(line) ?? [];
    if (heading !== undefined) {
      const parent = marks === "##" ? sections : sections.at(-1)?.items;
      group = { text: heading, collapsed: true, items: [] };
      parent?.push(group);
    } else if (line.startsWith("- "))
      for (const [, text = "", path = ""] of line.matchAll(/\[([^\]]+)\]\((?!\.\.)([^)]+\.md)\)/g))
        group.items?.push(itemOf(text, path));
  }
  return sections;
}

const sidebar = sidebarOf(read("README.md"));
const linksOf = (items: readonly Item[] = []): string[] =>
  items.flatMap(({ link, items: inner }) => [...(link === undefined ? [] : [link]), ...linksOf(inner)]);
const listed = new Set(["/", ...linksOf(sidebar)]);
for (const path of readdirSync(docs, { recursive: true, encoding: "utf8" }))
  if (path.endsWith(".md") && !listed.has(addressOf(path)))
    throw new Error(`docs/${path} is not in docs/README.md, so the site has no link to it`);

const library = { text: "Library", link: "/library/index.html", target: "_self" };
sidebar.find(({ text }) => text === "Reference")?.items?.push(library);

/** Files in docs/ that are not pages and that a page links to, such as examples. They are copied to the site. */
const linkedFiles = new Set<string>();

/** The first page, above the text of docs/README.md. */
const home = {
  layout: "home",
  hero: {
    name: "slm",
    text: "A small model for your task",
    tagline:
      "Distil a large language model into a small encoder-decoder for laptops, phones, browsers and NPUs.",
    actions: [{ text: "Your own task in ten minutes", link: "/how-to/your-own-task" }],
  },
};

export default defineConfig({
  title: "slm",
  description: "Distil a large language model into a small encoder-decoder for one task",
  lang: "en-GB",
  outDir: "../dist-docs",
  cacheDir: "../node_modules/.cache/vitepress",
  rewrites: { "README.md": "index.md", ":folder/README.md": ":folder/index.md" },
  themeConfig: {
    nav: sidebar.flatMap(({ text = "", items = [] }) => {
      const [link] = linksOf(items);
      return link === undefined ? [] : [{ text, link }];
    }),
    sidebar,
    outline: [2, 3],
    ...(repository === undefined ? {} : { socialLinks: [{ icon: "github", link: repository }] }),
    search: {
      provider: "local",
      options: {
        // The page of all settings repeats the pages of the sections.
        _render: (source, env, md) =>
          env.relativePath === "reference/recipe.md" ? "" : md.render(source, env),
      },
    },
  },
  markdown: {
    config(md) {
      const openLink = md.renderer.rules.link_open;
      md.renderer.rules.link_open = (tokens, index, options, env: MarkdownEnv, self) => {
        const token = tokens[index];
        const address = token?.attrGet("href") ?? "";
        const [path = "", anchor] = address.split("#");
        if (token !== undefined && path !== "" && !/^[a-z]+:/.test(path)) {
          const file = normalize(join("docs", env.path.slice(docs.length), "..", path));
          if (/^docs\/.*\.md$/.test(file)) token.attrSet("href", address.replace(/README\.md/, "index.md"));
          else if (file.startsWith("docs/")) linkedFiles.add(file);
          else if (repository === undefined) token.attrs = [["title", file]];
          else
            token.attrSet(
              "href",
              `${repository}/blob/HEAD/${file}${anchor === undefined ? "" : `#${anchor}`}`,
            );
        }
        return openLink?.(tokens, index, options, env, self) ?? self.renderToken(tokens, index, options);
      };
    },
  },
  async buildEnd({ outDir }) {
    for (const file of linkedFiles)
      await cp(join(docs, "..", file), join(outDir, relative("docs", file)), { recursive: true });
  },
  transformPageData: ({ relativePath }) => {
    if (relativePath === "index.md") return { frontmatter: home };
    return relativePath.startsWith("reference/recipe/") ? { frontmatter: { aside: false } } : undefined;
  },
});
