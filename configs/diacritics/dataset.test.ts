import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "@slm/core/testing";
import { dataConfig, prepareData, readAllRows } from "@slm/data";
import { describe, expect, test } from "vitest";
import { writeDebianIndex } from "../shared/testing/debian-folder.js";
import { isSentence } from "./dataset.js";
import { stripDiacritics } from "./strip.js";

const module = fileURLToPath(new URL("./dataset.ts", import.meta.url));
const index = temporaryFolder();
const output = temporaryFolder();

describe(stripDiacritics, () => {
  test.each([
    ["Žluťoučký kůň", "Zlutoucky kun"],
    ["Zażółć gęślą jaźń", "Zazolc gesla jazn"],
    ["Où est le cœur ?", "Ou est le coeur ?"],
    ["¿Mañana? ação", "¿Manana? acao"],
    ["plain «text» – 1,5", "plain «text» – 1,5"],
  ])("%s", (text, plain) => {
    expect(stripDiacritics(text)).toBe(plain);
    expect(stripDiacritics(text.normalize("NFD"))).toBe(plain);
  });
});

describe(isSentence, () => {
  test.each([
    ["Malý editor textu.", true],
    ["Ein Text ohne solche Zeichen.", false],
    ["Voir http://example.org/été pour plus.", false],
    ["Přepínač --všechno=ano", false],
    ["Кодировка é", false],
    ["é 1 2 3 4 5 6 7 8", false],
  ])("%s: %s", (text, expected) => {
    expect(isSentence(text)).toBe(expected);
  });
});

test("languages alternate, with distinct sentences up to the limit", async () => {
  const entries = [1, 2, 3].map((place) => ({
    name: `p${place}`,
    section: "utils",
    synopsis: "editor",
    lines: [],
    translations: {
      cs: ["malý editor textu", `Umí číslo ${"jedna dvě tři".split(" ")[place - 1]} a také ještě něco.`],
      fr: ["éditeur léger de texte"],
    },
  }));
  await writeDebianIndex(index, entries, ["en", "cs", "fr"]);
  const source = { module, files: index, languages: ["cs", "fr"], perLanguage: 3, shortest: 10 };
  await prepareData(dataConfig.parse({ source, testFraction: 0, devFraction: 0 }), output);
  expect(await readAllRows(join(output, "train.jsonl"))).toEqual([
    { source: "maly editor textu", target: "malý editor textu" },
    { source: "editeur leger de texte", target: "éditeur léger de texte" },
    { source: "Umi cislo jedna a take jeste neco.", target: "Umí číslo jedna a také ještě něco." },
    { source: "Umi cislo dve a take jeste neco.", target: "Umí číslo dvě a také ještě něco." },
  ]);
});
